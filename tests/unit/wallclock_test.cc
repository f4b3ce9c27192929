// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The host's time of day, and when a guest's clock is set after a suspension.
#include "pvops/wallclock.h"

#include <gtest/gtest.h>

#include <memory>

namespace pvk {
namespace {

constexpr u64 kSecond = kNanosecondsPerSecond;

TEST(Wallclock, IsTheBasePlusSystemTime) {
  const auto shared = std::make_unique<shared_info>();
  shared->wc_sec = 1'700'000'000;
  shared->wc_nsec = 500'000'000;
  EXPECT_EQ(read_wallclock_base(*shared), 1'700'000'000 * kSecond + kSecond / 2);
  EXPECT_EQ(host_time(*shared, {3 * kSecond / 2, false}), 1'700'000'002 * kSecond);
}

TEST(Wallclock, KnowsTheYear2106) {
  const auto shared = std::make_unique<shared_info>();
  shared->wc_sec_hi = 1;
  shared->wc_sec = 5;
  EXPECT_EQ(read_wallclock_base(*shared), ((u64{1} << 32) + 5) * kSecond);
}

TEST(Wallclock, StandsWhereA64BitGuestLooks) {
  EXPECT_EQ(offsetof(shared_info, wc_sec), 3076u);
  EXPECT_EQ(offsetof(shared_info, wc_sec_hi), 3084u);
}

TEST(TimeSlept, IsWhatTheHostsClockWentOn) {
  const TimeOfDay before{100 * kSecond, 100 * kSecond};
  EXPECT_EQ(time_slept(before, {160 * kSecond, 100 * kSecond}), 60 * kSecond);
}

TEST(TimeSlept, KeepsAGuestsBetterClock) {
  // The guest keeps time by NTP, its host is two hours off: still only the minute counts.
  const TimeOfDay before{100 * kSecond, 7300 * kSecond};
  EXPECT_EQ(time_slept(before, {160 * kSecond, 7301 * kSecond}), 59 * kSecond);
}

TEST(TimeSlept, IsNothingWhenTheGuestCaughtUpByItself) {
  const TimeOfDay before{100 * kSecond, 50 * kSecond};
  EXPECT_EQ(time_slept(before, {160 * kSecond, 110 * kSecond}), 0u);
  EXPECT_EQ(time_slept(before, {160 * kSecond, 111 * kSecond}), 0u);
  EXPECT_EQ(time_slept(before, {160 * kSecond, 110 * kSecond - kWorthSetting}), 0u);
  EXPECT_EQ(time_slept(before, {160 * kSecond, 110 * kSecond - kWorthSetting - 1}),
            kWorthSetting + 1);
}

TEST(TimeSlept, NeverGoesBack) {
  const TimeOfDay before{100 * kSecond, 100 * kSecond};
  EXPECT_EQ(time_slept(before, {99 * kSecond, 100 * kSecond}), 0u);
  EXPECT_EQ(time_slept(before, {100 * kSecond, 100 * kSecond}), 0u);
}

}  // namespace
}  // namespace pvk
