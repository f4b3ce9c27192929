// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Event channels by the FIFO ABI (xen/event_channel.h): each vCPU has a queue for each of 16
// priorities. The words of waiting ports are linked: Xen appends at the tail, the vCPU takes from
// the head. docs/event-channels.md has the protocol and why no event is lost.
//
// The same rules for callers as in two_level.h. Once a vCPU has a control block there is no way
// back to the 2-level ABI but EVTCHNOP_reset, which closes every port.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/xen.h>

#include "hypercalls/fifo_setup.h"
#include "hypercalls/fifo_words.h"

namespace pvk {

template <class Words>
class BasicFifo : public FifoSetup {
 public:
  static constexpr u32 kRounds = 4;
  // Ports taken in one round. A queue that senders keep filling never ends by itself.
  static constexpr u32 kEvents = 1024;

  void mask(Port port) {
    if (event_word_t* const word = word_of(port)) Words::set_bit(*word, EVTCHN_FIFO_MASKED);
  }
  bool is_masked(Port port) const { return has_bit(port, EVTCHN_FIFO_MASKED); }
  // True: an event may be waiting, the port is still masked, the caller issues EVTCHNOP_unmask.
  [[nodiscard]] bool unmask(Port port) {
    event_word_t* const word = word_of(port);
    return word != nullptr && !fifo::unmask_idle<Words>(*word);
  }
  void clear_pending(Port port) {
    if (event_word_t* const word = word_of(port)) Words::clear_bit(*word, EVTCHN_FIFO_PENDING);
  }
  bool is_pending(Port port) const { return has_bit(port, EVTCHN_FIFO_PENDING); }
  // In a queue: until its vCPU has taken it out, Xen appends it to no other.
  bool is_linked(Port port) const { return has_bit(port, EVTCHN_FIFO_LINKED); }

  u32 ticket(unsigned cpu) const { return cpu < views_.size() ? views_[cpu].scans.ticket() : 0; }
  bool quiet(Port port, unsigned cpu, u32 ticket) const {
    return !is_linked(port) && (cpu >= views_.size() || views_[cpu].scans.passed(ticket));
  }

  // As in two_level.h, highest priority first. After kEvents ports it ends with `again`, and what
  // is left stays queued: Xen has said that it is there and will not say so twice.
  template <class Deliver>
  Scan scan(vcpu_info& vcpu, unsigned cpu, Deliver&& deliver) {
    Scan result;
    if (!has_control(cpu)) return result;
    FifoView& view = views_[cpu];
    view.scans.begin();
    for (u32 round = 0; round < kRounds && !result.again; ++round) {
      Words::write(vcpu.evtchn_upcall_pending, u8{0});
      // Its locked access comes after the 0: what Xen queues from here on raises an upcall.
      consume(view, result, deliver);
      if (Words::read(vcpu.evtchn_upcall_pending) == 0) break;
    }
    view.scans.end();
    return result;
  }

  // Empties the queues of a vCPU that runs no more, on another one; until then Xen would append
  // their ports to no other queue. Ports that are masked before keep their events, for unmask() to
  // find once they are moved; events of others are delivered here. Repeat while it says `again`.
  template <class Deliver>
  Scan take_over(unsigned dead, Deliver&& deliver) {
    Scan result;
    if (has_control(dead)) consume(views_[dead], result, deliver);
    return result;
  }

  // How often a queue led to a port that is not in it or has no page; it is taken for empty then.
  u32 broken_links() const { return broken_.relaxed(); }

 private:
  bool has_bit(Port port, u32 bit) const {
    const event_word_t* const word = word_of(port);
    return word != nullptr && (Words::read(*word) >> bit & 1) != 0;
  }

  template <class Deliver>
  void consume(FifoView& view, Scan& result, Deliver& deliver) {
    take_ready(view);
    for (u32 left = kEvents; view.ready != 0; --left) {
      if (left == 0) {
        result.again = true;
        return;
      }
      const u32 queue = static_cast<u32>(__builtin_ctz(view.ready));
      if (const Port port = take_first(view, queue); port != 0) {
        deliver(port);
        ++result.delivered;
      }
      // A plain look: a queue of higher priority may be ready by now.
      if (Words::read(view.control->ready) != 0) take_ready(view);
    }
  }

  // Locked: Xen writes a queue's head before it calls it ready, so the head is read after this.
  static void take_ready(FifoView& view) {
    view.ready |= Words::take_all(view.control->ready) & ((1u << EVTCHN_FIFO_MAX_QUEUES) - 1);
  }

  // Takes the first port out of its queue; 0 when there is no event to deliver.
  Port take_first(FifoView& view, u32 queue) {
    const Port head = view.heads[queue];
    const Port port = head != 0 ? head : Words::read(view.control->head[queue]);
    event_word_t* const word = port != 0 ? word_of(port) : nullptr;
    event_word_t taken = 0;
    const bool linked = word != nullptr && fifo::take<Words>(*word, taken);
    if (!linked && port != 0) broken_.add_by_owner(1);
    const Port next = linked ? taken & EVTCHN_FIFO_LINK_MASK : 0;
    view.heads[queue] = next;
    if (next == 0) view.ready &= ~(1u << queue);
    return linked && fifo::is_event(taken) ? port : 0;
  }

  Atomic<u32> broken_;  // of all vCPUs, and so perhaps a little low
};

extern template class BasicFifo<SharedWords>;
using FifoEvents = BasicFifo<SharedWords>;

}  // namespace pvk
