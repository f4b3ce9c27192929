// SPDX-License-Identifier: MIT OR GPL-2.0-only
// When events without work are slowed down. A backend may send as many as it likes; each costs us
// an upcall. A port that had too many of them within a while is masked for a delay that doubles
// each time, up to a bound, so that a storm costs a bounded share of a CPU and only its own device
// waits. Events with work win trust back.
//
// Pure functions of time: the port masks, starts a timer and unmasks. Calls for one port come one
// at a time.
#pragma once

#include "pvkit/types.h"

namespace pvk {

struct ThrottlePolicy {
  u32 idle_events = 32;        // without work, in one window, before the port is put to sleep
  u64 window_ns = 10'000'000;  // begins with the first of them
  u64 first_delay_ns = 1'000'000;
  u64 longest_delay_ns = 1'000'000'000;
  u32 useful_events = 64;  // with work: so many halve the next delay
};

// One a port; all zero at first.
struct EventThrottle {
  u64 window_start = 0;
  u32 idle = 0;    // events without work in this window
  u32 useful = 0;  // events with work since the delay last changed
  u8 level = 0;    // the next delay is the first one doubled so often

  u32 sleeps = 0;  // for reports
};

// The delay of a level: doubled each time, never above the longest, no overflow.
constexpr u64 throttle_delay(const ThrottlePolicy& policy, u32 level) {
  u64 delay = min(policy.first_delay_ns, policy.longest_delay_ns);
  for (; level != 0 && delay < policy.longest_delay_ns; --level) {
    delay = delay > policy.longest_delay_ns / 2 ? policy.longest_delay_ns : delay * 2;
  }
  return delay;
}

// An event with work: one event without work is forgiven, and after many the delay halves.
constexpr void throttle_forgive(EventThrottle& state, const ThrottlePolicy& policy) {
  if (state.idle != 0) --state.idle;
  if (state.level == 0 || ++state.useful < policy.useful_events) return;
  state.useful = 0;
  --state.level;
}

// After each event of the port at `now` (monotonic nanoseconds). Returns 0, or for how long the
// port is to be masked.
[[nodiscard]] constexpr u64 throttle_event(EventThrottle& state, const ThrottlePolicy& policy,
                                           u64 now, bool had_work) {
  if (had_work) {
    throttle_forgive(state, policy);
    return 0;
  }
  if (state.idle == 0 || now - state.window_start > policy.window_ns) {
    state.window_start = now;
    state.idle = 0;
  }
  if (++state.idle <= policy.idle_events) return 0;
  const u64 delay = throttle_delay(policy, state.level);
  // Only as far as the delay grows: one step of forgiveness is then one step back.
  if (delay < policy.longest_delay_ns) ++state.level;
  state.idle = 0;
  state.useful = 0;
  ++state.sleeps;
  return delay;
}

}  // namespace pvk
