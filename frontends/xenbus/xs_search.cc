// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_search.h"

namespace pvk::xs {

void Search::begin(bool in_zeros) { step_ = in_zeros ? Step::kBeginInZeros : Step::kBegin; }

u32 Search::first() {
  const Step step = step_;
  if (step == Step::kBegin) step_ = Step::kFirst;
  if (step == Step::kBeginInZeros) step_ = Step::kCalm;
  return step == Step::kBegin ? kHeaderBytes : step == Step::kBeginInZeros ? kMaxMessage : 0;
}

void Search::answered() {
  answered_ = true;
  if (step_ == Step::kFirst) step_ = Step::kFound;
}

u32 Search::next() {
  const bool answered = answered_;
  answered_ = false;
  switch (step_) {
    case Step::kBegin:
    case Step::kBeginInZeros: return 0;
    case Step::kFound:
    case Step::kFirst: step_ = Step::kCalm; return kMaxMessage;
    case Step::kCalm:
      if (answered) return 0;  // more answers may come
      low_ = 0;
      width_ = kHeaderBytes;
      step_ = Step::kHalve;
      return halve();
    case Step::kHalve:
      low_ = answered ? 0 : kHeaderBytes - width_;
      if (width_ > 1) return halve();
      // It is known now, unless an answer came late: so it is put to the test.
      step_ = Step::kAllButOne;
      return kHeaderBytes - 1 - low_;
    case Step::kAllButOne: step_ = answered ? Step::kCalm : Step::kLast; return answered ? 0 : 1;
    case Step::kLast: step_ = answered ? Step::kFound : Step::kCalm; return 0;
  }
  return 0;
}

// As many as complete a header from the upper half of what is possible on, and none below.
u32 Search::halve() {
  width_ /= 2;
  return kHeaderBytes - low_ - width_;
}

}  // namespace pvk::xs
