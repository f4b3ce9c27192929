// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Storms of events are slowed down, and ordinary devices never are.
#include "hypercalls/event_throttle.h"

#include <gtest/gtest.h>

namespace pvk {
namespace {

constexpr u64 kMicrosecond = 1000;
constexpr u64 kSecond = 1'000'000'000;

class Throttle : public testing::Test {
 protected:
  u64 event(bool had_work, u64 after = kMicrosecond) {
    now += after;
    return throttle_event(state, policy, now, had_work);
  }
  // Events without work until the port is put to sleep; how long it sleeps.
  u64 storm() {
    for (u32 i = 0; i < policy.idle_events; ++i) EXPECT_EQ(event(false), 0u);
    const u64 delay = event(false);
    now += delay;
    return delay;
  }

  ThrottlePolicy policy;
  EventThrottle state;
  u64 now = 5 * kSecond;
};

TEST_F(Throttle, EventsWithWorkAreNeverSlowedDown) {
  for (u32 i = 0; i < 100'000; ++i) ASSERT_EQ(event(true, 1), 0u);
  EXPECT_EQ(state.sleeps, 0u);
}

TEST_F(Throttle, SoAreFewWithoutWork) {
  for (u32 i = 0; i < policy.idle_events; ++i) EXPECT_EQ(event(false), 0u);
}

TEST_F(Throttle, OneTooManyPutsThePortToSleep) {
  EXPECT_EQ(storm(), policy.first_delay_ns);
  EXPECT_EQ(state.sleeps, 1u);
}

TEST_F(Throttle, SparseOnesAreNotAStorm) {
  for (u32 i = 0; i < 1000; ++i) {
    EXPECT_EQ(event(false, policy.window_ns / policy.idle_events + kMicrosecond), 0u);
  }
}

TEST_F(Throttle, EachStormDoublesTheDelayUpToTheLongest) {
  u64 expected = policy.first_delay_ns;
  for (u32 i = 0; i < 100; ++i) {
    EXPECT_EQ(storm(), expected);
    expected = min(expected * 2, policy.longest_delay_ns);
  }
  EXPECT_EQ(expected, kSecond);
}

// What a storm can make a guest do: upcalls in a minute.
TEST_F(Throttle, AMinuteOfStormIsFewUpcalls) {
  const u64 end = now + 60 * kSecond;
  u32 upcalls = 0;
  for (; now < end; ++upcalls) now += event(false);
  EXPECT_LT(upcalls, 3000u);
}

// One event with work for each without: a device that shares its events with somebody.
TEST_F(Throttle, WorkForgivesOneForOne) {
  for (u32 i = 0; i < 100'000; ++i) ASSERT_EQ(event(i % 2 == 0, 1), 0u);
}

TEST_F(Throttle, ALittleWorkDoesNotHideAStorm) {
  u64 slept = 0;
  for (u32 i = 0; i < 1000; ++i) slept += event(i % 8 == 0);
  EXPECT_GT(slept, 0u);
}

TEST_F(Throttle, WorkWinsTrustBackStepByStep) {
  EXPECT_EQ(storm(), policy.first_delay_ns);
  EXPECT_EQ(storm(), policy.first_delay_ns * 2);
  for (u32 i = 0; i + 1 < policy.useful_events; ++i) event(true);
  EXPECT_EQ(state.level, 2);
  event(true);
  EXPECT_EQ(state.level, 1);
  for (u32 i = 0; i < policy.useful_events; ++i) event(true);
  EXPECT_EQ(storm(), policy.first_delay_ns);
}

TEST_F(Throttle, FromTheLongestDelayItIsOneStepBackToo) {
  for (u32 i = 0; i < 100; ++i) storm();
  const u32 worst = state.level;
  for (u32 i = 0; i < policy.useful_events; ++i) event(true);
  EXPECT_EQ(state.level, worst - 1);
  EXPECT_LT(throttle_delay(policy, state.level), policy.longest_delay_ns);
}

TEST_F(Throttle, ThePolicysNumbersMayBeExtreme) {
  policy.first_delay_ns = ~u64{0} / 2 + 1;
  policy.longest_delay_ns = ~u64{0};
  policy.idle_events = 0;
  now = 0;
  EXPECT_EQ(throttle_event(state, policy, now, false), ~u64{0} / 2 + 1);
  EXPECT_EQ(throttle_event(state, policy, now, false), ~u64{0});
  EXPECT_EQ(throttle_event(state, policy, now, false), ~u64{0});
  policy.longest_delay_ns = 5;
  EXPECT_EQ(throttle_delay(policy, 0), 5u) << "the longest is the longest";
}

TEST_F(Throttle, AClockThatStandsOrWrapsDoesNoHarm) {
  now = ~u64{0} - 10;
  for (u32 i = 0; i < policy.idle_events; ++i) EXPECT_EQ(event(false, 1), 0u);
  EXPECT_EQ(event(false, 0), policy.first_delay_ns);
}

}  // namespace
}  // namespace pvk
