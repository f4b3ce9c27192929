// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Where the server's next request begins. It may be in the midst of one that nobody can finish: an
// owner before us left half of it in the ring, or the server's index jumped.
//
// Zeros alone can find out without harm. Sixteen are a whole message, which the server answers with
// an error, and what they complete is never longer than it was meant to be. Any other byte could
// become part of a length beyond XENSTORE_PAYLOAD_MAX, for which xenstored gives a guest up for
// good. When the first sixteen are not answered, as many as the longest message has end whatever
// was begun; whether a few more are answered then tells, half by half, how many bytes of the next
// header the server has.
#pragma once

#include "frontends/xenbus/xs_abi.h"

namespace pvk::xs {

class Search {
 public:
  // `in_zeros`: the last that the server had may be zeros, of a search that somebody began. Sixteen
  // more would be answered then wherever it stands.
  void begin(bool in_zeros);
  // A message may follow now.
  bool found() const { return step_ == Step::kFound; }
  // The zeros to begin with, once, when the server has taken all that was sent.
  u32 first();
  bool waits_for_first() const { return step_ == Step::kFirst; }
  // The server answered an empty message.
  void answered();
  // The zeros to go on with. The server has taken all that was sent and had time to answer.
  u32 next();

 private:
  enum class Step : u8 { kFound, kBegin, kBeginInZeros, kFirst, kCalm, kHalve, kAllButOne, kLast };

  u32 halve();

  Step step_ = Step::kFound;
  bool answered_ = false;  // since the last next()
  // The server has at least low_ bytes of a header, and fewer than low_ + width_.
  u32 low_ = 0;
  u32 width_ = 0;
};

}  // namespace pvk::xs
