// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Several hypercalls for the price of one (xen/xen.h, multicall). Xen does them in order, and goes
// on after one that failed: each entry has its own result.
#pragma once

#include "hypercalls/calls.h"

namespace pvk {

template <u32 kCapacity>
class Multicall {
 public:
  static constexpr u32 capacity() { return kCapacity; }
  u32 size() const { return count_; }
  bool empty() const { return count_ == 0; }

  // What pointers lead to must live until flush(). Returns the entry's number; kBusy when the batch
  // is full: flush it first.
  Result<u32> add(u64 number, u64 a1 = 0, u64 a2 = 0, u64 a3 = 0, u64 a4 = 0, u64 a5 = 0) {
    if (count_ == kCapacity) return Error::kBusy;
    multicall_entry& entry = entries_[count_];
    entry = {};
    entry.op = number;
    entry.result = static_cast<u64>(kNotDone);
    entry.args[0] = a1;
    entry.args[1] = a2;
    entry.args[2] = a3;
    entry.args[3] = a4;
    entry.args[4] = a5;
    return count_++;
  }

  // Does the batch and empties it. An error is that of the call itself; the entries' are below.
  template <HypercallTransport T>
  Status flush(T& transport) {
    const u32 count = count_;
    count_ = 0;
    done_ = count;
    if (count == 0) return {};
    return to_status(transport.call(__HYPERVISOR_multicall, address_of(entries_), count, 0, 0, 0));
  }

  // Of an entry of the last flush, until the next add().
  Status status(u32 entry) const { return to_status(result(entry)); }
  template <class Number>
  Result<Number> number(u32 entry) const {
    return to_number<Number>(result(entry));
  }
  // How many entries of the last flush failed.
  u32 failures() const {
    u32 failed = 0;
    for (u32 i = 0; i < done_; ++i) failed += result(i) < 0 ? 1 : 0;
    return failed;
  }

 private:
  // An entry that Xen did not get to, because the call itself failed, was not done.
  static constexpr long kNotDone = -XEN_ENOSYS;

  long result(u32 entry) const {
    return entry < done_ ? static_cast<long>(entries_[entry].result) : kNotDone;
  }

  multicall_entry entries_[kCapacity] = {};
  u32 count_ = 0;
  u32 done_ = 0;
};

}  // namespace pvk
