// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The transactions that are open. Callers have handles of our own instead of the server's numbers:
// after a re-connection the server may give out an old number anew, and who still holds it must not
// write into somebody else's transaction.
#pragma once

#include "pvkit/result.h"

namespace pvk::xs {

class Transactions {
 public:
  // More than xenstored lets a guest have open (its default is 10).
  static constexpr u32 kMost = 32;

  // The handle for the server's `number`, or kBusy when too many are open.
  Result<u32> open(u32 number);
  // The server's number, or kMissing.
  Result<u32> number_of(u32 handle) const;
  void close(u32 handle);
  // Forgets one and returns its number; 0 when there is none.
  u32 take();
  u32 count() const;

 private:
  struct Open {
    u32 handle = 0;  // 0: free
    u32 number = 0;
  };
  Open open_[kMost];
  u32 last_handle_ = 0;
};

}  // namespace pvk::xs
