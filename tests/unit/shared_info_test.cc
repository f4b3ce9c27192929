// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The shared page: which layout it has, where the vCPUs' parts are, and the wall clock.
#include "hypercalls/shared_info.h"

#include <gtest/gtest.h>

#include <cstring>

#include "fakes/access_trace.h"

namespace pvk {
namespace {

class SharedInfo : public testing::Test {
 protected:
  void put(size_t offset, u32 value) {
    std::memcpy(reinterpret_cast<u8*>(&shared) + offset, &value, sizeof(value));
  }
  // xen/xen.h with types of 32 bits: version at 2304, with types of 64 bits: at 3072.
  void clock32(u32 seconds) {
    put(2304, 2);
    put(2308, seconds);
    put(2312, 5);
  }
  void clock64(u32 seconds, u32 nanoseconds = 5) {
    put(3072, 2);
    put(3076, seconds);
    put(3080, nanoseconds);
  }

  union alignas(kPageSize) {
    shared_info shared;
    u8 page[kPageSize];
  };
  SharedInfo() { std::memset(page, 0, sizeof(page)); }
};

TEST_F(SharedInfo, AnEmptyPageHasNoLayoutYet) {
  EXPECT_EQ(shared_layout(shared), SharedLayout::kNone);
}

TEST_F(SharedInfo, TheClocksPlaceTellsTheLayout) {
  clock32(1700000000);
  EXPECT_EQ(shared_layout(shared), SharedLayout::k32);
}

// Latching again leaves the old clock behind.
TEST_F(SharedInfo, TheWideLayoutCounts) {
  clock32(1700000000);
  clock64(1700000001);
  EXPECT_EQ(shared_layout(shared), SharedLayout::k64);
}

TEST_F(SharedInfo, WhatIsNoClockIsUnknown) {
  clock64(1700000000, 1000000000);
  EXPECT_EQ(shared_layout(shared), SharedLayout::kUnknown);
  std::memset(page, 0xFF, sizeof(page));
  EXPECT_EQ(shared_layout(shared), SharedLayout::kUnknown);
}

TEST_F(SharedInfo, TheFirst32VcpusAreInThePage) {
  vcpu_info* registered[40];
  VcpuInfos infos;
  infos.attach(shared, registered);
  for (unsigned i = 0; i < 32; ++i) EXPECT_EQ(infos.of(i), &shared.vcpu_info[i]);
  EXPECT_EQ(infos.of(32), nullptr);
  EXPECT_EQ(infos.of(39), nullptr);
  EXPECT_EQ(infos.of(40), nullptr);
}

TEST_F(SharedInfo, ARegisteredInfoIsTheOneThatCounts) {
  vcpu_info* registered[40];
  VcpuInfos infos;
  infos.attach(shared, registered);
  alignas(kPageSize) static u8 area[2 * kPageSize];
  const auto at = [](size_t offset) { return reinterpret_cast<vcpu_info*>(area + offset); };
  ASSERT_TRUE(infos.use(39, at(64)).ok());
  ASSERT_TRUE(infos.use(0, at(kPageSize - 64)).ok());
  EXPECT_EQ(infos.of(39), at(64));
  EXPECT_EQ(infos.of(0), at(kPageSize - 64));
  infos.forget(0);
  EXPECT_EQ(infos.of(0), &shared.vcpu_info[0]);
  infos.attach(shared, registered);
  EXPECT_EQ(infos.of(39), nullptr) << "a restore forgets registrations";
}

TEST_F(SharedInfo, AnInfoThatXenWouldRefuseIsRefused) {
  vcpu_info* registered[4];
  VcpuInfos infos;
  infos.attach(shared, registered);
  alignas(kPageSize) static u8 area[2 * kPageSize];
  const auto at = [](size_t offset) { return reinterpret_cast<vcpu_info*>(area + offset); };
  EXPECT_FALSE(infos.use(4, at(0)).ok());
  EXPECT_FALSE(infos.use(1, nullptr).ok());
  EXPECT_FALSE(infos.use(1, at(kPageSize - 32)).ok()) << "crosses a page";
  EXPECT_FALSE(infos.use(1, at(4)).ok());
  EXPECT_EQ(infos.of(1), &shared.vcpu_info[1]);
}

TEST_F(SharedInfo, TheWallClockIsRead) {
  clock64(1700000000, 999999999);
  put(3084, 3);  // seconds above 2^32
  const Result<WallClock> clock = read_wall_clock(shared);
  ASSERT_TRUE(clock.ok());
  EXPECT_EQ(clock.value().seconds, (u64{3} << 32) + 1700000000);
  EXPECT_EQ(clock.value().nanoseconds, 999999999u);
}

TEST_F(SharedInfo, AClockThatIsAlwaysBeingWrittenIsGivenUp) {
  clock64(1700000000);
  put(3072, 3);
  const Result<WallClock> clock = read_wall_clock(shared);
  ASSERT_FALSE(clock.ok());
  EXPECT_EQ(clock.error(), Error::kBusy);
}

TEST_F(SharedInfo, AClockThatMakesNoSenseIsAnError) {
  clock64(1700000000, 1000000000);
  const Result<WallClock> clock = read_wall_clock(shared);
  ASSERT_FALSE(clock.ok());
  EXPECT_EQ(clock.error(), Error::kBadValue);
}

// Xen writes the next time at any moment: what is read is one time, never parts of two.
TEST_F(SharedInfo, TheWallClockIsNeverHalfOfTwo) {
  if (!fakes::AccessTrace::available()) GTEST_SKIP() << "needs traced pages";
  for (unsigned moment = 1; moment < 8; ++moment) {
    std::memset(page, 0, sizeof(page));
    clock64(100, 100);
    unsigned accesses = 0;
    Result<WallClock> clock = Error::kBusy;
    {
      fakes::AccessTrace trace(page, 1);
      trace.after_each([&](const fakes::Access&) {
        if (++accesses != moment) return;
        put(3076, 200);
        put(3080, 200);
        put(3072, 4);
      });
      clock = read_wall_clock(shared);
    }
    ASSERT_TRUE(clock.ok()) << moment;
    EXPECT_EQ(clock.value().seconds, clock.value().nanoseconds) << moment;
  }
}

}  // namespace
}  // namespace pvk
