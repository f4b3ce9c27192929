// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Event channels by the 2-level ABI (xen/xen.h, struct shared_info): a pending and a mask bit for
// each port in the shared page, and for each vCPU a selector of the words worth looking at.
// docs/event-channels.md has the protocol and why no event is lost.
//
// `cpu` is Xen's number of a vCPU. Ports are masked, unmasked and moved by one caller at a time for
// each port; scans of different vCPUs run at once. A scan is not interrupted by another one of the
// same vCPU.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/event_channel.h>
#include <xen/xen.h>

#include "hypercalls/event_scan.h"
#include "hypercalls/shared_words.h"
#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

// A vCPU's side. Two vCPUs share no cache line.
struct alignas(64) TwoLevelView {
  static constexpr u32 kWords = sizeof(xen_ulong_t) * 8;

  xen_ulong_t ports[kWords] = {};  // those bound to this vCPU: all vCPUs share the pending bits
  u32 next = 0;                    // word and bit at which the next round begins
  ScanCounter scans;
};

class TwoLevelSetup {
 public:
  static constexpr u32 kWords = TwoLevelView::kWords;
  static constexpr u32 kBits = sizeof(xen_ulong_t) * 8;
  static constexpr u32 kPorts = EVTCHN_2L_NR_CHANNELS;

  // Begins with a shared page, at start of day and after each restore: all ports masked, all of
  // them vCPU 0's, as Xen binds new ones (xen/event_channel.h, EVTCHNOP_bind_vcpu). No scan runs.
  Status attach(shared_info& shared, Span<TwoLevelView> views);
  void mask_all();

  // The vCPU for which this port's events are; the port is masked meanwhile, and Xen is told by
  // EVTCHNOP_bind_vcpu (move_port in event_abi.h does all of it). kBadValue for no such port or
  // vCPU.
  Status bind_vcpu(Port port, unsigned cpu);

 protected:
  // Ports are checked where they are bound; a wrong one still stays within the page.
  static u32 word_of(Port port) { return port / kBits % kWords; }
  xen_ulong_t& pending_word(Port port) const { return shared_->evtchn_pending[word_of(port)]; }
  xen_ulong_t& mask_word(Port port) const { return shared_->evtchn_mask[word_of(port)]; }

  shared_info* shared_ = nullptr;
  Span<TwoLevelView> views_;
};

template <class Words>
class BasicTwoLevel : public TwoLevelSetup {
 public:
  // More than one round saves upcalls in a storm. See scan() for what happens after the last.
  static constexpr u32 kRounds = 4;

  // A scan that begins after this delivers no event of the port; ticket() and quiet() are for one
  // that runs already.
  void mask(Port port) { Words::set_bit(mask_word(port), port % kBits); }
  bool is_masked(Port port) const { return has_bit(mask_word(port), port); }

  // Lets events through again. When this returns true an event is waiting, the port is still
  // masked, and the caller issues EVTCHNOP_unmask, which does both: only Xen can raise an upcall,
  // and it does so only for a port that it finds masked.
  [[nodiscard]] bool unmask(Port port) {
    Words::clear_bit(mask_word(port), port % kBits);  // locked: open before we look
    if (!has_bit(pending_word(port), port)) return false;
    Words::set_bit(mask_word(port), port % kBits);
    return true;
  }

  void clear_pending(Port port) { Words::clear_bit(pending_word(port), port % kBits); }
  bool is_pending(Port port) const { return has_bit(pending_word(port), port); }

  // After mask(): no scan of `cpu` delivers the port any more once quiet() says so. Not to be
  // waited for on that vCPU inside of its scan.
  u32 ticket(unsigned cpu) const { return cpu < views_.size() ? views_[cpu].scans.ticket() : 0; }
  bool quiet(Port /*port*/, unsigned cpu, u32 ticket) const {
    return cpu >= views_.size() || views_[cpu].scans.passed(ticket);
  }

  // What an upcall of `cpu` does: deliver(port) for each event of this vCPU. No hypercall.
  //
  // Nothing is lost by leaving after the last round: upcall_pending is then 1 because Xen set it
  // since we cleared it, and each such step from 0 to 1 raises an upcall of its own.
  template <class Deliver>
  Scan scan(vcpu_info& vcpu, unsigned cpu, Deliver&& deliver) {
    Scan result;
    if (cpu >= views_.size()) return result;
    TwoLevelView& view = views_[cpu];
    view.scans.begin();
    for (u32 round = 0; round < kRounds; ++round) {
      Words::write(vcpu.evtchn_upcall_pending, u8{0});
      // Locked: Xen sees the 0 before we look, so what it marks from here on raises an upcall.
      const xen_ulong_t selector = Words::take_all(vcpu.evtchn_pending_sel);
      result.delivered += visit(view, selector, deliver);
      if (Words::read(vcpu.evtchn_upcall_pending) == 0) break;
    }
    view.scans.end();
    return result;
  }

  // Nothing is left behind in a dead vCPU's selector that unmask() would not see by itself.
  template <class Deliver>
  Scan take_over(unsigned /*dead*/, Deliver&& /*deliver*/) {
    return {};
  }

 private:
  static bool has_bit(const xen_ulong_t& word, Port port) {
    return (Words::read(word) >> port % kBits & 1) != 0;
  }
  static xen_ulong_t rotate_right(xen_ulong_t word, u32 by) {
    return word >> by | word << ((kBits - by) % kBits);
  }

  // Each word once, and each port at most once: none starves another. The order turns, so that low
  // ports are not served first every time.
  template <class Deliver>
  u32 visit(TwoLevelView& view, xen_ulong_t selector, Deliver& deliver) {
    const u32 first = view.next;
    u32 delivered = 0;
    for (selector = rotate_right(selector, word_of(first)); selector != 0;
         selector &= selector - 1) {
      const u32 index = static_cast<u32>(__builtin_ctzl(selector));
      delivered += visit_word(view, (word_of(first) + index) % kWords, first % kBits, deliver);
    }
    return delivered;
  }

  template <class Deliver>
  u32 visit_word(TwoLevelView& view, u32 word, u32 first, Deliver& deliver) {
    xen_ulong_t& pending = shared_->evtchn_pending[word];
    xen_ulong_t ready = Words::read(pending) & ~Words::read(shared_->evtchn_mask[word]) &
                        Words::read(view.ports[word]);
    u32 delivered = 0;
    for (ready = rotate_right(ready, first); ready != 0; ready &= ready - 1) {
      const u32 bit = (first + static_cast<u32>(__builtin_ctzl(ready))) % kBits;
      // Locked, and before the handler looks at anything: an event that is sent from here on sets
      // the bit again. If the bit has gone, the port was moved and another vCPU has the event.
      if (!Words::take_bit(pending, bit)) continue;
      view.next = word * kBits + bit + kBits + 1;  // the next word, and in each the next bit
      deliver(Port{word * kBits + bit});
      ++delivered;
    }
    return delivered;
  }
};

extern template class BasicTwoLevel<SharedWords>;
using TwoLevelEvents = BasicTwoLevel<SharedWords>;

}  // namespace pvk
