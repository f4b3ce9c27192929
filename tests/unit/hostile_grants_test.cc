// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend that does not give pages back: XSA-396 (CVE-2022-23036 to -23042). What it holds is
// neither freed nor used for anything else, nothing panics, and everything else goes on.
#include <gtest/gtest.h>

#include "unit/hostile_test.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

class HostileGrants : public HostileTest {
 protected:
  // Maps every page that the backend can have now, for longer than it should.
  std::vector<Mapping> hold_all_but(const std::vector<GrantRef>& spared) {
    std::vector<Mapping> held;
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64, bool readonly) {
      if (std::find(spared.begin(), spared.end(), ref) != spared.end()) return;
      held.push_back(machine.grants.map(kBackend, ref, !readonly));
      EXPECT_TRUE(held.back().ok());
    });
    return held;
  }
  std::vector<GrantRef> granted_now() {
    std::vector<GrantRef> refs;
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64, bool) { refs.push_back(ref); });
    return refs;
  }
  void let_go(const std::vector<Mapping>& held) {
    for (const Mapping& mapping : held) machine.grants.unmap(mapping);
  }
};

// Ring, data and indirect pages, in every mode, over the end of the disk and the next disk's life.
TEST_F(HostileGrants, XSA396_PagesHeldOverTheEndOfADiskAreParkedAndNotReused) {
  for (const DataMode mode : kModes) {
    const std::vector<GrantRef> others = granted_now();
    std::vector<Mapping> held;
    {
      Life life(machine);
      life.mode(mode);
      life.backend.allow_indirect(32);
      life.backend.behaviour.hold = true;
      ASSERT_TRUE(life.connect());
      life.submit(Operation::kRead, 0, kPageSize);
      life.submit(Operation::kWrite, 64, 20 * kPageSize);
      held = hold_all_but(others);
      ASSERT_GE(held.size(), 23u) << "the ring, 21 pages of data, descriptors";
      const u64 parked_before = machine.parked_ever();
      life.disk->remove();
      EXPECT_EQ(machine.parked_ever() - parked_before, held.size()) << "no page was freed";
      for (const auto& io : life.ios) EXPECT_TRUE(io->given_up);
      // What is parked for the disk's own pages outlives the driver. A page of the user's is the
      // port's to keep, and this port's memory ends with the disk.
      if (mode == DataMode::kDirect) let_go(std::exchange(held, {}));
      life.end();
    }
    for (const Mapping& mapping : held) std::memset(mapping.bytes, 0x66, mapping.writable ? 9 : 0);
    {
      Life next(machine);
      next.mode(mode);
      ASSERT_TRUE(next.connect()) << "the driver is loaded again meanwhile";
      const auto io = next.submit(Operation::kRead, 0, 11 * kPageSize);
      EXPECT_EQ(io->outcome, Outcome::kDone);
    }
    machine.retry_parked();
    EXPECT_EQ(machine.grants.parked(), held.size());
    let_go(held);
    machine.retry_parked();
    expect_no_trace();
  }
}

// The page of an answered request that is still mapped could change under the user: that request
// fails, the disk is given up, whichever page of whichever request it is.
TEST_F(HostileGrants, XSA396_AnyPageKeptAfterTheAnswerEndsTheDisk) {
  for (const DataMode mode : {DataMode::kDirect, DataMode::kBounce}) {
    for (u32 page = 0; page < 11; ++page) {
      SCOPED_TRACE(page);
      Life life(machine);
      life.mode(mode);
      life.backend.behaviour.hold = true;
      ASSERT_TRUE(life.connect());
      life.submit(Operation::kRead, 0, 11 * kPageSize);
      life.submit(Operation::kWrite, 128, kPageSize);
      const GrantRef ref = life.backend.queue().ring().request(0).seg[page].gref;
      const Mapping kept = machine.grants.map(kBackend, ref, true);
      ASSERT_TRUE(kept.ok());
      life.disk->poll_in_upcall = false;
      life.backend.queue().complete_held();
      life.disk->poll();
      EXPECT_EQ(life.disk->queue().consumer_counters().parked.relaxed(), 1u);
      machine.settle();
      expect_given_up(life, "pages are kept after the answer");
      machine.retry_parked();
      EXPECT_EQ(machine.grants.parked(), 1u) << "the page that it keeps, and no other";
      machine.grants.unmap(kept);
      life.end();
      expect_no_trace();
    }
  }
}

// A persistent device's pages stay mapped by right: no answer ends in a revoke, so none can be
// refused, however the backend behaves.
TEST_F(HostileGrants, PersistentPagesCannotBeHeldAgainstUs) {
  Life life(machine);
  life.mode(DataMode::kPersistent);
  ASSERT_TRUE(life.connect());
  std::vector<Mapping> held;
  for (u64 i = 0; i < 100; ++i) {
    const auto io =
        life.submit(i % 2 == 0 ? Operation::kWrite : Operation::kRead, i, 3 * kPageSize);
    ASSERT_EQ(io->outcome, Outcome::kDone);
    if (i == 0) held = hold_all_but({});
  }
  EXPECT_EQ(machine.parked_ever(), 0u);
  let_go(held);
  life.end();
  expect_no_trace();
}

// It says persistent and unmaps after each request, or says nothing and keeps all: in neither case
// does the frontend believe more than it has to.
TEST_F(HostileGrants, ABackendThatIsNotWhatItSaidIsSeenThrough) {
  {
    Life life(machine);
    life.backend.offered.late["feature-persistent"] = "1";  // and its behaviour is another
    ASSERT_TRUE(life.connect());
    EXPECT_EQ(life.submit(Operation::kRead, 0, kPageSize)->outcome, Outcome::kDone);
    life.end();
    forget_complaints_of_the_liar();  // read-only mappings of pages that it asked for writable
    expect_no_trace();
  }
  Life life(machine);
  life.backend.behaviour.keep_grants = true;
  ASSERT_TRUE(life.connect());
  life.submit(Operation::kRead, 0, kPageSize);
  machine.settle();
  expect_given_up(life, "pages are kept after the answer");
  life.end();
  expect_no_trace();
}

// A grant table that others filled: requests wait or the device stays down, and nobody panics.
TEST_F(HostileGrants, AFullGrantTableKeepsOneDiskDown) {
  for (size_t room = 0; room < 400; room += 7) {
    SCOPED_TRACE(room);
    machine.grants.limit(machine.grants.reserved() + room);
    Life life(machine);
    life.backend.allow_indirect(32);
    if (life.connect()) {
      EXPECT_EQ(life.submit(Operation::kRead, 0, 20 * kPageSize)->outcome, Outcome::kDone);
    } else {
      EXPECT_EQ(life.disk->device().phase(), Phase::kFailed);
      EXPECT_EQ(life.lines("stays down"), 1u);
    }
    life.end();
    expect_no_trace();
  }
  machine.grants.limit(GrantTable::kEntries);
}

}  // namespace
}  // namespace pvk::fakes
