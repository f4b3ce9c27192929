// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What both event channel ABIs say of a scan, and how others learn that one has ended.
#pragma once

#include "pvkit/atomic.h"

namespace pvk {

struct Scan {
  u32 delivered = 0;
  // Events wait that no upcall will come for: the port arranges that this vCPU scans again.
  bool again = false;
};

// Counts a vCPU's scans; odd while one runs. Written by that vCPU alone.
class ScanCounter {
 public:
  // The locked access with which a scan begins orders this store before its reads of mask words.
  void begin() { count_.set_relaxed(count_.relaxed() + 1); }
  // Release: what the scan delivered is done.
  void end() { count_.set_release(count_.relaxed() + 1); }

  // Taken after a port was masked. The scan that runs now, if one does, may have read the mask
  // before; one that begins later has not.
  u32 ticket() const { return count_.acquire(); }
  bool passed(u32 ticket) const { return (ticket & 1) == 0 || count_.acquire() != ticket; }

 private:
  Atomic<u32> count_;
};

}  // namespace pvk
