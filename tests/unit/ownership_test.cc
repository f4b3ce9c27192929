// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Handles: pages, grants, channels, pools of segments, transactions. What a handle held is given
// back exactly once, and a page that the backend keeps is parked.
#include <gtest/gtest.h>

#include "frontends/block/segment_pool.h"
#include "pvkit/event_channel.h"
#include "pvkit/grant.h"
#include "pvkit/xenstore.h"
#include "unit/machine_test.h"

namespace pvk::fakes {
namespace {

class Ownership : public MachineTest {
 protected:
  Ownership() {
    bus.frontend = "/front";
    bus.backend = "/back";
    bus.backend_domid = kBackend;
  }
  pvk_bus bus;
};

TEST_F(Ownership, SharedPagesAreGrantedZeroedAndEndWithTheHandle) {
  {
    Result<SharedPages> made = SharedPages::create(4, kBackend);
    ASSERT_TRUE(made.ok());
    SharedPages pages = move(made.value());
    EXPECT_EQ(pages.count(), 4u);
    EXPECT_EQ(machine.grants.published(), 4u);
    for (u32 i = 0; i < 4; ++i) {
      const Mapping mapping = machine.grants.map(kBackend, pages.ref(i), true);
      ASSERT_TRUE(mapping.ok());
      mapping.bytes[0] = static_cast<u8>(i + 1);
      EXPECT_EQ(static_cast<u8*>(pages.data())[i * kPageSize], i + 1);
      machine.grants.unmap(mapping);
    }
    SharedPages elsewhere = move(pages);
    elsewhere.reset();
    elsewhere.reset();
    EXPECT_EQ(machine.grants.published(), 0u);
  }
  EXPECT_EQ(machine.parked_ever(), 0u);
}

TEST_F(Ownership, ASharedPageThatIsKeptIsParkedAndTheOthersGo) {
  Result<SharedPages> made = SharedPages::create(3, kBackend);
  ASSERT_TRUE(made.ok());
  const Mapping kept = machine.grants.map(kBackend, made.value().ref(1), true);
  made.value().reset();
  EXPECT_EQ(machine.grants.parked(), 1u);
  EXPECT_EQ(machine.memory.in_use(Owner::kRuntime), 1u);
  kept.bytes[7] = 1;  // still the backend's to write
  machine.grants.unmap(kept);
  machine.retry_parked();
  EXPECT_EQ(machine.memory.in_use(Owner::kRuntime), 0u);
}

TEST_F(Ownership, SharedPagesFailWhole) {
  EXPECT_EQ(SharedPages::create(0, kBackend).error(), Error::kBadValue);
  EXPECT_EQ(SharedPages::create(SharedPages::kMaxPages + 1, kBackend).error(), Error::kBadValue);
  machine.faults.fail_nth(Call::kPagesAlloc, 1);
  EXPECT_EQ(SharedPages::create(2, kBackend).error(), Error::kNoMemory);
  machine.faults.fail_nth(Call::kGrantReserve, 1);
  EXPECT_EQ(SharedPages::create(2, kBackend).error(), Error::kNoGrant);
  EXPECT_THAT(machine.leaks(), testing::IsEmpty());
}

TEST_F(Ownership, AChannelClosesOnceAndMoves) {
  const auto upcall = [](void*) { return 0; };
  {
    Result<EventChannel> opened = EventChannel::open(&bus, upcall, nullptr);
    ASSERT_TRUE(opened.ok());
    EventChannel first = move(opened.value());
    EventChannel second;
    second = move(first);
    EXPECT_FALSE(first.is_open());
    EXPECT_TRUE(second.is_open());
    EXPECT_EQ(machine.events.open(kGuest), 1u);
    second = EventChannel();
    EXPECT_EQ(machine.events.open(kGuest), 0u);
  }
  machine.faults.fail_nth(Call::kEventOpen, 1);
  EXPECT_EQ(EventChannel::open(&bus, upcall, nullptr).error(), Error::kNoEvent);
}

block::PoolPlan pool_plan(u32 entries, bool own, bool permanent) {
  block::PoolPlan plan;
  plan.entries = entries;
  plan.own_pages = own;
  plan.permanent = permanent;
  return plan;
}

TEST_F(Ownership, APoolHandsOutEachEntryOnce) {
  block::SegmentPool pool;
  ASSERT_TRUE(pool.open(pool_plan(8, true, true), kBackend, 2).ok());
  EXPECT_EQ(pool.pages_allocated(), 2u);
  block::Chain one;
  block::Chain two;
  ASSERT_TRUE(pool.grow(one, 3).ok());
  ASSERT_TRUE(pool.grow(two, 5).ok());
  std::vector<GrantRef> refs;
  for (const block::Chain& chain : {one, two}) {
    u32 index = chain.first;
    for (u32 i = 0; i < chain.length; ++i, index = pool.at(index).next) {
      refs.push_back(pool.at(index).ref);
    }
  }
  std::sort(refs.begin(), refs.end());
  EXPECT_EQ(std::unique(refs.begin(), refs.end()), refs.end());
  EXPECT_EQ(refs.size(), 8u);
  block::Chain three;
  EXPECT_EQ(pool.grow(three, 1).error(), Error::kBusy);
  pool.give_back(one);
  EXPECT_EQ(one.length, 0u);
  EXPECT_TRUE(pool.grow(three, 3).ok());
  EXPECT_EQ(pool.pages_allocated(), 8u) << "pages are used again";
}

TEST_F(Ownership, APoolGrowsOnTheIoPathWithoutSleeping) {
  block::SegmentPool pool;
  ASSERT_TRUE(pool.open(pool_plan(4, true, true), kBackend, 0).ok());
  const AtomicContext io_path;
  block::Chain chain;
  EXPECT_TRUE(pool.grow(chain, 4).ok());
}

TEST_F(Ownership, APoolKeepsWhatItGotWhenPagesRunOut) {
  block::SegmentPool pool;
  ASSERT_TRUE(pool.open(pool_plan(4, true, true), kBackend, 0).ok());
  machine.faults.fail_nth(Call::kPagesAlloc, 3);
  block::Chain chain;
  EXPECT_EQ(pool.grow(chain, 4).error(), Error::kNoMemory);
  EXPECT_EQ(chain.length, 2u);
  EXPECT_TRUE(pool.grow(chain, 4).ok());
}

TEST_F(Ownership, APoolThatCannotOpenHoldsNothing) {
  for (const Call call : {Call::kAlloc, Call::kGrantReserve, Call::kPagesAlloc}) {
    block::SegmentPool pool;
    machine.faults.fail_nth(call, 1);
    EXPECT_FALSE(pool.open(pool_plan(4, true, true), kBackend, 2).ok());
    EXPECT_THAT(machine.leaks(), testing::IsEmpty());
    machine.faults.clear();
  }
}

TEST_F(Ownership, ATransactionThatIsNotCommittedIsAborted) {
  {
    Transaction transaction(&bus);
    ASSERT_TRUE(transaction.begin().ok());
    ASSERT_TRUE(transaction.write("key", u64{5}).ok());
  }
  EXPECT_EQ(machine.xenstore.store().open_transactions(), 0u);
  EXPECT_FALSE(machine.xenstore.store().read("/front/key").has_value());
  Transaction second(&bus);
  ASSERT_TRUE(second.begin().ok());
  ASSERT_TRUE(second.write("key", u64{5}).ok());
  ASSERT_TRUE(second.remove("never-there").ok());
  ASSERT_TRUE(second.commit().ok());
  EXPECT_EQ(machine.xenstore.store().read("/front/key"), "5");
}

TEST_F(Ownership, AReaderTellsMissingFromBadFromBroken) {
  const XenstoreReader reader(&bus, Side::kBackend);
  EXPECT_EQ(reader.number("key", 10).error(), Error::kMissing);
  EXPECT_EQ(reader.number_or("key", 3, 10).value(), 3u);
  EXPECT_FALSE(reader.flag("key").value());
  EXPECT_TRUE(machine.log_lines().empty()) << "a missing key is nobody's fault";
  machine.xenstore.store().write("/back/key", "11");
  EXPECT_EQ(reader.number("key", 11).value(), 11u);
  EXPECT_EQ(reader.number("key", 10).error(), Error::kBadValue);
  EXPECT_EQ(reader.number_or("key", 3, 10).error(), Error::kBadValue);
  machine.faults.fail_nth(Call::kXsRead, 1);
  EXPECT_EQ(reader.number_or("key", 3, 100).error(), Error::kNoAnswer) << "to be asked again";
  machine.faults.fail_nth(Call::kXsRead, 1, PVK_EINVAL);
  EXPECT_EQ(reader.number_or("key", 3, 100).error(), Error::kXenstore);
}

}  // namespace
}  // namespace pvk::fakes
