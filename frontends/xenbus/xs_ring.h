// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The guest's end of the page that it shares with xenstored: a stream of bytes each way.
//
// The server writes req_cons, rsp_prod and the bytes of rsp; all else is ours. Our own two indexes
// are kept here and never read back. Callers are serialised.
#pragma once

#include "frontends/xenbus/xs_abi.h"
#include "pvkit/result.h"

namespace pvk::xs {

class Ring {
 public:
  // Goes on where the page's indexes stand. What the server said and nobody read is passed over.
  void open(Page* page);
  // Goes on on the same page after a fault. What the server said and nobody read is passed over.
  // False when its index is nowhere in what was written: what it has not taken is dropped then.
  bool reopen();
  // Whether all four indexes are 0: nobody has used the page since the domain was made.
  bool untouched() const;
  // Whether our two words of the page are what we left there: the page is the same stream.
  bool unchanged() const;

  // Puts as many bytes as there is room for and says how many. kBackendProtocol when the server
  // took more than there was, or took it back.
  Result<u32> push(const char* bytes, u32 count);
  // Takes at most `count` bytes. kBackendProtocol when the server shows more than the ring holds,
  // or less than it had shown.
  Result<u32> pull(char* bytes, u32 count);
  // Whether the last bytes that were written, a header's worth, are all zero.
  bool ends_in_zeros() const;
  // Whether the server has taken every byte.
  Result<bool> all_taken();

  // ---- the words beside the rings (xs_wire.h: server_features, connection, error) --------------

  bool offers(u32 feature) const;
  // Asks for a new connection; only when the server offers that.
  void ask_to_reconnect();
  bool reconnecting() const;
  // What the server says went wrong, 0 for nothing or when it does not offer to say.
  u32 server_error() const;

 private:
  Result<u32> observe_taken();
  void pass_over();

  Page* page_ = nullptr;
  u32 req_prod_ = 0;
  u32 req_cons_ = 0;  // the server's, as last seen
  u32 rsp_cons_ = 0;
  u32 rsp_prod_ = 0;  // the server's, as last seen
};

}  // namespace pvk::xs
