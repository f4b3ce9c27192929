// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvops/balloon.h"

namespace pvk {
namespace {

using Kind = BalloonStep::Kind;

}  // namespace

BalloonStep Balloon::next(const BalloonView& view) const {
  if (view.given > wanted_) return {Kind::kTake, min(view.given - wanted_, kBalloonBatch)};
  // After a shortage giving starts again only when twice the usual rest is available: memory that
  // is given and taken in turn helps nobody.
  if (under_pressure_ && view.available < 2 * kept_available(view.total)) return {};
  const u64 pages = min(min(wanted_ - view.given, room_to_give(view)), kBalloonBatch);
  if (pages == 0) return {};
  return {Kind::kGive, pages};
}

u32 Balloon::finished(const BalloonStep& step, u64 pages_done, const BalloonView& view) {
  if (view.given == wanted_) {
    delay_ = 0;
    under_pressure_ = false;
    return kDone;
  }
  if (step.kind == Kind::kRest && under_pressure_) return kAfterPressure;
  if (step.kind == Kind::kGive && pages_done == step.pages) under_pressure_ = false;
  // Less than was tried, or nothing that could be tried: memory is short, here or in the host.
  if (step.kind == Kind::kRest || pages_done < step.pages) return back_off();
  delay_ = 0;
  return 0;
}

u32 Balloon::back_off() {
  delay_ = delay_ == 0 ? kFirstDelay : min(2 * delay_, kLongestDelay);
  return delay_;
}

}  // namespace pvk
