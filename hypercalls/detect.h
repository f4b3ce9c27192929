// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Is there a Xen below, and which instruction reaches it? By CPUID alone (xen/arch-x86/cpuid.h).
#pragma once

#include "pvkit/result.h"

namespace pvk {

struct CpuidRegisters {
  u32 eax, ebx, ecx, edx;
};

// Reads one leaf. A function, so that tests can be any CPU.
using CpuidReader = CpuidRegisters (*)(u32 leaf, u32 subleaf);

enum class Vendor : u8 { kIntel, kAmd, kOther };

struct Hypervisor {
  u32 base_leaf = 0;  // Xen's first leaf: 0x40000000 + n * 0x100
  u16 major = 0;
  u16 minor = 0;
  Vendor vendor = Vendor::kOther;
};

// kNotSupported when no leaf carries Xen's signature.
Result<Hypervisor> find_xen(CpuidReader cpuid);

// The number that Xen gives the vCPU that `cpuid` is of; kNotSupported where it does not say.
Result<u32> vcpu_number(CpuidReader cpuid);

// The CPU that this runs on.
CpuidRegisters native_cpuid(u32 leaf, u32 subleaf);

}  // namespace pvk
