// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/two_level.h"

namespace pvk {

static_assert(TwoLevelEvents::kPorts == TwoLevelEvents::kWords * TwoLevelEvents::kBits,
              "xen/event_channel.h: 4096 with 64 bits");

template class BasicTwoLevel<SharedWords>;

Status TwoLevelSetup::attach(shared_info& shared, Span<TwoLevelView> views) {
  if (views.empty()) return Error::kBadValue;
  shared_ = &shared;
  views_ = views;
  for (TwoLevelView& view : views_) {
    for (xen_ulong_t& word : view.ports) word = 0;
    view.next = 0;
  }
  for (xen_ulong_t& word : views_[0].ports) word = ~xen_ulong_t{0};
  mask_all();
  return {};
}

void TwoLevelSetup::mask_all() {
  for (xen_ulong_t& word : shared_->evtchn_mask) SharedWords::write(word, ~xen_ulong_t{0});
}

Status TwoLevelSetup::bind_vcpu(Port port, unsigned cpu) {
  if (port == 0 || port >= kPorts || cpu >= views_.size()) return Error::kBadValue;
  const u32 word = word_of(port);
  // Nobody's before it is another's: never two vCPUs' at once. Other ports of the word are in use.
  for (TwoLevelView& view : views_) SharedWords::clear_bit(view.ports[word], port % kBits);
  SharedWords::set_bit(views_[cpu].ports[word], port % kBits);
  return {};
}

}  // namespace pvk
