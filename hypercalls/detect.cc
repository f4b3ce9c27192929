// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/detect.h"

#include <xen/arch-x86/cpuid.h>

namespace pvk {
namespace {

// Another hypervisor's leaves may come first (Viridian, for Windows guests), so Xen's are looked
// for at every place they may stand (cpuid.h, "Xen leaves").
constexpr u32 kFirstBase = 0x40000000;
constexpr u32 kBaseStep = 0x100;
constexpr u32 kBases = 0x100;
constexpr u32 kHvmLeaf = 4;  // cpuid.h, "Leaf 5": facts of an HVM guest, its vCPU's number too

bool is_xen(const CpuidRegisters& signature) {
  return signature.ebx == XEN_CPUID_SIGNATURE_EBX && signature.ecx == XEN_CPUID_SIGNATURE_ECX &&
         signature.edx == XEN_CPUID_SIGNATURE_EDX;
}

constexpr u32 four(const char (&text)[5]) {
  u32 value = 0;
  for (int i = 3; i >= 0; --i) value = value << 8 | static_cast<u8>(text[i]);
  return value;
}

Vendor vendor_of(const CpuidRegisters& leaf0) {
  if (leaf0.ebx == four("Genu") && leaf0.edx == four("ineI") && leaf0.ecx == four("ntel")) {
    return Vendor::kIntel;
  }
  const bool amd =
      leaf0.ebx == four("Auth") && leaf0.edx == four("enti") && leaf0.ecx == four("cAMD");
  const bool hygon =
      leaf0.ebx == four("Hygo") && leaf0.edx == four("nGen") && leaf0.ecx == four("uine");
  return amd || hygon ? Vendor::kAmd : Vendor::kOther;
}

}  // namespace

Result<Hypervisor> find_xen(CpuidReader cpuid) {
  for (u32 i = 0; i < kBases; ++i) {
    const u32 base = kFirstBase + i * kBaseStep;
    const CpuidRegisters signature = cpuid(base, 0);
    if (!is_xen(signature) || signature.eax < base + 2) continue;
    const u32 version = cpuid(base + 1, 0).eax;  // "Leaf 2": major in the high half
    Hypervisor found;
    found.base_leaf = base;
    found.major = static_cast<u16>(version >> 16);
    found.minor = static_cast<u16>(version);
    found.vendor = vendor_of(cpuid(0, 0));
    return found;
  }
  return Error::kNotSupported;
}

Result<u32> vcpu_number(CpuidReader cpuid) {
  const Result<Hypervisor> xen = find_xen(cpuid);
  if (!xen.ok()) return xen.error();
  const u32 base = xen.value().base_leaf;
  // What a CPU says of a leaf beyond the last one is another leaf's.
  if (cpuid(base, 0).eax < base + kHvmLeaf) return Error::kNotSupported;
  const CpuidRegisters leaf = cpuid(base + kHvmLeaf, 0);
  if ((leaf.eax & XEN_HVM_CPUID_VCPU_ID_PRESENT) == 0) return Error::kNotSupported;
  return leaf.ebx;
}

CpuidRegisters native_cpuid(u32 leaf, u32 subleaf) {
  CpuidRegisters registers{leaf, 0, subleaf, 0};
  asm volatile("cpuid"
               : "+a"(registers.eax), "=b"(registers.ebx), "+c"(registers.ecx),
                 "=d"(registers.edx));
  return registers;
}

}  // namespace pvk
