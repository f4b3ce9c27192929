// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What Xen is given for the FIFO ABI (xen/event_channel.h): a control block for each vCPU, and
// pages of event words, a word for each port. The hypercalls are the caller's (event_abi.h has the
// sequences).
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/event_channel.h>

#include "hypercalls/event_scan.h"
#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

// A vCPU's side. Two vCPUs share no cache line.
struct alignas(64) FifoView {
  evtchn_fifo_control_block* control = nullptr;
  u32 ready = 0;                           // queues that Xen called ready and that are not empty
  u32 heads[EVTCHN_FIFO_MAX_QUEUES] = {};  // the next port of each; 0: where control->head says
  ScanCounter scans;
};

class FifoSetup {
 public:
  static constexpr u32 kPorts = EVTCHN_FIFO_NR_CHANNELS;
  static constexpr u32 kPortsPerPage = kPageSize / sizeof(event_word_t);
  static constexpr u32 kPages = kPorts / kPortsPerPage;

  // Begins without control blocks and pages, at start of day and after each restore. No scan runs.
  Status attach(Span<FifoView> views);

  // Before EVTCHNOP_init_control: the block is zeroed, does not cross a page, and stays where it
  // is, because Xen takes no second one for a vCPU, not even for one that was offline. The first
  // one switches the domain over; events that are pending then come again with the pages.
  Status set_control(unsigned cpu, evtchn_fifo_control_block& control);
  void forget_control(unsigned cpu);  // when that call failed
  bool has_control(unsigned cpu) const;

  // Before EVTCHNOP_expand_array, which takes pages in this order: all ports of the page masked.
  // That goes for ports that were open before the switch too: each is unmasked again.
  Status add_page(void* page);
  void remove_page();  // when that call failed
  u32 page_count() const { return page_count_.acquire(); }
  static constexpr u32 page_of(Port port) { return port / kPortsPerPage; }
  bool has_page(Port port) const { return word_of(port) != nullptr; }

  void mask_all();
  // Xen knows which vCPU a port is for; kBadValue for no such port, page or vCPU.
  Status bind_vcpu(Port port, unsigned cpu);

 protected:
  // Null for a port without a page, also when the number came from shared memory.
  event_word_t* word_of(Port port) const {
    if (page_of(port) >= page_count_.acquire()) return nullptr;
    return &pages_[page_of(port)][port % kPortsPerPage];
  }

  Span<FifoView> views_;

 private:
  Atomic<u32> page_count_;
  event_word_t* pages_[kPages] = {};
};

}  // namespace pvk
