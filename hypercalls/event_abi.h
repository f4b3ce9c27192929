// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One face for both event channel ABIs, chosen at run time, and the sequences that need hypercalls.
//
// `Calls` are the hypercalls of these sequences:
//   Status unmask(Port);                                  EVTCHNOP_unmask
//   Status bind_vcpu(Port, unsigned cpu);                 EVTCHNOP_bind_vcpu
//   Result<u8> init_control(unsigned cpu, const void*);   EVTCHNOP_init_control, its link_bits
//   Status expand_array(const void* page);                EVTCHNOP_expand_array
#pragma once

#include "hypercalls/fifo.h"
#include "hypercalls/two_level.h"

namespace pvk {

template <class TwoLevel, class Fifo>
class BasicEventAbi {
 public:
  constexpr BasicEventAbi(TwoLevel& two_level, Fifo& fifo) : two_level_(two_level), fifo_(fifo) {}

  // Between attach() and the first upcall.
  void choose_fifo(bool chosen) { is_fifo_ = chosen; }
  bool is_fifo() const { return is_fifo_; }
  u32 ports() const { return is_fifo_ ? Fifo::kPorts : TwoLevel::kPorts; }

  void mask_all() { is_fifo_ ? fifo_.mask_all() : two_level_.mask_all(); }
  void mask(Port port) { is_fifo_ ? fifo_.mask(port) : two_level_.mask(port); }
  [[nodiscard]] bool unmask(Port port) {
    return is_fifo_ ? fifo_.unmask(port) : two_level_.unmask(port);
  }
  bool is_masked(Port port) const {
    return is_fifo_ ? fifo_.is_masked(port) : two_level_.is_masked(port);
  }
  void clear_pending(Port port) {
    is_fifo_ ? fifo_.clear_pending(port) : two_level_.clear_pending(port);
  }
  bool is_pending(Port port) const {
    return is_fifo_ ? fifo_.is_pending(port) : two_level_.is_pending(port);
  }
  Status bind_vcpu(Port port, unsigned cpu) {
    return is_fifo_ ? fifo_.bind_vcpu(port, cpu) : two_level_.bind_vcpu(port, cpu);
  }
  u32 ticket(unsigned cpu) const { return is_fifo_ ? fifo_.ticket(cpu) : two_level_.ticket(cpu); }
  bool quiet(Port port, unsigned cpu, u32 ticket) const {
    return is_fifo_ ? fifo_.quiet(port, cpu, ticket) : two_level_.quiet(port, cpu, ticket);
  }
  template <class Deliver>
  Scan scan(vcpu_info& vcpu, unsigned cpu, Deliver&& deliver) {
    return is_fifo_ ? fifo_.scan(vcpu, cpu, deliver) : two_level_.scan(vcpu, cpu, deliver);
  }
  template <class Deliver>
  Scan take_over(unsigned dead, Deliver&& deliver) {
    return is_fifo_ ? fifo_.take_over(dead, deliver) : two_level_.take_over(dead, deliver);
  }

 private:
  TwoLevel& two_level_;
  Fifo& fifo_;
  bool is_fifo_ = false;
};
using EventAbi = BasicEventAbi<TwoLevelEvents, FifoEvents>;

// unmask() and what it may ask for.
template <class Events, class Calls>
Status unmask_port(Events& events, Calls& calls, Port port) {
  if (!events.unmask(port)) return {};
  return calls.unmask(port);
}

// Masks, and waits until no scan of `cpu` delivers the port any more: for closing and moving.
// wait() passes some time and says whether to go on; kBusy when it did not, masked still. Not on
// that vCPU while it scans, and with the FIFO ABI the vCPU's upcalls come through meanwhile.
template <class Events, class Wait>
Status silence_port(Events& events, Port port, unsigned cpu, Wait&& wait) {
  events.mask(port);
  const u32 ticket = events.ticket(cpu);
  while (!events.quiet(port, cpu, ticket)) {
    if (!wait()) return Error::kBusy;
  }
  return {};
}

// Raises the upcall of an open port again if its event is still there: harmless at any time.
template <class Events, class Calls>
Status recheck_port(Events& events, Calls& calls, Port port) {
  if (!events.is_pending(port)) return {};
  events.mask(port);
  return unmask_port(events, calls, port);
}

// Moves an open port from one vCPU to another. Events that are sent meanwhile come on the new one;
// when this fails the port is open where it was. A dead vCPU's ports: mask all of them, then this
// for each, with a wait() that calls take_over().
//
// Xen looks up the vCPU first when it sends. A send that began before the move may mark the event
// for the old one, which takes it for another's (2-level), or delivers it (FIFO), or is dead. So
// when such sends are over, which is a matter of microseconds, the port calls recheck_port(), and
// for a dead vCPU take_over() once more.
template <class Events, class Calls, class Wait>
Status move_port(Events& events, Calls& calls, Port port, unsigned from, unsigned to, Wait&& wait) {
  Status moved = silence_port(events, port, from, wait);
  if (moved.ok()) moved = events.bind_vcpu(port, to);
  if (moved.ok()) {
    moved = calls.bind_vcpu(port, to);
    if (!moved.ok()) (void)events.bind_vcpu(port, from);
  }
  const Status opened = unmask_port(events, calls, port);
  return moved.ok() ? opened : moved;
}

// Gives a vCPU its control block; the first one switches the domain to the FIFO ABI, so when that
// one is refused the 2-level ABI still works. When this fails and has_control(cpu) all the same,
// Xen has the block for good.
template <class Fifo, class Calls>
Status init_fifo_control(Fifo& fifo, Calls& calls, unsigned cpu,
                         evtchn_fifo_control_block& control) {
  PVK_TRY(fifo.set_control(cpu, control));
  const Result<u8> link_bits = calls.init_control(cpu, &control);
  if (!link_bits.ok()) fifo.forget_control(cpu);
  if (!link_bits.ok()) return link_bits.error();
  // Another width would be another layout of the words than xen/event_channel.h has.
  if (link_bits.value() != EVTCHN_FIFO_LINK_BITS) return Error::kNotSupported;
  return {};
}

// Adds the next page of event words.
template <class Fifo, class Calls>
Status add_fifo_page(Fifo& fifo, Calls& calls, void* page) {
  PVK_TRY(fifo.add_page(page));
  const Status added = calls.expand_array(page);
  if (!added.ok()) fifo.remove_page();
  return added;
}

}  // namespace pvk
