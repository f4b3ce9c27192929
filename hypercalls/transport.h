// SPDX-License-Identifier: MIT OR GPL-2.0-only
// How a hypercall leaves the guest: the vendor's own instruction, issued in place. No hypercall
// page: it would need executable memory that the hypervisor wrote (xen/arch-x86/xen-x86_64.h has
// the register contract: number in rax, arguments in rdi, rsi, rdx, r10 and r8, result in rax).
//
// Only HVM and PVH guests may use these two; in a PV guest they are undefined instructions.
#pragma once

#include "pvkit/types.h"

namespace pvk {

// What every typed call is written against. Tests supply their own.
template <class T>
concept HypercallTransport = requires(T& transport) {
  { transport.call(u64{}, u64{}, u64{}, u64{}, u64{}, u64{}) } -> SameAs<long>;
};

enum class HypercallInstruction : u8 { kVmcall, kVmmcall };

// Results are 0 or a positive value, or a negative Xen errno (xen/errno.h).
template <HypercallInstruction kInstruction>
struct DirectTransport {
  long call(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) const {
    register u64 r10 asm("r10") = a4;
    register u64 r8 asm("r8") = a5;
    if constexpr (kInstruction == HypercallInstruction::kVmcall) {
      asm volatile("vmcall"
                   : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                   :
                   : "memory");
    } else {
      asm volatile("vmmcall"
                   : "+a"(number), "+D"(a1), "+S"(a2), "+d"(a3), "+r"(r10), "+r"(r8)
                   :
                   : "memory");
    }
    return static_cast<long>(number);
  }
};

using Vmcall = DirectTransport<HypercallInstruction::kVmcall>;    // Intel VT-x
using Vmmcall = DirectTransport<HypercallInstruction::kVmmcall>;  // AMD and Hygon SVM

}  // namespace pvk
