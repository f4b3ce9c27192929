// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The page that Xen shares with a guest (xen/xen.h, struct shared_info): its layout, the vCPUs'
// parts of it, and the wall clock.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/xen.h>

#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

// Xen lays the page out as 32- or 64-bit according to the mode in which the guest last did
// something that makes it look, such as HVMOP_set_param of HVM_PARAM_CALLBACK_IRQ. A 64-bit kernel
// below 32-bit firmware finds the 32-bit one: upcalls come, and a scan finds nothing. Once it is
// the 64-bit one it stays.
enum class SharedLayout : u8 {
  kNone,     // Xen has written no wall clock: the page is not mapped, or not Xen's
  k32,       // to be changed by a call from 64-bit code before anything is read
  k64,       // what struct shared_info says
  kUnknown,  // what stands there is no wall clock
};

SharedLayout shared_layout(const shared_info& shared);

// Where each vCPU's vcpu_info is: in the page for the first 32 (XEN_LEGACY_MAX_VCPUS), for others,
// and for those that want a cache line of their own, where VCPUOP_register_vcpu_info (xen/vcpu.h)
// was told.
class VcpuInfos {
 public:
  // `registered`: room for a pointer for each vCPU of the guest. Forgets registrations, as a
  // restore does.
  void attach(shared_info& shared, Span<vcpu_info*> registered);

  // Registers, and `info` is what of() returns from now on: called with upcalls of `vcpu` held off,
  // then the hypercall is made (undone by forget() when it fails), then one scan. Xen marks
  // everything pending in the new place, but may raise no upcall for that.
  // kBadValue for no such vCPU, or an info that crosses a page or is not aligned.
  Status use(unsigned vcpu, vcpu_info* info);
  void forget(unsigned vcpu);

  // Null for a vCPU that has none yet.
  vcpu_info* of(unsigned vcpu) const;

 private:
  shared_info* shared_ = nullptr;
  Span<vcpu_info*> registered_;
};

struct WallClock {
  u64 seconds = 0;  // since 1970, of the moment when the guest's system time was 0
  u32 nanoseconds = 0;
};

// kBusy when Xen kept writing (try again later), kBadValue when it makes no sense.
Result<WallClock> read_wall_clock(const shared_info& shared);

}  // namespace pvk
