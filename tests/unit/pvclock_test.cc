// SPDX-License-Identifier: MIT OR GPL-2.0-only
// System time: arithmetic, records that change while they are read, and never backwards.
#include "pvops/pvclock.h"

#include <gtest/gtest.h>

#include <thread>
#include <vector>

namespace pvk {
namespace {

// A record of a TSC with `hertz`: the multiplier is chosen as Xen does, with its top bit set.
vcpu_time_info record_of(u64 hertz, u64 stamp, u64 base) {
  vcpu_time_info record{};
  record.tsc_timestamp = stamp;
  record.system_time = base;
  u64 ticks = hertz;
  int shift = 0;
  while (ticks > 2'000'000'000) {
    ticks >>= 1;
    --shift;
  }
  while (ticks <= 1'000'000'000) {
    ticks <<= 1;
    ++shift;
  }
  record.tsc_to_system_mul =
      static_cast<u32>((static_cast<unsigned __int128>(1'000'000'000) << 32) / ticks);
  record.tsc_shift = static_cast<int8_t>(shift);
  return record;
}

SystemTime read_at(const vcpu_time_info& record, u64 tsc) {
  return read_system_time(record, [tsc] { return tsc; });
}

TEST(ScaleTicks, ShiftsBothWaysAndKeepsAllBits) {
  EXPECT_EQ(scale_ticks(1000, 1u << 31, 1), 1000u);
  EXPECT_EQ(scale_ticks(1000, 1u << 31, 0), 500u);
  EXPECT_EQ(scale_ticks(1000, 1u << 31, -1), 250u);
  // 2^63 ticks: the product has 94 bits.
  EXPECT_EQ(scale_ticks(u64{1} << 63, 1u << 31, 0), u64{1} << 62);
}

class Frequency : public testing::TestWithParam<u64> {};
INSTANTIATE_TEST_SUITE_P(Of, Frequency,
                         testing::Values(25'000'000, 1'000'000'000, 2'394'454'000, 5'700'000'000));

TEST_P(Frequency, AYearOfTicksIsAYear) {
  const u64 stamp = 123'456'789;
  const vcpu_time_info record = record_of(GetParam(), stamp, 777);
  for (const u64 seconds : {u64{1}, u64{60}, u64{86'400} * 365}) {
    const u64 expected = seconds * 1'000'000'000 + 777;
    const u64 got = read_at(record, stamp + seconds * GetParam()).nanoseconds;
    EXPECT_NEAR(static_cast<double>(got), static_cast<double>(expected),
                static_cast<double>(expected) * 1e-8);
  }
}

TEST(SystemTimeRead, ACounterBehindTheRecordIsTheRecordsTime) {
  EXPECT_EQ(read_at(record_of(1'000'000'000, 5000, 42), 4999).nanoseconds, 42u);
}

TEST(SystemTimeRead, SaysWhetherItIsStable) {
  vcpu_time_info record = record_of(1'000'000'000, 0, 0);
  EXPECT_FALSE(read_at(record, 1).stable);
  record.flags = XEN_PVCLOCK_TSC_STABLE_BIT;
  EXPECT_TRUE(read_at(record, 1).stable);
  record.flags = XEN_PVCLOCK_GUEST_STOPPED;
  EXPECT_FALSE(read_at(record, 1).stable);
}

TEST(SystemTimeRead, ReadsAgainWhenXenWroteMeanwhile) {
  vcpu_time_info record = record_of(1'000'000'000, 1000, 50'000);
  record.version = 6;
  int reads = 0;
  const SystemTime time = read_system_time(record, [&] {
    if (++reads == 1) {  // the half that was read belongs to the old record
      record.version = 8;
      record.tsc_timestamp = 2000;
      record.system_time = 90'000;
    }
    return u64{2000};
  });
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(time.nanoseconds, 90'000u);
}

TEST(SystemTimeRead, WaitsWhileXenWrites) {
  vcpu_time_info record = record_of(1'000'000'000, 1000, 50'000);
  record.version = 7;  // odd: being written
  int reads = 0;
  const SystemTime time = read_system_time(record, [&] {
    if (++reads == 3) {
      record.system_time = 60'000;
      record.version = 8;
    }
    return u64{1000};
  });
  EXPECT_EQ(reads, 4);
  EXPECT_EQ(time.nanoseconds, 60'000u);
}

TEST(SystemTimeRead, TheVersionMayWrap) {
  vcpu_time_info record = record_of(1'000'000'000, 0, 1);
  record.version = ~0u - 1;
  int reads = 0;
  const SystemTime time = read_system_time(record, [&] {
    if (++reads == 1) {
      record.version = 0;
      record.system_time = 2;
    }
    return u64{0};
  });
  EXPECT_EQ(reads, 2);
  EXPECT_EQ(time.nanoseconds, 2u);
}

TEST(PvClock, IsNotBehindWhatAnotherVcpuSaw) {
  PvClock clock;
  EXPECT_EQ(clock.now({100, false}), 100u);
  EXPECT_EQ(clock.now({97, false}), 100u) << "a vCPU that is 3 ns behind";
  EXPECT_EQ(clock.now({101, false}), 101u);
}

TEST(PvClock, AStableCounterNeedsNoCare) {
  PvClock clock;
  EXPECT_EQ(clock.now({100, false}), 100u);
  EXPECT_EQ(clock.now({97, true}), 97u) << "Xen promises that this does not happen";
}

class AfterResume : public testing::TestWithParam<u64> {};
INSTANTIATE_TEST_SUITE_P(HostTime, AfterResume,
                         testing::Values(0, 1, 4'999, 5'000, 5'001, u64{1} << 60));

TEST_P(AfterResume, GoesOnWhereItWas) {
  PvClock clock;
  EXPECT_EQ(clock.now({5000, false}), 5000u);
  clock.suspend({6000, false});
  clock.resume({GetParam(), false});
  EXPECT_EQ(clock.now({GetParam(), false}), 6000u);
  EXPECT_EQ(clock.now({GetParam() + 10, false}), 6010u);
  // And a second time, to a third host.
  clock.suspend({GetParam() + 20, false});
  clock.resume({333, true});
  EXPECT_EQ(clock.now({334, true}), 6021u);
}

TEST(PvClock, NeverRunsBackwardsOnAnyThread) {
  PvClock clock;
  Atomic<u64> source(1000);
  Atomic<u32> backwards;
  std::vector<std::thread> threads;
  for (u64 skew = 0; skew < 4; ++skew) {
    threads.emplace_back([&, skew] {
      u64 last = 0;
      for (u64 i = 0; i < 20'000; ++i) {
        if (skew == 0) source.set_relaxed(source.relaxed() + 1);
        const u64 now = clock.now({source.relaxed() - skew, false});
        if (now < last) backwards.set_relaxed(1);
        last = now;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(backwards.relaxed(), 0u);
}

TEST(NativeTsc, Advances) {
  const u64 first = NativeTsc{}();
  u64 later = first;
  for (int i = 0; i < 1'000'000 && later <= first; ++i) later = NativeTsc{}();
  EXPECT_GT(later, first);
}

}  // namespace
}  // namespace pvk
