// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Xen's half of what the entries of a grant table are for: other domains map and copy.
#include <cstring>

#include "fakes/xen_grants.h"

namespace pvk::fakes {
namespace {

u16 use_flags(bool writable) {
  return static_cast<u16>(writable ? GTF_reading | GTF_writing : GTF_reading);
}

}  // namespace

bool XenGrants::may(const Attempt& attempt, u32 head) const {
  if ((head & GTF_type_mask) != GTF_permit_access) return false;
  if (head >> 16 != attempt.who) return false;
  return !attempt.writable || (head & GTF_readonly) == 0;
}

// One access to the table a step.
void XenGrants::step(Attempt& attempt) {
  switch (attempt.at) {
    case Attempt::At::kCheck:
      if (attempt.ref >= entries()) {
        attempt.result.status = GNTST_bad_gntref;
        attempt.at = Attempt::At::kDone;
        return;
      }
      attempt.seen = __atomic_load_n(head(attempt.ref), __ATOMIC_SEQ_CST);
      attempt.at = Attempt::At::kMark;
      if (!may(attempt, attempt.seen)) attempt.at = Attempt::At::kDone;
      return;
    case Attempt::At::kMark: mark(attempt); return;
    case Attempt::At::kRecheck: recheck(attempt); return;
    case Attempt::At::kFrame: take_frame(attempt); return;
    case Attempt::At::kDone: return;
  }
}

// Version 1: flags and domid change together, or not because the guest was faster. Version 2: the
// status first, then a second look at the flags.
void XenGrants::mark(Attempt& attempt) {
  const u16 use = use_flags(attempt.writable);
  if (version_ == 2) {
    __atomic_fetch_or(status(attempt.ref), use, __ATOMIC_SEQ_CST);
    attempt.at = Attempt::At::kRecheck;
    return;
  }
  u32 expected = attempt.seen;
  if (__atomic_compare_exchange_n(head(attempt.ref), &expected, attempt.seen | use, false,
                                  __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST)) {
    attempt.at = Attempt::At::kFrame;
    Pins& pins = pins_[attempt.ref];
    ++(attempt.writable ? pins.writers : pins.readers);
    return;
  }
  attempt.at = Attempt::At::kCheck;
}

void XenGrants::recheck(Attempt& attempt) {
  Pins& pins = pins_[attempt.ref];
  ++(attempt.writable ? pins.writers : pins.readers);
  attempt.seen = __atomic_load_n(head(attempt.ref), __ATOMIC_SEQ_CST);
  attempt.at = Attempt::At::kFrame;
  if (may(attempt, attempt.seen)) return;
  unpin(attempt.ref, attempt.writable);
  attempt.at = Attempt::At::kDone;
}

void XenGrants::take_frame(Attempt& attempt) {
  attempt.at = Attempt::At::kDone;
  const u64 gfn = frame(attempt.ref);
  if (!memory_.is_ram(gfn)) {
    violations_.add("granted a frame that is no RAM");
    unpin(attempt.ref, attempt.writable);
    attempt.result.status = GNTST_bad_page;
    return;
  }
  const u64 mfn = memory_.behind(gfn);
  memory_.pin(mfn);
  attempt.result = {GNTST_okay, memory_.own(mfn), attempt.ref, attempt.writable, mfn, era_};
}

XenMapping XenGrants::map(DomId who, GrantRef ref, bool writable) {
  Attempt attempt;
  attempt.who = who;
  attempt.ref = ref;
  attempt.writable = writable;
  while (!attempt.done()) step(attempt);
  return attempt.result;
}

void XenGrants::unmap(const XenMapping& mapping) {
  // The mapping of a domain that was restored since is the old domain's.
  if (!mapping.ok() || mapping.era != era_) return;
  memory_.unpin(mapping.mfn);
  unpin(mapping.ref, mapping.writable);
}

void XenGrants::unpin(GrantRef ref, bool writable) {
  Pins& pins = pins_[ref];
  --(writable ? pins.writers : pins.readers);
  u16 left = 0;
  if (pins.writers == 0) left |= GTF_writing;
  if (pins.readers + pins.writers == 0) left |= GTF_reading;
  __atomic_fetch_and(status(ref), static_cast<u16>(~left), __ATOMIC_SEQ_CST);
  if (pins.readers + pins.writers == 0) pins_.erase(ref);
}

size_t XenGrants::mapped() const {
  size_t count = 0;
  for (const auto& [ref, pins] : pins_) count += pins.readers + pins.writers;
  return count;
}

// One side of a copy: a page of the guest's own, or one that it was granted, by itself in this
// model, since there is no other domain with a table.
u8* XenGrants::side(const gnttab_copy::gnttab_copy_ptr& pointer, bool by_ref, bool writable,
                    XenMapping* mapping, i16* status) {
  *status = GNTST_okay;
  if (!by_ref) {
    u8* const page = memory_.see(pointer.u.gmfn);
    if (page == nullptr || pointer.domid != DOMID_SELF) *status = GNTST_bad_page;
    return *status == GNTST_okay ? page : nullptr;
  }
  if (pointer.domid != DOMID_SELF && pointer.domid != self_) {
    *status = GNTST_bad_domain;
    return nullptr;
  }
  *mapping = map(self_, pointer.u.ref, writable);
  *status = mapping->status;
  return mapping->ok() ? mapping->bytes : nullptr;
}

void XenGrants::copy(gnttab_copy& call) {
  const u32 longest = call.source.offset > call.dest.offset ? call.source.offset : call.dest.offset;
  if (longest + u32{call.len} > kPageSize) {
    call.status = GNTST_bad_copy_arg;
    return;
  }
  XenMapping from;
  XenMapping to;
  const u8* const source =
      side(call.source, (call.flags & GNTCOPY_source_gref) != 0, false, &from, &call.status);
  if (source == nullptr) return;
  u8* const target =
      side(call.dest, (call.flags & GNTCOPY_dest_gref) != 0, true, &to, &call.status);
  if (target != nullptr) {
    std::memmove(target + call.dest.offset, source + call.source.offset, call.len);
  }
  unmap(from);
  unmap(to);
}

}  // namespace pvk::fakes
