// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The grant table's cold half on the model hypervisor: opening, growing, running out, failing,
// restoring. Everything in both versions.
#include <gtest/gtest.h>

#include "hypercalls/grant_table.h"

#include <memory>
#include <set>
#include <vector>

#include "fakes/xen_calls.h"

namespace pvk::fakes {
namespace {

using testing::IsEmpty;

constexpr DomId kPeer = 3;

// Frames with nothing behind them, as in the BAR of Xen's PCI device.
struct HolePort {
  explicit HolePort(XenMemory& memory, u32 pages) : first(memory.take_hole(pages)) {}
  u64 first;
  std::set<u32> given;

  Result<u64> frame(u32 index) {
    given.insert(index);
    return first + index;
  }
  void release(u32 index) { EXPECT_EQ(given.erase(index), 1u); }
};

using Table = GrantTable<XenCalls, HolePort>;

class Grants : public testing::TestWithParam<u32> {
 protected:
  static constexpr u32 kFrames = 20;

  Grants() { xen.grants.max_frames = kFrames; }
  void TearDown() override { EXPECT_THAT(xen.violations.all(), IsEmpty()); }

  Status open() {
    const Result<GrantGeometry> settled = settle_grant_geometry(xen, GetParam());
    if (!settled.ok()) return settled.error();
    geometry = settled.value();
    port = std::make_unique<HolePort>(xen.memory, geometry.window());
    words.assign(geometry.words(), 0);
    return table.open(xen, *port, geometry, xen.memory.at(port->first), words_span());
  }
  Span<u64> words_span() { return {words.data(), words.size()}; }
  // As a port does it.
  Result<GrantRef> reserve(u32 count) {
    for (;;) {
      const Result<GrantRef> first = table.take(count);
      if (first.ok() || first.error() != Error::kNoGrant) return first;
      if (!table.could_take(count)) return Error::kNoGrant;
      PVK_TRY(table.map_next());
      table.adopt_next();
    }
  }
  u32 per_frame() const { return GetParam() == 1 ? 512 : 256; }

  XenCalls xen;
  GrantGeometry geometry;
  std::unique_ptr<HolePort> port;
  std::vector<u64> words;
  Table table;
};

INSTANTIATE_TEST_SUITE_P(Versions, Grants, testing::Values(1u, 2u));

TEST_P(Grants, OpensWithOneFrameAndKeepsOffTheReservedEntries) {
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(xen.grants.version(), GetParam());
  EXPECT_EQ(table.frames(), 1u);
  EXPECT_EQ(table.max_frames(), kFrames);
  EXPECT_EQ(table.free(), per_frame() - GNTTAB_NR_RESERVED_ENTRIES);
  EXPECT_EQ(table.take(1).value(), u32{GNTTAB_NR_RESERVED_ENTRIES});
  EXPECT_EQ(xen.grants.frame(GNTTAB_RESERVED_XENSTORE), xen.params[HVM_PARAM_STORE_PFN]);
}

TEST_P(Grants, ABackendReachesWhatIsPublishedUntilItIsRevoked) {
  ASSERT_TRUE(open().ok());
  u8* const page = static_cast<u8*>(xen.memory.allocate());
  page[7] = 42;
  const GrantRef ref = table.take(1).value();
  table.entries().publish(ref, kPeer, xen.memory.gfn_of(page), Access::kReadWrite);
  const XenMapping mapping = xen.grants.map(kPeer, ref, true);
  ASSERT_TRUE(mapping.ok());
  EXPECT_EQ(mapping.bytes[7], 42);
  EXPECT_FALSE(table.entries().revoke(ref)) << "it is mapped";
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(ref));
  EXPECT_FALSE(xen.grants.map(kPeer, ref, false).ok());
  EXPECT_TRUE(table.give_back(ref, 1).ok());
}

TEST_P(Grants, ReadOnlyIsReadOnlyAndADomainIsNotAnother) {
  ASSERT_TRUE(open().ok());
  const GrantRef ref = table.take(1).value();
  table.entries().publish(ref, kPeer, xen.memory.gfn_of(xen.memory.allocate()), Access::kReadOnly);
  EXPECT_FALSE(xen.grants.map(kPeer, ref, true).ok());
  EXPECT_FALSE(xen.grants.map(kPeer + 1, ref, false).ok());
  const XenMapping mapping = xen.grants.map(kPeer, ref, false);
  EXPECT_TRUE(mapping.ok());
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(ref));
}

TEST_P(Grants, GrowsFrameByFrameUpToTheMost) {
  ASSERT_TRUE(open().ok());
  const u32 all = kFrames * per_frame() - GNTTAB_NR_RESERVED_ENTRIES;
  EXPECT_EQ(reserve(all + 1).error(), Error::kNoGrant);
  EXPECT_EQ(table.frames(), 1u) << "what could never fit does not grow the table";
  ASSERT_EQ(reserve(per_frame()).value(), u32{GNTTAB_NR_RESERVED_ENTRIES});
  EXPECT_EQ(table.frames(), 2u);
  EXPECT_EQ(xen.grants.frames(), 2u);
  EXPECT_EQ(reserve(all - per_frame()).value(), GNTTAB_NR_RESERVED_ENTRIES + per_frame());
  EXPECT_EQ(table.frames(), kFrames);
  EXPECT_EQ(table.free(), 0u);
  EXPECT_EQ(reserve(1).error(), Error::kNoGrant);
  EXPECT_EQ(port->given.size(), geometry.window()) << "each page of the window is in use";
  // The last entry is where Xen looks for it.
  const GrantRef last = kFrames * per_frame() - 1;
  table.entries().publish(last, kPeer, xen.memory.gfn_of(xen.memory.allocate()),
                          Access::kReadWrite);
  const XenMapping mapping = xen.grants.map(kPeer, last, true);
  EXPECT_TRUE(mapping.ok());
  EXPECT_FALSE(table.entries().revoke(last));
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(last));
}

TEST_P(Grants, NoMemoryOfTheGuestIsSpent) {
  const u64 before = xen.memory.current;
  ASSERT_TRUE(open().ok());
  ASSERT_TRUE(reserve(3 * per_frame()).ok());
  EXPECT_EQ(xen.memory.current, before);
  table.close();
  EXPECT_EQ(xen.memory.current, before);
  EXPECT_THAT(port->given, IsEmpty());
  EXPECT_EQ(xen.memory.behind(port->first), XenMemory::kNothing);
}

TEST_P(Grants, WhatOthersLeftPublishedIsNotTouched) {
  if (GetParam() != xen.grants.version()) {
    gnttab_set_version call{GetParam()};
    ASSERT_EQ(xen.grants.operation(GNTTABOP_set_version, &call, 1), 0);
  }
  xen.grants.seed(9, kPeer, 5);
  ASSERT_TRUE(open().ok());
  EXPECT_EQ(table.foreign(), 1u);
  EXPECT_EQ(table.take(1).value(), 8u);
  EXPECT_EQ(table.take(1).value(), 10u);
  EXPECT_EQ(xen.grants.frame(9), 5u);
}

// Each hypercall that opening and growing make fails once, and then it works.
TEST_P(Grants, AFailureAtAnyCallLeavesNothingBehind) {
  for (u64 n = 1;; ++n) {
    XenCalls fresh;
    fresh.grants.max_frames = kFrames;
    fresh.faults.fail_any(n);
    u32 frames = 0;
    {
      const Result<GrantGeometry> settled = settle_grant_geometry(fresh, GetParam());
      if (!settled.ok()) continue;
      HolePort holes(fresh.memory, settled.value().window());
      std::vector<u64> bits(settled.value().words());
      Table tried;
      const Status opened = tried.open(fresh, holes, settled.value(), fresh.memory.at(holes.first),
                                       {bits.data(), bits.size()});
      if (!opened.ok()) {
        EXPECT_THAT(holes.given, IsEmpty()) << n;
        EXPECT_EQ(fresh.memory.behind(holes.first), XenMemory::kNothing) << n;
        continue;
      }
      for (u32 i = 1; i < 17; ++i) {
        const size_t before = holes.given.size();
        if (tried.map_next().ok()) {
          tried.adopt_next();
        } else {
          EXPECT_EQ(holes.given.size(), before) << n << ": all of the frame or nothing";
          ASSERT_TRUE(tried.map_next().ok());
          tried.adopt_next();
        }
      }
      frames = tried.frames();
      tried.close();
      EXPECT_THAT(fresh.violations.all(), IsEmpty()) << n;
      if (fresh.all_calls() < n) {
        EXPECT_EQ(frames, 17u);
        return;
      }
    }
  }
}

TEST_P(Grants, ARestoredDomainHasItsReservationsAndAnEmptyTable) {
  ASSERT_TRUE(open().ok());
  const GrantRef first = reserve(9 * per_frame()).value();
  const u64 gfn = xen.memory.gfn_of(xen.memory.allocate());
  table.entries().publish(first, kPeer, gfn, Access::kReadWrite);
  const XenMapping old = xen.grants.map(kPeer, first, true);
  EXPECT_FALSE(table.entries().revoke(first));
  xen.restore();
  ASSERT_TRUE(table.resume().ok());
  EXPECT_EQ(xen.grants.version(), GetParam());
  EXPECT_EQ(xen.grants.frames(), table.frames());
  EXPECT_TRUE(table.entries().revoke(first)) << "who had it mapped is in another world";
  EXPECT_EQ(xen.grants.published(), 0u);
  xen.grants.unmap(old);
  EXPECT_EQ(table.take(1).value(), first + 9 * per_frame()) << "reservations are still ours";
  table.entries().publish(first + 8 * per_frame(), kPeer, gfn, Access::kReadWrite);
  const XenMapping mapping = xen.grants.map(kPeer, first + 8 * per_frame(), true);
  EXPECT_TRUE(mapping.ok());
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(first + 8 * per_frame()));
}

TEST_P(Grants, AHostWithASmallerTableGivesWhatItHas) {
  ASSERT_TRUE(open().ok());
  const GrantRef first = reserve(5 * per_frame()).value();
  ASSERT_EQ(table.frames(), 6u);
  xen.grants.max_frames = 3;
  xen.restore();
  ASSERT_TRUE(table.resume().ok());
  EXPECT_EQ(table.frames(), 3u);
  EXPECT_EQ(table.max_frames(), 3u);
  EXPECT_EQ(table.size(), 3 * per_frame());
  EXPECT_EQ(table.lost(), first + 2 * per_frame());
  EXPECT_EQ(table.free(), 0u);
  EXPECT_EQ(reserve(1).error(), Error::kNoGrant);
  EXPECT_EQ(table.map_next().error(), Error::kNoGrant);
  // What is below the limit works.
  const u64 gfn = xen.memory.gfn_of(xen.memory.allocate());
  table.entries().publish(3 * per_frame() - 1, kPeer, gfn, Access::kReadWrite);
  const XenMapping mapping = xen.grants.map(kPeer, 3 * per_frame() - 1, true);
  EXPECT_TRUE(mapping.ok());
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(3 * per_frame() - 1));
  // Devices give back all that they had, and take what is left.
  ASSERT_TRUE(table.give_back(first, 5 * per_frame()).ok());
  EXPECT_EQ(table.lost(), 0u);
  EXPECT_EQ(reserve(3 * per_frame()).error(), Error::kNoGrant);
  EXPECT_EQ(reserve(2 * per_frame()).value(), first);
  table.close();
  EXPECT_THAT(port->given, IsEmpty());
}

// The window's pages beyond show nothing: an access would end this program.
TEST_P(Grants, NothingIsWrittenBeyondASmallerTable) {
  ASSERT_TRUE(open().ok());
  const GrantRef first = reserve(5 * per_frame()).value();
  xen.grants.max_frames = 2;
  xen.restore();
  ASSERT_TRUE(table.resume().ok());
  const u64 gfn = xen.memory.gfn_of(xen.memory.allocate());
  for (GrantRef ref = 2 * per_frame(); ref < first + 5 * per_frame(); ++ref) {
    table.entries().publish(ref, kPeer, gfn, Access::kReadWrite);
    ASSERT_TRUE(table.entries().revoke(ref)) << "nobody has it";
  }
}

TEST_P(Grants, ALargerHostAfterASmallerOneGivesTheFramesAgain) {
  ASSERT_TRUE(open().ok());
  const GrantRef first = reserve(5 * per_frame()).value();
  xen.grants.max_frames = 2;
  xen.restore();
  ASSERT_TRUE(table.resume().ok());
  ASSERT_TRUE(table.give_back(first + 4 * per_frame(), per_frame()).ok());
  xen.grants.max_frames = kFrames;
  xen.restore();
  ASSERT_TRUE(table.resume().ok());
  EXPECT_EQ(table.frames(), 2u) << "they come as they are needed";
  EXPECT_EQ(table.max_frames(), kFrames);
  EXPECT_EQ(reserve(per_frame()).value(), first + 4 * per_frame());
  EXPECT_EQ(table.lost(), 0u);
  const u64 gfn = xen.memory.gfn_of(xen.memory.allocate());
  table.entries().publish(first + 4 * per_frame(), kPeer, gfn, Access::kReadWrite);
  const XenMapping mapping = xen.grants.map(kPeer, first + 4 * per_frame(), true);
  EXPECT_TRUE(mapping.ok());
  xen.grants.unmap(mapping);
  EXPECT_TRUE(table.entries().revoke(first + 4 * per_frame()));
}

// Each hypercall of a resume fails once: there are as many frames as were shown, or none at all.
TEST_P(Grants, AFailureWhileResumingCostsTheFramesFromThereOn) {
  for (u64 n = 1;; ++n) {
    XenCalls fresh;
    fresh.grants.max_frames = kFrames;
    const GrantGeometry settled = settle_grant_geometry(fresh, GetParam()).value();
    HolePort holes(fresh.memory, settled.window());
    std::vector<u64> bits(settled.words());
    Table tried;
    ASSERT_TRUE(
        tried.open(fresh, holes, settled, fresh.memory.at(holes.first), {bits.data(), bits.size()})
            .ok());
    while (tried.frames() < 18) {
      ASSERT_TRUE(tried.map_next().ok());
      tried.adopt_next();
    }
    fresh.restore();
    fresh.faults.fail_any(n);
    const Status resumed = tried.resume();
    const bool fired = fresh.faults.fired();
    fresh.faults.clear();
    if (resumed.ok()) {
      EXPECT_EQ(tried.frames() == 18, !fired || n <= 2) << n;
      const GrantRef last = tried.size() - 1;
      tried.entries().publish(last, kPeer, 5, Access::kReadOnly);
      EXPECT_EQ(fresh.grants.domid(last), kPeer) << n;
    }
    tried.close();
    EXPECT_THAT(holes.given, IsEmpty()) << n;
    EXPECT_THAT(fresh.violations.all(), IsEmpty()) << n;
    if (!fired) return;
  }
}

TEST_P(Grants, AFrameThatXenKeepsIsNotGivenBack) {
  ASSERT_TRUE(open().ok());
  xen.faults.fail_always(__HYPERVISOR_memory_op, XENMEM_remove_from_physmap, XEN_EINVAL);
  const size_t pages = port->given.size();
  table.close();
  EXPECT_EQ(port->given.size(), pages);
}

class GrantVersions : public testing::Test {
 protected:
  void TearDown() override { EXPECT_THAT(xen.violations.all(), IsEmpty()); }
  XenCalls xen;
};

TEST_F(GrantVersions, VersionOneUnlessFramesDoNotFit) {
  EXPECT_EQ(settle_grant_geometry(xen).value().version, 1u);
  xen.maximum_gfn = u64{1} << 32;
  EXPECT_EQ(settle_grant_geometry(xen).value().version, 2u);
  EXPECT_EQ(xen.grants.version(), 2u);
}

TEST_F(GrantVersions, OneThatCannotNameEveryFrameIsNotTakenThoughWanted) {
  EXPECT_EQ(settle_grant_geometry(xen, 1).value().version, 1u);
  xen.maximum_gfn = ~u64{0} >> 32;
  EXPECT_EQ(settle_grant_geometry(xen, 1).value().version, 1u) << "the last that it can name";
  xen.maximum_gfn = u64{1} << 32;
  EXPECT_EQ(settle_grant_geometry(xen, 1).value().version, 2u);
}

TEST_F(GrantVersions, WhatXenDoesNotAllowIsDoneWithoutWhereItCanBe) {
  xen.grants.max_version = 1;
  EXPECT_EQ(settle_grant_geometry(xen, 2).value().version, 1u);
  EXPECT_EQ(xen.grants.version(), 1u);
  xen.maximum_gfn = u64{1} << 32;
  for (const u32 wanted : {0u, 1u, 2u}) {
    EXPECT_EQ(settle_grant_geometry(xen, wanted).error(), Error::kNotSupported) << wanted;
  }
}

TEST_F(GrantVersions, AVersionStaysWhileAnEntryIsMapped) {
  xen.grants.seed(9, kPeer, 5);
  XenMapping mapping = xen.grants.map(kPeer, 9, false);
  EXPECT_EQ(settle_grant_geometry(xen, 2).value().version, 1u);
  xen.maximum_gfn = u64{1} << 32;
  EXPECT_EQ(settle_grant_geometry(xen, 2).error(), Error::kBusy);
  xen.grants.unmap(mapping);
  EXPECT_EQ(settle_grant_geometry(xen, 2).value().version, 2u);
  xen.maximum_gfn = 1000;
  xen.grants.seed(9, kPeer, 5);
  mapping = xen.grants.map(kPeer, 9, false);
  EXPECT_EQ(settle_grant_geometry(xen).value().version, 2u) << "the second always does";
  EXPECT_EQ(settle_grant_geometry(xen, 1).value().version, 2u);
  xen.grants.unmap(mapping);
  EXPECT_EQ(settle_grant_geometry(xen).value().version, 1u);
}

TEST_F(GrantVersions, ARefusalAtAnyCallIsAVersionThatSuffices) {
  for (u64 n = 1; n <= 4; ++n) {
    XenCalls fresh;
    fresh.maximum_gfn = u64{1} << 32;
    fresh.faults.fail_any(n, XEN_ENOSYS);
    const Result<GrantGeometry> settled = settle_grant_geometry(fresh, 2);
    if (!settled.ok()) continue;
    EXPECT_EQ(settled.value().version, 2u) << n;
    EXPECT_EQ(fresh.grants.version(), 2u) << n;
  }
}

TEST_F(GrantVersions, AnEndlessTableIsCutToTheWindow) {
  xen.grants.max_frames = 4096;
  const GrantGeometry geometry = settle_grant_geometry(xen, 2).value();
  EXPECT_EQ(geometry.max_frames, GrantGeometry::kMostFrames);
  EXPECT_EQ(geometry.status_frames(), 32u);
  EXPECT_EQ(geometry.window(), 288u);
}

// With an old Xen nothing but version 1 exists, and no question about it.
TEST_F(GrantVersions, AXenWithoutVersionsHasTheFirst) {
  xen.faults.fail_always(__HYPERVISOR_grant_table_op, GNTTABOP_get_version, XEN_ENOSYS);
  EXPECT_EQ(settle_grant_geometry(xen).value().version, 1u);
  EXPECT_EQ(xen.calls(__HYPERVISOR_grant_table_op, GNTTABOP_set_version), 0u);
}

}  // namespace
}  // namespace pvk::fakes
