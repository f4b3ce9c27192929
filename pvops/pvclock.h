// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Time as Xen tells it: a record for each vCPU says when it was last brought up to date, by TSC and
// in nanoseconds, and how to go on from there (xen/xen.h, struct vcpu_time_info); shared_info says
// what the wall clock showed when that time was 0.
#pragma once

#include "pvkit/abi/xen.h"

#include "pvkit/atomic.h"

namespace pvk {

// The time-stamp counter, not read before the loads that stand before it in the program: the record
// it is combined with must be the older of the two. A type and no function: it is read several
// times for each disk request, and so in place.
struct NativeTsc {
  [[gnu::always_inline]] u64 operator()() const {
    u32 low = 0;
    u32 high = 0;
    asm volatile("lfence; rdtsc" : "=a"(low), "=d"(high) : : "memory");
    return u64{high} << 32 | low;
  }
};

// `ticks` in nanoseconds: shifted, then multiplied by a fraction of 2^32.
constexpr u64 scale_ticks(u64 ticks, u32 multiplier, int8_t shift) {
  const u64 shifted = shift < 0 ? ticks >> -shift : ticks << shift;
  return static_cast<u64>(static_cast<unsigned __int128>(shifted) * multiplier >> 32);
}

struct SystemTime {
  u64 nanoseconds = 0;
  bool stable = false;  // comparable between vCPUs without further care
};

// Calls `read`, again when Xen has changed the record meanwhile. The version is odd while it does.
template <class Read>
[[gnu::always_inline]] inline void read_versioned(const u32& version, Read read) {
  for (;;) {
    const u32 before = observe(version);  // the record is read after it
    read();
    __atomic_thread_fence(__ATOMIC_ACQUIRE);  // the record was read before the version is again
    if ((before & 1) == 0 && peek(version) == before) return;
  }
}

// Time on the vCPU that `record` belongs to, which must be the one that runs this.
template <class ReadTsc>
[[gnu::always_inline]] inline SystemTime read_system_time(const vcpu_time_info& record,
                                                          ReadTsc read_tsc) {
  SystemTime time;
  read_versioned(
      record.version, [&]() __attribute__((always_inline)) {
        const u64 stamp = peek(record.tsc_timestamp);
        const u64 base = peek(record.system_time);
        const u32 multiplier = peek(record.tsc_to_system_mul);
        const int8_t shift = peek(record.tsc_shift);
        time.stable = (peek(record.flags) & XEN_PVCLOCK_TSC_STABLE_BIT) != 0;
        const u64 now = read_tsc();
        // A counter that is behind the record's is a vCPU that just moved to a CPU a little late.
        const u64 ticks = now > stamp ? now - stamp : 0;
        time.nanoseconds = base + scale_ticks(ticks, multiplier, shift);
      });
  return time;
}

// A clock that never runs backwards, whichever vCPU it is read on, and that goes on where it was
// after the domain was suspended, though system time is another host's then.
class PvClock {
 public:
  // Any context.
  u64 now(const SystemTime& time) {
    const u64 value = time.nanoseconds + offset_.relaxed();
    return time.stable ? value : not_before_last(value);
  }

  // These two while no other vCPU runs.
  void suspend(const SystemTime& time) { at_suspend_ = now(time); }
  void resume(const SystemTime& time) {
    offset_.set_relaxed(at_suspend_ - time.nanoseconds);
    last_.set_relaxed(at_suspend_);
  }

 private:
  // Records of different vCPUs disagree by a few nanoseconds. Who is behind gets the latest value
  // that anybody got. Relaxed: all that matters is the one variable.
  u64 not_before_last(u64 value) { return last_.raise(value); }

  class Latest {
   public:
    u64 raise(u64 value) {
      u64 seen = __atomic_load_n(&value_, __ATOMIC_RELAXED);
      while (seen < value) {
        if (__atomic_compare_exchange_n(&value_, &seen, value, true, __ATOMIC_RELAXED,
                                        __ATOMIC_RELAXED)) {
          return value;
        }
      }
      return seen;
    }
    void set_relaxed(u64 value) { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }

   private:
    u64 value_ = 0;
  };

  Latest last_;
  Atomic<u64> offset_;
  u64 at_suspend_ = 0;
};

}  // namespace pvk
