// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_fifo.h"

#include <xen/errno.h>

namespace pvk::fakes {
namespace {

constexpr u32 bit(u32 number) { return u32{1} << number; }

// Sets bits and says which were set before.
u32 set_bits(u32* word, u32 bits) { return __atomic_fetch_or(word, bits, __ATOMIC_SEQ_CST); }
u32 clear_bits(u32* word, u32 bits) { return __atomic_fetch_and(word, ~bits, __ATOMIC_SEQ_CST); }
u32 load(const u32* word) { return __atomic_load_n(word, __ATOMIC_SEQ_CST); }

}  // namespace

u32* XenFifo::word(Port port) const {
  const size_t page = port / kWordsPerPage;
  return page < array_.size() ? array_[page] + port % kWordsPerPage : nullptr;
}

long XenFifo::init_control(evtchn_init_control& call, const std::set<Port>& pending) {
  if (!vcpus_.exists(call.vcpu)) return -XEN_ENOENT;
  if (call.offset > kPageSize - sizeof(evtchn_fifo_control_block)) return -XEN_EINVAL;
  if (call.offset % 8 != 0 || control_.contains(call.vcpu)) return -XEN_EINVAL;
  if (!memory_.is_ram(call.control_gfn)) return -XEN_EINVAL;
  if (!is_on()) remembered_ = pending;
  control_[call.vcpu] =
      reinterpret_cast<evtchn_fifo_control_block*>(memory_.see(call.control_gfn) + call.offset);
  call.link_bits = EVTCHN_FIFO_LINK_BITS;
  return 0;
}

long XenFifo::expand_array(u64 gfn) {
  if (!is_on()) return -XEN_EOPNOTSUPP;
  if (array_.size() == EVTCHN_FIFO_NR_CHANNELS / kWordsPerPage) return -XEN_ENOSPC;
  if (!memory_.is_ram(gfn)) return -XEN_EINVAL;
  if (!gfns_.insert(gfn).second) violations_.add("the same page twice in the event array");
  array_.push_back(reinterpret_cast<u32*>(memory_.see(gfn)));
  const Port first = static_cast<Port>((array_.size() - 1) * kWordsPerPage);
  for (Port port = first; port < first + kWordsPerPage; ++port) {
    if (remembered_.erase(port) != 0) set_pending(port, 0);
  }
  return 0;
}

long XenFifo::set_priority(Port port, u32 priority) {
  if (!is_on()) return -XEN_ENOSYS;
  if (priority > EVTCHN_FIFO_PRIORITY_MIN) return -XEN_EINVAL;
  priority_[port] = priority;
  return 0;
}

void XenFifo::reset() {
  control_.clear();
  array_.clear();
  queues_.clear();
  priority_.clear();
  remembered_.clear();
  gfns_.clear();
}

void XenFifo::set_pending(Port port, u32 vcpu) {
  u32* const at = word(port);
  if (at == nullptr) {
    remembered_.insert(port);
    return;
  }
  const u32 before = set_bits(at, bit(EVTCHN_FIFO_PENDING));
  if ((before & (bit(EVTCHN_FIFO_MASKED) | bit(EVTCHN_FIFO_LINKED))) != 0) return;
  link(port, vcpu);
}

void XenFifo::link(Port port, u32 vcpu) {
  const auto control = control_.find(vcpu);
  if (control == control_.end()) {
    violations_.add("an event for a vCPU without a control block is lost");
    return;
  }
  if ((set_bits(word(port), bit(EVTCHN_FIFO_LINKED)) & bit(EVTCHN_FIFO_LINKED)) != 0) return;
  // At the end of the queue that it was in last it is no more, whichever that was: nothing may be
  // linked behind it there.
  for (auto& [each, last] : queues_) {
    if (last.tail == port) last.tail = 0;
  }
  const u32 priority = priority_.contains(port) ? priority_[port] : EVTCHN_FIFO_PRIORITY_DEFAULT;
  Queue& queue = queues_[{vcpu, priority}];
  const bool linked = queue.tail != 0 && follow(queue.tail, port);
  if (!linked) __atomic_store_n(&control->second->head[priority], port, __ATOMIC_SEQ_CST);
  queue.tail = port;
  if (linked) return;
  if ((set_bits(&control->second->ready, bit(priority)) & bit(priority)) == 0) vcpus_.upcall(vcpu);
}

bool XenFifo::follow(Port tail, Port port) {
  u32* const at = word(tail);
  u32 old = load(at);
  for (;;) {
    if ((old & bit(EVTCHN_FIFO_LINKED)) == 0) return false;
    const u32 wanted = (old & ~(u32{EVTCHN_FIFO_LINK_MASK} | bit(EVTCHN_FIFO_BUSY))) | port;
    if (__atomic_compare_exchange_n(at, &old, wanted, false, __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
      return true;
    }
  }
}

void XenFifo::clear_pending(Port port) {
  remembered_.erase(port);
  if (u32* const at = word(port); at != nullptr) clear_bits(at, bit(EVTCHN_FIFO_PENDING));
}

void XenFifo::unmask(Port port, u32 vcpu) {
  u32* const at = word(port);
  if (at == nullptr) return;
  clear_bits(at, bit(EVTCHN_FIFO_MASKED));
  if ((load(at) & bit(EVTCHN_FIFO_PENDING)) != 0) set_pending(port, vcpu);
}

bool XenFifo::is_busy(Port port) const {
  const u32* const at = word(port);
  return at != nullptr && (load(at) & bit(EVTCHN_FIFO_LINKED)) != 0;
}

}  // namespace pvk::fakes
