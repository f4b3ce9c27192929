// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/plan.h"

#include <gtest/gtest.h>

namespace pvk::block {
namespace {

TEST(RingPlan, TakesTheLeastOfOfferWishAndCpus) {
  Params params;
  params.max_queues = 4;
  params.max_ring_page_order = 2;
  EXPECT_EQ(plan_rings({0, 1}, params, 8).queues, 1u);
  EXPECT_EQ(plan_rings({0, 8}, params, 8).queues, 4u);
  EXPECT_EQ(plan_rings({0, 8}, params, 2).queues, 2u);
  EXPECT_EQ(plan_rings({0, 8}, params, 0).queues, 1u);
  EXPECT_EQ(plan_rings({0, 1}, params, 1).ring_page_order, 0u);
  EXPECT_EQ(plan_rings({1, 1}, params, 1).ring_page_order, 1u);
  EXPECT_EQ(plan_rings({9, 1}, params, 1).ring_page_order, 2u);
}

TEST(RingPlan, IsBoundedWhateverIsOfferedAndAskedFor) {
  Params params;
  params.max_queues = ~0u;
  params.max_ring_page_order = ~0u;
  const RingPlan plan = plan_rings({~0u, ~0u}, params, ~0u);
  EXPECT_EQ(plan.queues, kMaxQueues);
  EXPECT_EQ(plan.ring_page_order, kMaxRingOrder);
  params.max_queues = 0;
  EXPECT_EQ(plan_rings({0, 4}, params, 4).queues, 1u);
}

TEST(QueuePlan, ChoosesTheDataMode) {
  DiskOffer offer;
  Params params;
  EXPECT_EQ(plan_queue(offer, params, 32).data_mode, DataMode::kDirect);
  params.trusted = false;
  EXPECT_EQ(plan_queue(offer, params, 32).data_mode, DataMode::kBounce);
  offer.persistent = true;
  EXPECT_EQ(plan_queue(offer, params, 32).data_mode, DataMode::kPersistent);
  params.feature_persistent = false;
  EXPECT_EQ(plan_queue(offer, params, 32).data_mode, DataMode::kBounce);
}

struct Segments {
  u32 offered, wanted, max, pages;
};
class Indirect : public testing::TestWithParam<Segments> {};
INSTANTIATE_TEST_SUITE_P(All, Indirect,
                         testing::Values(Segments{0, 32, 11, 0}, Segments{32, 0, 11, 0},
                                         Segments{11, 32, 11, 0}, Segments{12, 32, 12, 1},
                                         Segments{256, 32, 32, 1}, Segments{512, 512, 512, 1},
                                         Segments{513, 513, 513, 2}, Segments{~0u, ~0u, 4096, 8}));

TEST_P(Indirect, IsUsedOnlyBeyondWhatASlotHolds) {
  DiskOffer offer;
  offer.max_indirect_segments = GetParam().offered;
  Params params;
  params.max_indirect_segments = GetParam().wanted;
  const QueuePlan plan = plan_queue(offer, params, 32);
  EXPECT_EQ(plan.max_segments, GetParam().max);
  EXPECT_EQ(plan.indirect_pages, GetParam().pages);
}

TEST(QueuePlan, ThePoolHoldsOneLargestRequestAndIsBounded) {
  for (const u32 slots : {32u, 64u, 512u}) {
    for (const u32 segments : {0u, 32u, 256u, 4096u}) {
      DiskOffer offer;
      offer.max_indirect_segments = segments;
      Params params;
      params.max_indirect_segments = segments;
      const QueuePlan plan = plan_queue(offer, params, slots);
      EXPECT_EQ(plan.depth, slots);
      EXPECT_GE(plan.pool_entries, plan.max_segments);
      EXPECT_LE(plan.pool_entries, plan.depth * plan.max_segments);
      EXPECT_LE(plan.pool_entries, max(kPoolBudget, plan.max_segments));
    }
  }
}

TEST(Plan, OneQueueAlwaysHasInterrupts) {
  RingOffer offer;
  Params params;
  params.poll_queues = 4;
  EXPECT_EQ(plan_rings(offer, params, 4).poll_queues, 0u);
  offer.max_queues = 2;
  EXPECT_EQ(plan_rings(offer, params, 4).queues, 2u);
  EXPECT_EQ(plan_rings(offer, params, 4).poll_queues, 1u);
}

TEST(Plan, ShrinksToOneRequestOfTheLargestSize) {
  DiskOffer offer;
  offer.max_indirect_segments = 256;
  Params params;
  params.max_indirect_segments = 256;
  QueuePlan plan = plan_queue(offer, params, 128);
  u32 steps = 0;
  for (u32 before = plan.pool_entries; shrink_pools(plan); before = plan.pool_entries) {
    EXPECT_LE(plan.pool_entries, before);
    ASSERT_LT(++steps, 32u);
  }
  EXPECT_EQ(plan.pool_entries, plan.max_segments);
  EXPECT_EQ(plan.indirect_entries, plan.indirect_pages);
}

}  // namespace
}  // namespace pvk::block
