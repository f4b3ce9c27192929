// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A guest's grant table, version 1, as xen/grant_table.h describes it: the entries themselves, the
// guest's side (reserve, publish, revoke), and what Xen does for the domain at the other end (map,
// unmap, copy), with Xen's checks. Entries are used with atomics and no lock, as in reality.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/grant_table.h>

#include <array>
#include <atomic>
#include <functional>
#include <mutex>
#include <set>
#include <vector>

#include "fakes/guest_memory.h"

namespace pvk::fakes {

// A frame of the guest as another domain has it mapped.
struct Mapping {
  u8* bytes = nullptr;
  GrantRef ref = 0;
  bool writable = false;
  i16 status = GNTST_general_error;  // GNTST_okay when mapped

  bool ok() const { return status == GNTST_okay; }
};

class GrantTable {
 public:
  static constexpr u32 kEntries = kPageSize / sizeof(grant_entry_v1) * 64;

  GrantTable(GuestMemory& memory, Violations& violations);

  // ---- the guest's side
  int reserve(unsigned count, GrantRef* first);
  void release(GrantRef first, unsigned count);
  void publish(GrantRef ref, DomId domid, u64 gfn, bool readonly);
  int revoke(GrantRef ref);
  // The reference leaves its reservation although it is published; `unpark` gives it back.
  void park(GrantRef ref);
  void unpark(GrantRef ref);

  // ---- Xen's side, for domain `who`
  Mapping map(DomId who, GrantRef ref, bool writable);
  void unmap(const Mapping& mapping);
  bool copy_to_guest(DomId who, GrantRef ref, unsigned offset, const void* from, unsigned bytes);
  bool copy_from_guest(DomId who, GrantRef ref, unsigned offset, void* to, unsigned bytes);

  // The domain was restored: the same references, in a table that is empty. Nothing is mapped.
  void empty_table();

  // ---- for accounts and assertions
  bool is_published(GrantRef ref) const { return (flags(ref) & GTF_type_mask) != 0; }
  u16 flags(GrantRef ref) const { return entries_[ref].flags.load(); }
  size_t reserved() const { return count(Use::kReserved); }
  size_t parked() const { return count(Use::kParked); }
  size_t published() const;
  size_t mapped() const;
  u64 operations() const { return operations_.load(); }
  // Calls `visit(ref, frame, readonly)` for each grant that `who` could map now.
  template <class Visit>
  void each_granted(DomId who, Visit visit) const {
    for (GrantRef ref = 0; ref < top(); ++ref) {
      const u16 now = flags(ref);
      if ((now & GTF_type_mask) != GTF_permit_access || entries_[ref].domid.load() != who) continue;
      visit(ref, u64{entries_[ref].frame.load()}, (now & GTF_readonly) != 0);
    }
  }
  // Called for each grant when it is made: from then on the other domain can look.
  void on_publish(std::function<void(GrantRef)> hook) { on_publish_ = std::move(hook); }
  // From now on only so many references can be reserved in all: a full table.
  void limit(size_t references) { limit_ = references; }

 private:
  enum class Use : u8 { kFree, kReserved, kParked };
  // grant_entry_v1 with each member atomic; the layout is the ABI's.
  struct Entry {
    std::atomic<u16> flags;
    std::atomic<u16> domid;
    std::atomic<u32> frame;
  };
  static_assert(sizeof(Entry) == sizeof(grant_entry_v1));
  struct Active {  // Xen's own count of how often an entry is mapped
    unsigned readers = 0;
    unsigned writers = 0;
  };

  size_t count(Use use) const;
  u32 top() const { return top_.load(std::memory_order_relaxed); }
  bool known(GrantRef ref, const char* doing);
  bool was_lost(GrantRef ref) const { return lost_.contains(ref); }

  std::set<GrantRef> lost_;  // published in the domain's former life
  GuestMemory& memory_;
  Violations& violations_;
  mutable std::mutex mutex_;  // of reservations
  std::mutex xen_mutex_;      // of active_
  std::vector<Entry> entries_;
  std::array<std::atomic<Use>, kEntries> use_{};
  std::vector<Active> active_;
  std::atomic<u32> top_ = 0;  // no reference at or above it was ever reserved
  std::atomic<u64> operations_ = 0;
  size_t limit_ = kEntries;
  std::function<void(GrantRef)> on_publish_;
};

}  // namespace pvk::fakes
