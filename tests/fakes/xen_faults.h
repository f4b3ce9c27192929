// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Makes hypercalls fail: the n-th of a kind, every one of a kind, or the n-th of them all. A call
// that fails so has changed nothing.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/errno.h>

#include <vector>

#include "pvkit/types.h"

namespace pvk::fakes {

class XenFaults {
 public:
  static constexpr u64 kAny = ~u64{0};

  // The n-th call from now on, counted from 1, of hypercall `number` with `operation`.
  void fail_nth(u64 number, u64 operation, u64 n, long error = XEN_ENOMEM) {
    plans_.push_back({number, operation, n, n, error, 0});
  }
  void fail_always(u64 number, u64 operation, long error = XEN_ENOMEM) {
    plans_.push_back({number, operation, 1, ~u64{0}, error, 0});
  }
  // The n-th call of any kind. Tests loop over n until fired() stays false.
  void fail_any(u64 n, long error = XEN_ENOMEM) { fail_nth(kAny, kAny, n, error); }
  void clear() {
    plans_.clear();
    fired_ = false;
  }
  bool fired() const { return fired_; }

  // 0, or the positive errno with which this call is to fail.
  long check(u64 number, u64 operation) {
    long error = 0;
    for (Plan& plan : plans_) {
      if (plan.number != kAny && plan.number != number) continue;
      if (plan.operation != kAny && plan.operation != operation) continue;
      ++plan.seen;
      if (plan.seen >= plan.first && plan.seen <= plan.last) error = plan.error;
    }
    fired_ = fired_ || error != 0;
    return error;
  }

 private:
  struct Plan {
    u64 number, operation, first, last;
    long error;
    u64 seen;
  };
  std::vector<Plan> plans_;
  bool fired_ = false;
};

}  // namespace pvk::fakes
