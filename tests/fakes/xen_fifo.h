// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The FIFO event ABI, Xen's side (xen/event_channel.h, "FIFO ABI"): an array of event words that
// are linked into one queue for each vCPU and priority, whose heads are in the control blocks.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/event_channel.h>

#include <map>
#include <set>
#include <utility>
#include <vector>

#include "fakes/xen_vcpus.h"

namespace pvk::fakes {

class XenFifo {
 public:
  static constexpr u32 kWordsPerPage = kPageSize / sizeof(event_word_t);

  XenFifo(Violations& violations, XenMemory& memory, XenVcpus& vcpus)
      : violations_(violations), memory_(memory), vcpus_(vcpus) {}

  bool is_on() const { return !control_.empty(); }
  // `pending`: ports whose event was there when the ABI changed; it comes when they have a word.
  long init_control(evtchn_init_control& call, const std::set<Port>& pending);
  long expand_array(u64 gfn);
  long set_priority(Port port, u32 priority);
  void reset();

  // nullptr for a port beyond the array. Atomically used: the guest changes it too.
  u32* word(Port port) const;
  void add_port(Port port) { priority_[port] = EVTCHN_FIFO_PRIORITY_DEFAULT; }
  void set_pending(Port port, u32 vcpu);
  void clear_pending(Port port);
  void unmask(Port port, u32 vcpu);
  // Still linked into a queue: its number may not be given out again.
  bool is_busy(Port port) const;
  size_t pages() const { return array_.size(); }

 private:
  struct Queue {
    Port tail = 0;
  };
  void link(Port port, u32 vcpu);
  // Makes `tail` lead to `port`; false when the guest has taken the tail out meanwhile.
  bool follow(Port tail, Port port);

  Violations& violations_;
  XenMemory& memory_;
  XenVcpus& vcpus_;
  std::map<u32, evtchn_fifo_control_block*> control_;
  std::vector<u32*> array_;
  std::map<std::pair<u32, u32>, Queue> queues_;  // by vCPU and priority
  std::map<Port, u32> priority_;
  std::set<Port> remembered_;
  std::set<u64> gfns_;
};

}  // namespace pvk::fakes
