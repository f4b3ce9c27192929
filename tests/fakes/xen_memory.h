// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A guest's physical address space as Xen keeps it: frame numbers, and which page of machine
// memory is behind each. What memory_op changes changes what the guest sees at its addresses: a
// frame with nothing behind it faults.
//
// Machine memory is seen twice, by the guest where its frames are and by Xen, so that Xen's stores
// go unseen by a trace of the guest's (access_trace.h).
#pragma once

#include <set>
#include <vector>

#include "fakes/violations.h"
#include "pvkit/types.h"

namespace pvk::fakes {

class XenMemory {
 public:
  static constexpr u64 kRam = 1024;      // frames [0, kRam) are RAM when the domain starts
  static constexpr u64 kFrames = 2048;   // the rest has nothing behind it, like a PCI BAR
  static constexpr u64 kMachine = 4096;  // pages of machine memory
  static constexpr u64 kNothing = ~u64{0};

  explicit XenMemory(Violations& violations);
  ~XenMemory();
  XenMemory(const XenMemory&) = delete;
  XenMemory& operator=(const XenMemory&) = delete;

  // ---- the guest's side
  // Where the guest sees a frame, whatever is behind it.
  u8* at(u64 gfn) const { return guest_ + gfn * kPageSize; }
  bool contains(const void* address) const;
  u64 gfn_of(const void* address) const;
  // RAM for the guest's use, zeroed. Freeing a page that has no RAM behind it is a violation.
  void* allocate(unsigned count = 1);
  void free(void* pages, unsigned count = 1);
  size_t allocated() const { return allocated_.size(); }
  // `count` consecutive frames with nothing behind them, never given twice.
  u64 take_hole(u64 count);

  // ---- Xen's side
  // A page of Xen's own, zeroed.
  u64 allocate_own();
  void free_own(u64 mfn);
  u8* own(u64 mfn) const { return machine_ + mfn * kPageSize; }
  // Where Xen sees a frame of the guest's; nullptr when nothing is behind it.
  u8* see(u64 gfn) const;
  bool is_ram(u64 gfn) const { return gfn < kFrames && behind_[gfn].ram; }
  u64 behind(u64 gfn) const { return gfn < kFrames ? behind_[gfn].mfn : kNothing; }
  // Where one of Xen's own pages appears; kNothing when nowhere.
  u64 find(u64 mfn) const;

  // Puts a page of Xen's own at `gfn`; what was there goes, and RAM is given back to Xen.
  long map_own(u64 gfn, u64 mfn);
  long unmap(u64 gfn);
  long populate(u64 gfn);
  long give_back(u64 gfn);

  // While another domain has a frame mapped its page stays, wherever the frame goes.
  void pin(u64 mfn);
  void unpin(u64 mfn);
  size_t pinned() const { return pins_.size(); }

  // The domain was saved and restored: RAM is as it was, pages of Xen's own are nowhere.
  void restore();

  u64 current = kRam;       // pages of RAM that the domain has
  u64 maximum = kRam + 64;  // that it may have

 private:
  struct Behind {
    u64 mfn = kNothing;
    bool ram = false;
  };
  void show(u64 gfn, u64 mfn, bool ram);
  void hide(u64 gfn);
  u64 take_machine_page();
  void put_machine_page(u64 mfn);

  Violations& violations_;
  int file_ = -1;
  u8* guest_ = nullptr;
  u8* machine_ = nullptr;
  std::vector<Behind> behind_;
  std::vector<u64> free_;    // machine pages
  std::set<u64> allocated_;  // frames in the guest's own use
  std::multiset<u64> pins_;
  u64 next_hole_ = kRam;
};

}  // namespace pvk::fakes
