// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The time of day as the host tells it, and what it means for a clock that stood still.
#pragma once

#include "pvops/pvclock.h"

namespace pvk {

constexpr u64 kNanosecondsPerSecond = 1'000'000'000;

// Nanoseconds since 1970 when system time was 0. It moves when the host's clock is set.
inline u64 read_wallclock_base(const shared_info& shared) {
  u64 seconds = 0;
  u32 nanoseconds = 0;
  read_versioned(shared.wc_version, [&] {
    seconds = u64{peek(shared.wc_sec_hi)} << 32 | peek(shared.wc_sec);
    nanoseconds = peek(shared.wc_nsec);
  });
  return seconds * kNanosecondsPerSecond + nanoseconds;
}

// The host's time of day now.
inline u64 host_time(const shared_info& shared, const SystemTime& now) {
  return read_wallclock_base(shared) + now.nanoseconds;
}

// What host and guest took for the time of day at one moment.
struct TimeOfDay {
  u64 host = 0;
  u64 guest = 0;
};

constexpr u64 kWorthSetting = 10'000'000;  // 10 ms: what a clock may be behind without a step

// How far to set the guest's clock forward after it slept from `before` to `now`. Only what the
// host's clock went on meanwhile counts, never that the two clocks disagree: the guest may keep
// time better than its host. 0 when the guest's clock has caught up by itself, and when the host's
// went backwards, which is another host with a bad clock.
constexpr u64 time_slept(const TimeOfDay& before, const TimeOfDay& now) {
  if (now.host <= before.host) return 0;
  const u64 expected = before.guest + (now.host - before.host);
  return expected > now.guest + kWorthSetting ? expected - now.guest : 0;
}

}  // namespace pvk
