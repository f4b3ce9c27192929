// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a caller hands to the xenstore client: a request, a watch. Both are the caller's memory; the
// client links them into its lists and copies what goes over the wire.
#pragma once

#include "frontends/xenbus/xs_abi.h"
#include "pvkit/span.h"

namespace pvk::xs {

struct Watch {
  Watch* next = nullptr;
  const char* path = nullptr;
  u32 path_length = 0;
  u32 number = 0;       // what its token says; never used twice
  char token[12] = {};  // NUL-terminated
  u8 registered = 0;    // the server has it, as far as we know
  u8 register_again = 0;
  u8 missed = 0;  // an event did not fit the queue
};

struct Part {
  const char* bytes;
  u32 length;
};

enum class RequestState : u8 {
  kIdle,
  kPending,   // not on the wire yet
  kInFlight,  // the first byte is on the wire
  kDone,      // answered, or failed
};

struct Request {
  static constexpr u32 kMaxParts = 4;

  Request* next = nullptr;
  u32 type = 0;           // enum xsd_sockmsg_type
  u32 transaction = 0;    // a handle, as XS_TRANSACTION_START gave it; 0 for none
  Part parts[kMaxParts];  // the body, which must stay until the request is done or abandoned
  u32 part_count = 0;
  u32 capacity = 0;        // of `reply`; 0: nobody wants it
  char* reply = nullptr;   // where the reply's body goes
  u32 reply_length = 0;    // how long it is
  int error = 0;           // an errno value; XEN_ERANGE: the reply did not fit and was cut
  Watch* watch = nullptr;  // of XS_WATCH when the client is to register it again by itself
  u32 id = 0;              // on the wire
  RequestState state = RequestState::kIdle;
  u8 sent_again = 0;  // after a re-connection: the first one may have taken effect
};

// Requests in the order in which they came.
class RequestList {
 public:
  Request* first() const { return first_; }
  bool empty() const { return first_ == nullptr; }
  void append(Request& request);
  Request* take_first();
  // Whether it was there.
  bool remove(const Request& request);
  Request* find(u32 id) const;
  // Puts all of `list` in front, in its order.
  void prepend(RequestList& list);

 private:
  Request* first_ = nullptr;
  Request* last_ = nullptr;
};

}  // namespace pvk::xs
