// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The frontend's end of a ring, one step at a time.
#include "frontends/ring/front_ring.h"

#include <gtest/gtest.h>

#include <xen/io/blkif.h>

#include <cstring>
#include <memory>

#include "unit/ring_indexes.h"

namespace pvk {
namespace {

struct Ask {
  u64 number;
};
struct Answer {
  u64 number;
  u64 twice;
};
using Ring = FrontRing<Ask, Answer>;

}  // namespace

template struct RingOpener<Ring, &Ring::produced_, &Ring::published_, &Ring::consumed_>;
void set_indexes(Ring& ring, u32 value);

namespace {

class FrontRingTest : public testing::TestWithParam<u32> {
 protected:
  FrontRingTest() : ring(memory.get(), kPageSize) {
    set_indexes(ring, GetParam());
    shared().req_prod = shared().rsp_prod = GetParam();
    shared().req_event = shared().rsp_event = GetParam() + 1;
  }
  Ring::Shared& shared() { return *reinterpret_cast<Ring::Shared*>(memory.get()); }
  Ring::Slot& slot(u32 number) { return shared().slots[number & (ring.size() - 1)]; }

  void ask(u64 number) {
    ring.next_request().number = number;
    ring.request_written();
  }
  void answer(u32 index, u64 number) { slot(index).response = {number, 2 * number}; }

  std::unique_ptr<u8[]> memory = std::make_unique<u8[]>(kPageSize);
  Ring ring;
};

// Where indexes wrap, and where they do not.
INSTANTIATE_TEST_SUITE_P(From, FrontRingTest, testing::Values(0u, 5u, ~u32{0} - 3, ~u32{0}));

TEST_P(FrontRingTest, RequestsAppearInTheirSlotsAndOnlyWhenPublished) {
  ask(10);
  ask(11);
  EXPECT_EQ(shared().req_prod, GetParam());
  EXPECT_EQ(ring.unpublished(), 2u);
  EXPECT_TRUE(ring.publish_requests());
  EXPECT_EQ(ring.unpublished(), 0u);
  EXPECT_EQ(shared().req_prod, GetParam() + 2);
  EXPECT_EQ(slot(GetParam()).request.number, 10u);
  EXPECT_EQ(slot(GetParam() + 1).request.number, 11u);
}

// ring.h: wake the other side when its event index is among what is new, and never otherwise.
TEST_P(FrontRingTest, WakesTheBackendExactlyWhenItAsked) {
  for (u32 batch = 1; batch <= 4; ++batch) {
    for (u32 ahead = 0; ahead <= 6; ++ahead) {
      set_indexes(ring, GetParam());
      shared().req_event = GetParam() + ahead;
      for (u32 i = 0; i < batch; ++i) ask(i);
      EXPECT_EQ(ring.publish_requests(), ahead >= 1 && ahead <= batch)
          << "batch " << batch << ", req_event " << ahead << " ahead";
    }
  }
}

TEST_P(FrontRingTest, AnAbsurdEventIndexIsNoReasonToWake) {
  shared().req_event = GetParam() + 0x80000000u;
  ask(1);
  EXPECT_FALSE(ring.publish_requests());
}

TEST_P(FrontRingTest, ResponsesComeInOrder) {
  answer(GetParam(), 7);
  answer(GetParam() + 1, 8);
  EXPECT_EQ(ring.waiting().value(), 0u) << "not shown yet";
  shared().rsp_prod = GetParam() + 2;
  EXPECT_EQ(ring.waiting().value(), 2u);
  EXPECT_EQ(ring.take_response().number, 7u);
  EXPECT_EQ(ring.waiting().value(), 1u);
  EXPECT_EQ(ring.take_response().twice, 16u);
  EXPECT_EQ(ring.waiting().value(), 0u);
}

TEST_P(FrontRingTest, AnIndexBeyondTheRingOrBackwardsIsRefused) {
  shared().rsp_prod = GetParam() + ring.size();
  EXPECT_EQ(ring.waiting().value_or(0), ring.size());
  for (const u32 lie : {ring.size() + 1, u32{0x7fffffff}, u32{0x80000000}, ~u32{0}}) {
    shared().rsp_prod = GetParam() + lie;
    const Result<u32> waiting = ring.waiting();
    ASSERT_FALSE(waiting.ok()) << lie;
    EXPECT_EQ(waiting.error(), Error::kBackendProtocol);
  }
}

TEST_P(FrontRingTest, RearmAsksForTheNextResponse) {
  shared().rsp_event = 0x1234567;
  EXPECT_FALSE(ring.rearm());
  EXPECT_EQ(shared().rsp_event, GetParam() + 1);
  EXPECT_FALSE(ring.rearm(3));
  EXPECT_EQ(shared().rsp_event, GetParam() + 3);
}

TEST_P(FrontRingTest, RearmSeesWhatCameInTheMeantime) {
  answer(GetParam(), 7);
  shared().rsp_prod = GetParam() + 1;
  EXPECT_TRUE(ring.rearm());
  ring.take_response();
  EXPECT_FALSE(ring.rearm());
}

TEST_P(FrontRingTest, IsFullUntilTheResponseOfTheOldestSlotIsTaken) {
  for (u32 i = 0; i < ring.size(); ++i) {
    EXPECT_FALSE(ring.full());
    ask(i);
  }
  EXPECT_TRUE(ring.full());
  EXPECT_TRUE(ring.publish_requests());
  answer(GetParam(), 1);
  shared().rsp_prod = GetParam() + 1;
  EXPECT_TRUE(ring.full());
  EXPECT_EQ(ring.take_response().number, 1u);
  EXPECT_FALSE(ring.full());
}

TEST_P(FrontRingTest, AQuietRingAsksForNoEventWithinHalfOfAllIndexes) {
  ring.stay_quiet();
  const u32 event = shared().rsp_event;
  // RING_PUSH_RESPONSES_AND_CHECK_NOTIFY of ring.h, for a whole ring of responses.
  for (u32 count = 1; count <= ring.size(); ++count) {
    EXPECT_GE(GetParam() + count - event, count);
  }
}

TEST(FrontRing, SizesAreThoseOfTheBlockProtocol) {
  // xen/io/ring.h, __RING_SIZE: 32 slots of 112 bytes in one page.
  using Block = FrontRing<blkif_request, blkif_response>;
  EXPECT_EQ(Block::slots_in(kPageSize), 32u);
  EXPECT_EQ(Block::slots_in(2 * kPageSize), 64u);
  EXPECT_EQ(Block::slots_in(16 * kPageSize), 512u);
  EXPECT_EQ(sizeof(Block::Slot), 112u);
  EXPECT_EQ(offsetof(Block::Shared, slots), offsetof(blkif_sring, ring));
}

TEST(FrontRing, ANewRingAsksForTheFirstEventOnBothSides) {
  const auto memory = std::make_unique<u8[]>(kPageSize);
  Ring ring(memory.get(), kPageSize);
  const auto& shared = *reinterpret_cast<Ring::Shared*>(memory.get());
  EXPECT_EQ(shared.req_prod, 0u);
  EXPECT_EQ(shared.rsp_prod, 0u);
  EXPECT_EQ(shared.req_event, 1u);
  EXPECT_EQ(shared.rsp_event, 1u);
  EXPECT_EQ(ring.waiting().value(), 0u);
}

}  // namespace
}  // namespace pvk
