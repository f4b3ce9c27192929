// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_grants.h"

#include <xen/errno.h>
#include <xen/memory.h>

#include <cstring>
#include <string>

namespace pvk::fakes {
namespace {

constexpr u32 kStatusPerFrame = kPageSize / sizeof(grant_status_t);

template <class Call>
Call& as(void* arguments, u64 index = 0) {
  return static_cast<Call*>(arguments)[index];
}

}  // namespace

XenGrants::XenGrants(Violations& violations, XenMemory& memory, DomId self)
    : violations_(violations), memory_(memory), self_(self) {
  grow(1);
}

long XenGrants::refuse(long error, const char* what) {
  violations_.add(std::string("grant_table_op: ") + what);
  return -error;
}

u32 XenGrants::per_frame() const {
  const size_t bytes = version_ == 1 ? sizeof(grant_entry_v1) : sizeof(grant_entry_v2);
  return static_cast<u32>(kPageSize / bytes);
}

u32 XenGrants::entries() const { return frames() * per_frame(); }

bool XenGrants::grow(u32 frames) {
  if (frames > max_frames) return false;
  while (shared_.size() < frames) shared_.push_back(memory_.allocate_own());
  while (version_ == 2 && status_.size() * kStatusPerFrame < entries()) {
    status_.push_back(memory_.allocate_own());
  }
  return true;
}

u8* XenGrants::entry(GrantRef ref) const {
  const size_t bytes = version_ == 1 ? sizeof(grant_entry_v1) : sizeof(grant_entry_v2);
  return memory_.own(shared_[ref / per_frame()]) + ref % per_frame() * bytes;
}

// Where Xen says that a grant is in use.
u16* XenGrants::status(GrantRef ref) const {
  if (version_ == 1) return reinterpret_cast<u16*>(entry(ref));
  u8* const page = memory_.own(status_[ref / kStatusPerFrame]);
  return reinterpret_cast<u16*>(page) + ref % kStatusPerFrame;
}

u16 XenGrants::flags(GrantRef ref) const {
  return static_cast<u16>(__atomic_load_n(head(ref), __ATOMIC_SEQ_CST));
}
DomId XenGrants::domid(GrantRef ref) const {
  return static_cast<DomId>(__atomic_load_n(head(ref), __ATOMIC_SEQ_CST) >> 16);
}
u64 XenGrants::frame(GrantRef ref) const {
  if (version_ == 1) return __atomic_load_n(head(ref) + 1, __ATOMIC_SEQ_CST);
  return __atomic_load_n(reinterpret_cast<u64*>(entry(ref)) + 1, __ATOMIC_SEQ_CST);
}

size_t XenGrants::published() const {
  size_t count = 0;
  for (GrantRef ref = GNTTAB_NR_RESERVED_ENTRIES; ref < entries(); ++ref) {
    if ((flags(ref) & GTF_type_mask) != GTF_invalid) ++count;
  }
  return count;
}

long XenGrants::operation(u64 operation, void* arguments, u64 count) {
  if (count != 1 && operation != GNTTABOP_copy) return refuse(XEN_EINVAL, "one at a time");
  switch (operation) {
    case GNTTABOP_query_size: return query_size(as<gnttab_query_size>(arguments));
    case GNTTABOP_setup_table: return setup_table(as<gnttab_setup_table>(arguments));
    case GNTTABOP_set_version: return set_version(as<gnttab_set_version>(arguments));
    case GNTTABOP_get_version: return get_version(as<gnttab_get_version>(arguments));
    case GNTTABOP_get_status_frames: return status_frames(as<gnttab_get_status_frames>(arguments));
    case GNTTABOP_copy:
      for (u64 i = 0; i < count; ++i) copy(as<gnttab_copy>(arguments, i));
      return 0;
    default: return refuse(XEN_ENOSYS, "an operation that the model does not know");
  }
}

long XenGrants::page(u64 index, u64* mfn) {
  const bool of_status = (index & XENMAPIDX_grant_table_status) != 0;
  const u64 number = index & ~u64{XENMAPIDX_grant_table_status};
  if (of_status && version_ != 2) return refuse(XEN_EINVAL, "a status frame in version 1");
  if (of_status) {
    const u64 most = (u64{max_frames} * per_frame() + kStatusPerFrame - 1) / kStatusPerFrame;
    if (number >= most) return refuse(XEN_EINVAL, "a status frame beyond the most");
    const u64 frames = (number * kStatusPerFrame) / per_frame() + 1;
    if (number >= status_.size() && !grow(static_cast<u32>(frames))) return -XEN_ENOMEM;
    *mfn = status_[number];
    return 0;
  }
  if (number >= max_frames) return refuse(XEN_EINVAL, "a frame beyond the most");
  if (number >= frames()) grow(static_cast<u32>(number) + 1);
  *mfn = shared_[number];
  return 0;
}

long XenGrants::query_size(gnttab_query_size& call) {
  if (call.dom != DOMID_SELF) {
    call.status = GNTST_permission_denied;
    return 0;
  }
  call.nr_frames = frames();
  call.max_nr_frames = max_frames;
  call.status = GNTST_okay;
  return 0;
}

long XenGrants::setup_table(gnttab_setup_table& call) {
  if (call.dom != DOMID_SELF || !grow(call.nr_frames)) {
    violations_.add("grant_table_op: setup_table beyond the most frames, or of another domain");
    call.status = GNTST_general_error;
    return 0;
  }
  for (u32 i = 0; i < call.nr_frames; ++i) call.frame_list.p[i] = memory_.find(shared_[i]);
  call.status = GNTST_okay;
  return 0;
}

long XenGrants::status_frames(gnttab_get_status_frames& call) {
  if (call.dom != DOMID_SELF || call.nr_frames > status_.size()) {
    violations_.add("grant_table_op: more status frames than there are");
    call.status = GNTST_general_error;
    return 0;
  }
  for (u32 i = 0; i < call.nr_frames; ++i) call.frame_list.p[i] = memory_.find(status_[i]);
  call.status = GNTST_okay;
  return 0;
}

long XenGrants::get_version(gnttab_get_version& call) {
  if (call.dom != DOMID_SELF) return refuse(XEN_EPERM, "version of another domain");
  call.version = version_;
  return 0;
}

long XenGrants::set_version(gnttab_set_version& call) {
  if (call.version != 1 && call.version != 2) return refuse(XEN_EINVAL, "no such version");
  if (call.version > max_version) return -XEN_ENOSYS;  // an administrator's choice
  for (const auto& [ref, pins] : pins_) {
    const bool used = pins.readers + pins.writers != 0;
    if (used && ref >= GNTTAB_NR_RESERVED_ENTRIES) return -XEN_EBUSY;
  }
  if (call.version != version_) change_version(call.version);
  return 0;
}

// The reserved entries survive, the others are cleared.
void XenGrants::change_version(u32 version) {
  u64 kept[GNTTAB_NR_RESERVED_ENTRIES][3];
  for (GrantRef ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ++ref) {
    kept[ref][0] = flags(ref);
    kept[ref][1] = domid(ref);
    kept[ref][2] = frame(ref);
  }
  for (const u64 mfn : shared_) std::memset(memory_.own(mfn), 0, kPageSize);
  for (const u64 mfn : status_) memory_.free_own(mfn);
  status_.clear();
  version_ = version;
  grow(frames());
  for (GrantRef ref = 0; ref < GNTTAB_NR_RESERVED_ENTRIES; ++ref) {
    if ((kept[ref][0] & GTF_type_mask) == GTF_invalid) continue;
    seed(ref, static_cast<DomId>(kept[ref][1]), kept[ref][2]);
  }
}

void XenGrants::seed(GrantRef ref, DomId domid, u64 gfn) {
  if (version_ == 1) {
    head(ref)[1] = static_cast<u32>(gfn);
  } else {
    reinterpret_cast<u64*>(entry(ref))[1] = gfn;
  }
  __atomic_store_n(head(ref), u32{domid} << 16 | GTF_permit_access, __ATOMIC_SEQ_CST);
}

void XenGrants::restore() {
  for (const u64 mfn : shared_) memory_.free_own(mfn);
  for (const u64 mfn : status_) memory_.free_own(mfn);
  shared_.clear();
  status_.clear();
  pins_.clear();
  version_ = 1;
  ++era_;
  grow(1);
}

}  // namespace pvk::fakes
