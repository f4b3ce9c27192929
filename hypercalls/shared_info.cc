// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/shared_info.h"

#include <stddef.h>

#include "pvkit/atomic.h"

namespace pvk {
namespace {

static_assert(sizeof(vcpu_info) == 64);
static_assert(offsetof(shared_info, wc_version) == 3072);
static_assert(offsetof(shared_info, wc_sec) == 3076);

constexpr u32 kSecond = 1000000000;
constexpr u32 kTries = 64;  // Xen writes the clock in a few instructions, and seldom

// The clock's first words, alike in both layouts.
struct ClockWords {
  u32 version, seconds, nanoseconds;
};
// By the types of 32 bits: 32 vcpu_infos of 64 bytes, then two arrays of 32 words of 4 bytes.
constexpr size_t kClock32 = 32 * 64 + 2 * 32 * 4;
constexpr size_t kClock64 = offsetof(shared_info, wc_version);

ClockWords clock_at(const shared_info& shared, size_t offset) {
  const auto* const words =
      reinterpret_cast<const u32*>(reinterpret_cast<const u8*>(&shared) + offset);
  return {observe(words[0]), observe(words[1]), observe(words[2])};
}

bool is_clock(const ClockWords& clock) { return clock.seconds != 0 && clock.nanoseconds < kSecond; }

bool is_zero(const ClockWords& clock) {
  return clock.version == 0 && clock.seconds == 0 && clock.nanoseconds == 0;
}

}  // namespace

// The 64-bit place first: in the 32-bit layout nothing stands there, while what was written to the
// 32-bit one stays, as pending bits of ports that nobody has yet.
SharedLayout shared_layout(const shared_info& shared) {
  const ClockWords wide = clock_at(shared, kClock64);
  if (is_clock(wide)) return SharedLayout::k64;
  if (!is_zero(wide)) return SharedLayout::kUnknown;
  const ClockWords narrow = clock_at(shared, kClock32);
  if (is_clock(narrow)) return SharedLayout::k32;
  return is_zero(narrow) ? SharedLayout::kNone : SharedLayout::kUnknown;
}

void VcpuInfos::attach(shared_info& shared, Span<vcpu_info*> registered) {
  shared_ = &shared;
  registered_ = registered;
  for (vcpu_info*& info : registered_) info = nullptr;
}

Status VcpuInfos::use(unsigned vcpu, vcpu_info* info) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(info);
  if (vcpu >= registered_.size() || info == nullptr) return Error::kBadValue;
  if (address % alignof(vcpu_info) != 0) return Error::kBadValue;
  if (address % kPageSize > kPageSize - sizeof(vcpu_info)) return Error::kBadValue;
  registered_[vcpu] = info;
  return {};
}

void VcpuInfos::forget(unsigned vcpu) {
  if (vcpu < registered_.size()) registered_[vcpu] = nullptr;
}

vcpu_info* VcpuInfos::of(unsigned vcpu) const {
  if (vcpu >= registered_.size()) return nullptr;
  if (registered_[vcpu] != nullptr) return registered_[vcpu];
  return vcpu < XEN_LEGACY_MAX_VCPUS ? &shared_->vcpu_info[vcpu] : nullptr;
}

// The version is odd while Xen writes and another one afterwards (xen/xen.h, vcpu_time_info).
Result<WallClock> read_wall_clock(const shared_info& shared) {
  for (u32 i = 0; i < kTries; ++i) {
    const ClockWords clock = clock_at(shared, kClock64);  // in this order, each once
    const u64 high = observe(shared.wc_sec_hi);           // before the version is read again
    if ((clock.version & 1) != 0 || peek(shared.wc_version) != clock.version) continue;
    if (clock.nanoseconds >= kSecond) return Error::kBadValue;
    return WallClock{high << 32 | clock.seconds, clock.nanoseconds};
  }
  return Error::kBusy;
}

}  // namespace pvk
