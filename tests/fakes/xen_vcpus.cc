// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_vcpus.h"

#include <xen/errno.h>

#include <cstddef>
#include <cstring>

namespace pvk::fakes {

// The 32-bit layout is not declared to a 64-bit program; these offsets follow from xen/xen.h with a
// word of four bytes, and the others are checked.
static_assert(sizeof(vcpu_info) == 64);
static_assert(offsetof(vcpu_info, evtchn_pending_sel) == 8, "4 with a 32-bit word");
static_assert(offsetof(shared_info, evtchn_pending) == 2048);
static_assert(offsetof(shared_info, evtchn_mask) == 2560, "2176 with a 32-bit word");
static_assert(offsetof(shared_info, wc_version) == 3072, "2304 with a 32-bit word");

XenVcpus::XenVcpus(Violations& violations, XenMemory& memory, u32 count)
    : violations_(violations), memory_(memory), shared_info_(memory.allocate_own()), vcpus_(count) {
  write_wallclock();
}

void XenVcpus::write_wallclock() {
  const u32 values[] = {2, wallclock, 0, 0};
  std::memcpy(info() + (wide_ ? 3072 : 2304), values, sizeof(values));
}

// Xen does not move what is there: it only writes the new places from now on.
void XenVcpus::latch(bool wide) {
  wide_ = wide;
  write_wallclock();
}

u8* XenVcpus::vcpu_info_of(u32 vcpu) const {
  if (vcpus_[vcpu].info != nullptr) return vcpus_[vcpu].info;
  return vcpu < kLegacy ? info() + vcpu * sizeof(vcpu_info) : nullptr;
}

void XenVcpus::select(u32 vcpu, u32 word) {
  u8* const at = vcpu_info_of(vcpu);
  if (at == nullptr) {
    violations_.add("an event for a vCPU without vcpu_info is lost");
    return;
  }
  bool news = false;
  if (wide_) {
    const u64 bit = u64{1} << word;
    news = (__atomic_fetch_or(reinterpret_cast<u64*>(at + 8), bit, __ATOMIC_SEQ_CST) & bit) == 0;
  } else {
    const u32 bit = u32{1} << word;
    news = (__atomic_fetch_or(reinterpret_cast<u32*>(at + 4), bit, __ATOMIC_SEQ_CST) & bit) == 0;
  }
  if (news) upcall(vcpu);
}

void XenVcpus::upcall(u32 vcpu) {
  u8* const flag = vcpu_info_of(vcpu);
  if (flag == nullptr || __atomic_exchange_n(flag, u8{1}, __ATOMIC_SEQ_CST) != 0) return;
  ++upcalls;
  if (on_upcall) on_upcall(vcpu, vcpus_[vcpu].vector);
}

long XenVcpus::set_vector(u32 vcpu, u8 vector) {
  if (!exists(vcpu)) return -XEN_ENOENT;
  if (vector < 16) return -XEN_EINVAL;
  vcpus_[vcpu].vector = vector;
  ++upcalls;  // the vector comes at once, whether or not anything is pending
  if (on_upcall) on_upcall(vcpu, vector);
  return 0;
}

long XenVcpus::register_info(u32 vcpu, u64 gfn, u32 offset) {
  if (!exists(vcpu)) return -XEN_ENOENT;
  if (offset > kPageSize - sizeof(vcpu_info)) return -XEN_ENXIO;
  if (vcpus_[vcpu].info != nullptr) return -XEN_EINVAL;
  if (!memory_.is_ram(gfn)) return -XEN_EINVAL;
  u8* const place = memory_.see(gfn) + offset;
  if (const u8* const old = vcpu_info_of(vcpu); old != nullptr) {
    std::memcpy(place, old, sizeof(vcpu_info));
  } else {
    std::memset(place, 0, sizeof(vcpu_info));
  }
  vcpus_[vcpu].info = place;
  // Events may have been missed while the place changed: everything is pending (Xen does the same).
  const size_t bytes = wide_ ? 8 : 4;
  std::memset(place + bytes, 0xff, bytes);
  *place = 0;
  upcall(vcpu);
  return 0;
}

void XenVcpus::restore() {
  memory_.free_own(shared_info_);
  shared_info_ = memory_.allocate_own();
  wide_ = false;  // whatever it is after a restore, the guest must not count on it
  for (Vcpu& vcpu : vcpus_) {
    vcpu.vector = 0;
    vcpu.info = nullptr;
  }
  write_wallclock();
}

}  // namespace pvk::fakes
