// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A transport whose instruction is chosen when the CPU is known, for code that is compiled once.
// The choice is one well predicted branch; code that is patched can use Vmcall or Vmmcall itself.
#pragma once

#include "hypercalls/calls.h"
#include "hypercalls/detect.h"

namespace pvk {

class AnyTransport {
 public:
  // Until an instruction is chosen every call is refused: the wrong one is undefined.
  constexpr AnyTransport() = default;
  constexpr explicit AnyTransport(HypercallInstruction instruction)
      : kind_(instruction == HypercallInstruction::kVmcall ? Kind::kVmcall : Kind::kVmmcall) {}

  constexpr bool is_chosen() const { return kind_ != Kind::kNone; }
  constexpr const char* name() const {
    if (kind_ == Kind::kVmcall) return "vmcall";
    return kind_ == Kind::kVmmcall ? "vmmcall" : "none";
  }

  long call(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) const {
    if (kind_ == Kind::kVmcall) return Vmcall{}.call(number, a1, a2, a3, a4, a5);
    if (kind_ == Kind::kVmmcall) return Vmmcall{}.call(number, a1, a2, a3, a4, a5);
    return -XEN_ENOSYS;
  }

 private:
  enum class Kind : u8 { kNone, kVmcall, kVmmcall };
  Kind kind_ = Kind::kNone;
};

// kNotSupported for a CPU of which it is not known which instruction it has.
constexpr Result<AnyTransport> transport_for(Vendor vendor) {
  switch (vendor) {
    case Vendor::kIntel: return AnyTransport(HypercallInstruction::kVmcall);
    case Vendor::kAmd: return AnyTransport(HypercallInstruction::kVmmcall);
    case Vendor::kOther: break;
  }
  return Error::kNotSupported;
}

}  // namespace pvk
