// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Makes platform calls fail: the n-th of a kind, every one of a kind, or the n-th of them all.
#pragma once

#include <array>
#include <mutex>

#include "pvkit/types.h"

namespace pvk::fakes {

enum class Call : u8 {
  kAlloc,
  kPagesAlloc,
  kGrantReserve,
  kGrantRevoke,
  kEventOpen,
  kXsRead,
  kXsWrite,
  kXsRemove,
  kXsBegin,
  kXsEnd,
  kXsSetState,
  kBusState,  // no call of platform.h: the port's own reading of the backend's state
};
constexpr size_t kCalls = 12;

class Faults {
 public:
  // The n-th call from now on, counted from 1, fails with `error` (0: what the call fails with).
  void fail_nth(Call call, u64 n, int error = 0) {
    const std::lock_guard lock(mutex_);
    plan_[static_cast<size_t>(call)] = {n, n, error};
  }
  // The same for all from the `first`-th to the `last`-th.
  void fail_range(Call call, u64 first, u64 last, int error) {
    const std::lock_guard lock(mutex_);
    plan_[static_cast<size_t>(call)] = {first, last, error};
  }
  void fail_always(Call call, int error = 0) {
    const std::lock_guard lock(mutex_);
    plan_[static_cast<size_t>(call)] = {1, ~u64{0}, error};
  }
  // The n-th call of any kind. Tests loop over n until fired() stays false.
  void fail_any(u64 n) {
    const std::lock_guard lock(mutex_);
    any_ = {n, n, 0};
  }
  void clear() {
    const std::lock_guard lock(mutex_);
    plan_ = {};
    any_ = {};
    fired_ = false;
  }
  bool fired() const {
    const std::lock_guard lock(mutex_);
    return fired_;
  }

  // 0, or the positive errno with which this call is to fail.
  int check(Call call) {
    const std::lock_guard lock(mutex_);
    const int general = any_.next(default_error(call));
    const int special = plan_[static_cast<size_t>(call)].next(default_error(call));
    fired_ = fired_ || general != 0 || special != 0;
    return special != 0 ? special : general;
  }

 private:
  struct Plan {
    u64 first = 0;
    u64 last = 0;
    int error = 0;
    u64 seen = 0;

    int next(int otherwise) {
      if (first == 0) return 0;
      ++seen;
      if (seen < first || seen > last) return 0;
      return error != 0 ? error : otherwise;
    }
  };

  static int default_error(Call call) {
    switch (call) {
      case Call::kAlloc:
      case Call::kPagesAlloc: return PVK_ENOMEM;
      case Call::kGrantReserve:
      case Call::kEventOpen: return PVK_ENOSPC;
      case Call::kGrantRevoke: return PVK_EBUSY;
      default: return PVK_EIO;
    }
  }

  mutable std::mutex mutex_;
  std::array<Plan, kCalls> plan_{};
  Plan any_;
  bool fired_ = false;
};

}  // namespace pvk::fakes
