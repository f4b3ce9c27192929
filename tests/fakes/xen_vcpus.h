// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What Xen keeps of a guest's vCPUs, and the page that it shares with the guest (xen/xen.h,
// shared_info), in the layout of the guest's word size: 32 bits until a 64-bit caller makes a
// hypercall that latches, as after firmware.
#pragma once

#include "pvkit/abi/xen.h"

#include <functional>
#include <vector>

#include "fakes/xen_memory.h"

namespace pvk::fakes {

class XenVcpus {
 public:
  static constexpr u32 kLegacy = 32;  // XEN_LEGACY_MAX_VCPUS: vcpu_info in shared_info

  XenVcpus(Violations& violations, XenMemory& memory, u32 count);

  u32 count() const { return static_cast<u32>(vcpus_.size()); }
  bool exists(u32 vcpu) const { return vcpu < count(); }

  u64 shared_info_page() const { return shared_info_; }
  bool is_wide() const { return wide_; }
  void latch(bool wide);

  // ---- where things are, seen by Xen
  u8* pending_bits() const { return info() + 2048; }
  u8* mask_bits() const { return info() + (wide_ ? 2560 : 2176); }
  u32 ports() const { return wide_ ? 4096 : 1024; }
  u32 word_bits() const { return wide_ ? 64 : 32; }
  shared_info* wide_info() const { return reinterpret_cast<shared_info*>(info()); }
  // nullptr for a vCPU without one: beyond kLegacy and not registered.
  u8* vcpu_info_of(u32 vcpu) const;

  // evtchn_pending_sel |= bit; then, if that was news, the upcall.
  void select(u32 vcpu, u32 word);
  // Sets evtchn_upcall_pending; the upcall runs if it was clear before.
  void upcall(u32 vcpu);
  // What the guest's interrupt does. With no vector set it is the callback's: vCPU 0, vector 0.
  std::function<void(u32 vcpu, u8 vector)> on_upcall;

  long set_vector(u32 vcpu, u8 vector);
  u8 vector(u32 vcpu) const { return vcpus_[vcpu].vector; }
  long register_info(u32 vcpu, u64 gfn, u32 offset);
  bool is_registered(u32 vcpu) const { return vcpus_[vcpu].info != nullptr; }

  void set_up(u32 vcpu, bool up) { vcpus_[vcpu].up = up; }
  bool is_up(u32 vcpu) const { return vcpus_[vcpu].up; }

  void restore();

  u64 upcalls = 0;
  u32 wallclock = 1'700'000'000;

 private:
  struct Vcpu {
    u8 vector = 0;
    bool up = true;
    u8* info = nullptr;
  };
  u8* info() const { return memory_.own(shared_info_); }
  void write_wallclock();

  Violations& violations_;
  XenMemory& memory_;
  u64 shared_info_;
  bool wide_ = false;
  std::vector<Vcpu> vcpus_;
};

}  // namespace pvk::fakes
