// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/grant_table.h"

#include <algorithm>
#include <cstring>

namespace pvk::fakes {

GrantTable::GrantTable(GuestMemory& memory, Violations& violations)
    : memory_(memory), violations_(violations), entries_(kEntries), active_(kEntries) {}

bool GrantTable::known(GrantRef ref, const char* doing) {
  if (ref >= GNTTAB_NR_RESERVED_ENTRIES && ref < kEntries && use_[ref] != Use::kFree) return true;
  violations_.add("grant: " + std::string(doing) +
                  " of a reference that is not reserved: " + std::to_string(ref));
  return false;
}

int GrantTable::reserve(unsigned count, GrantRef* first) {
  const std::lock_guard lock(mutex_);
  size_t used = 0;
  for (GrantRef ref = 0; ref < top(); ++ref) used += use_[ref] != Use::kFree ? 1 : 0;
  if (count == 0 || used + count > limit_) return -PVK_ENOSPC;
  unsigned run = 0;
  for (GrantRef ref = GNTTAB_NR_RESERVED_ENTRIES; ref < kEntries; ++ref) {
    run = use_[ref] == Use::kFree ? run + 1 : 0;
    if (run < count) continue;
    *first = ref + 1 - count;
    for (GrantRef taken = *first; taken <= ref; ++taken) use_[taken] = Use::kReserved;
    top_.store(std::max(top(), ref + 1), std::memory_order_relaxed);
    return 0;
  }
  return -PVK_ENOSPC;
}

void GrantTable::release(GrantRef first, unsigned count) {
  const std::lock_guard lock(mutex_);
  for (GrantRef ref = first; ref < first + count; ++ref) {
    if (!known(ref, "release")) continue;
    if (use_[ref] == Use::kParked || is_published(ref)) {
      violations_.add("grant: release of a published or parked reference " + std::to_string(ref));
      continue;
    }
    use_[ref] = Use::kFree;
  }
}

void GrantTable::publish(GrantRef ref, DomId domid, u64 gfn, bool readonly) {
  if (!known(ref, "publish")) return;
  if (is_published(ref)) {
    violations_.add("grant: publish over a published reference " + std::to_string(ref));
    return;
  }
  memory_.pin(gfn);
  Entry& entry = entries_[ref];
  entry.domid.store(domid, std::memory_order_relaxed);
  entry.frame.store(static_cast<u32>(gfn), std::memory_order_relaxed);
  const u16 flags = static_cast<u16>(GTF_permit_access | (readonly ? GTF_readonly : 0u));
  entry.flags.store(flags, std::memory_order_release);
  operations_.fetch_add(1, std::memory_order_relaxed);
  if (on_publish_) on_publish_(ref);
}

int GrantTable::revoke(GrantRef ref) {
  if (!known(ref, "revoke")) return -PVK_EINVAL;
  Entry& entry = entries_[ref];
  u16 flags = entry.flags.load();
  if ((flags & GTF_type_mask) == 0 && was_lost(ref)) {
    lost_.erase(ref);
    return 0;
  }
  if ((flags & GTF_type_mask) == 0) {
    violations_.add("grant: revoke of an unpublished reference " + std::to_string(ref));
    return 0;
  }
  // grant_table.h, "Invalidating an unused GTF_permit_access entry".
  do {
    if ((flags & (GTF_reading | GTF_writing)) != 0) return -PVK_EBUSY;
  } while (!entry.flags.compare_exchange_weak(flags, 0));
  memory_.unpin(entry.frame.load());
  operations_.fetch_add(1, std::memory_order_relaxed);
  return 0;
}

void GrantTable::empty_table() {
  for (GrantRef ref = 0; ref < kEntries; ++ref) {
    if (!is_published(ref)) continue;
    entries_[ref].flags.store(0);
    memory_.unpin(entries_[ref].frame.load());
    lost_.insert(ref);
  }
}

void GrantTable::park(GrantRef ref) {
  if (!known(ref, "park")) return;
  if (use_[ref] == Use::kParked) violations_.add("grant: parked twice: " + std::to_string(ref));
  use_[ref] = Use::kParked;
}

void GrantTable::unpark(GrantRef ref) { use_[ref] = Use::kFree; }

Mapping GrantTable::map(DomId who, GrantRef ref, bool writable) {
  Mapping mapping;
  mapping.ref = ref;
  mapping.writable = writable;
  if (ref >= kEntries) {
    mapping.status = GNTST_bad_gntref;
    return mapping;
  }
  const std::lock_guard lock(xen_mutex_);
  Entry& entry = entries_[ref];
  u16 flags = entry.flags.load();
  u16 wanted = 0;
  do {
    const bool permitted = (flags & GTF_type_mask) == GTF_permit_access &&
                           entry.domid.load(std::memory_order_relaxed) == who &&
                           (!writable || (flags & GTF_readonly) == 0);
    if (!permitted) return mapping;
    wanted = static_cast<u16>(flags | GTF_reading | (writable ? GTF_writing : 0u));
  } while (!entry.flags.compare_exchange_weak(flags, wanted));
  mapping.bytes = memory_.backend_view(entry.frame.load(std::memory_order_relaxed), writable);
  mapping.status = mapping.bytes != nullptr ? GNTST_okay : GNTST_general_error;
  Active& active = active_[ref];
  if (mapping.ok()) ++(writable ? active.writers : active.readers);
  if (!mapping.ok() && active.readers + active.writers == 0) entry.flags.store(flags);
  return mapping;
}

void GrantTable::unmap(const Mapping& mapping) {
  const std::lock_guard lock(xen_mutex_);
  Active& active = active_[mapping.ref];
  --(mapping.writable ? active.writers : active.readers);
  u16 over = 0;
  if (active.writers == 0) over = GTF_writing;
  if (active.readers + active.writers == 0) over = GTF_reading | GTF_writing;
  entries_[mapping.ref].flags.fetch_and(static_cast<u16>(~over));
}

bool GrantTable::copy_to_guest(DomId who, GrantRef ref, unsigned offset, const void* from,
                               unsigned bytes) {
  if (offset > kPageSize || bytes > kPageSize - offset) return false;
  const Mapping mapping = map(who, ref, true);
  if (!mapping.ok()) return false;
  std::memcpy(mapping.bytes + offset, from, bytes);
  unmap(mapping);
  return true;
}

bool GrantTable::copy_from_guest(DomId who, GrantRef ref, unsigned offset, void* to,
                                 unsigned bytes) {
  if (offset > kPageSize || bytes > kPageSize - offset) return false;
  const Mapping mapping = map(who, ref, false);
  if (!mapping.ok()) return false;
  std::memcpy(to, mapping.bytes + offset, bytes);
  unmap(mapping);
  return true;
}

size_t GrantTable::count(Use wanted) const {
  const std::lock_guard lock(mutex_);
  size_t found = 0;
  for (GrantRef ref = 0; ref < top(); ++ref) found += use_[ref] == wanted ? 1 : 0;
  return found;
}

size_t GrantTable::published() const {
  size_t found = 0;
  for (GrantRef ref = 0; ref < top(); ++ref) found += is_published(ref) ? 1 : 0;
  return found;
}

size_t GrantTable::mapped() const {
  size_t found = 0;
  for (GrantRef ref = 0; ref < top(); ++ref) {
    found += (flags(ref) & (GTF_reading | GTF_writing)) != 0 ? 1 : 0;
  }
  return found;
}

}  // namespace pvk::fakes
