// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The budget of a request, held to the instruction.
#include <gtest/gtest.h>

#include "bench/rig.h"

// Eight instructions of known kinds, beside the core.
asm(R"(
  .pushsection pvk_core, "ax"
  pvk_known_steps:
  mfence
  lock orq $0, (%rsp)
  lock addq $0, -8(%rsp)
  xchg %rax, -8(%rsp)
  xchg %rax, %rdx
  xor %ecx, %ecx
  rep stosb
  ret
  .popsection
)");
extern "C" int pvk_known_steps();

namespace pvk::bench {
namespace {

using block::DataMode;
using block::Operation;

constexpr u64 kBudget = 150;  // instructions of a 4 KiB request, its copy not counted
constexpr u64 kBudgetAlone = 232;
constexpr u32 kFull = 32;  // requests in flight: a ring of one page

Shape small(Operation operation, u32 batch) {
  Shape shape;
  shape.operation = operation;
  shape.batch = batch;
  return shape;
}

Shape large(DataMode mode, Operation operation, GrantRef first_ref) {
  Shape shape;
  shape.mode = mode;
  shape.operation = operation;
  shape.batch = 4;
  shape.segments = 32;
  shape.first_ref = first_ref;
  return shape;
}

TEST(Stepper, CountsEachInstructionAndKnowsThoseThatLock) {
  Steps steps;
  stepped(steps, [] { return pvk_known_steps(); });
  EXPECT_EQ(steps.instructions, 8u);
  EXPECT_EQ(steps.fences, 2u);
  EXPECT_EQ(steps.locked, 2u);
}

TEST(Cost, ASmallRequestOfAFullBatchIsWithinTheBudget) {
  for (const Operation operation : {Operation::kRead, Operation::kWrite}) {
    const Cost cost = QueueRig(small(operation, kFull)).count();
    EXPECT_LE(cost.total().instructions, kBudget * kFull) << "of a whole batch";
    EXPECT_EQ(cost.calls.copies, kFull);
    EXPECT_EQ(cost.calls.published + cost.calls.revoked, 0u);
  }
}

// Publishing, asking for the next event and finding nothing more are paid once a batch: a request
// on its own pays them all.
TEST(Cost, ARequestOnItsOwnPaysTheBatchToo) {
  for (const Operation operation : {Operation::kRead, Operation::kWrite}) {
    EXPECT_LE(QueueRig(small(operation, 1)).count().total().instructions, kBudgetAlone);
  }
}

TEST(Cost, TheSecondBatchCostsWhatTheFirstDid) {
  QueueRig rig(small(Operation::kRead, kFull));
  const u64 first = rig.count().total().instructions;
  EXPECT_EQ(rig.count().total().instructions, first);
}

TEST(Cost, ABatchHasOneFenceOnEachSideAndNothingLocked) {
  for (const DataMode mode : {DataMode::kPersistent, DataMode::kDirect, DataMode::kBounce}) {
    for (const Operation operation : {Operation::kRead, Operation::kWrite}) {
      const Cost cost = QueueRig(large(mode, operation, 8)).count();
      EXPECT_EQ(cost.submit.fences + cost.next.fences, 0u);
      EXPECT_EQ(cost.publish.fences, 1u);
      EXPECT_EQ(cost.rearm.fences, 1u);
      EXPECT_EQ(cost.total().locked, 0u);
    }
  }
}

TEST(Cost, ALargeRequestTouchesFiveLinesOfTheGrantTableWhereverItsEntriesBegin) {
  for (GrantRef first = 8; first < 16; ++first) {
    const Cost cost = QueueRig(large(DataMode::kDirect, Operation::kRead, first)).count();
    EXPECT_EQ(cost.calls.published, 4u * 32);
    EXPECT_EQ(cost.calls.revoked, 4u * 32);
    EXPECT_GE(cost.grant_lines, 4u);
    EXPECT_LE(cost.grant_lines, 5u);
  }
}

// The entry of the small request lies apart from the others of its chain.
TEST(Cost, TagsThatServedSmallRequestsFirstTouchOneLineMore) {
  u32 worst = 0;
  for (GrantRef first = 8; first < 16; ++first) {
    Shape shape = large(DataMode::kDirect, Operation::kRead, first);
    shape.small_first = true;
    worst = max(worst, QueueRig(shape).count().grant_lines);
  }
  EXPECT_EQ(worst, 6u);
}

}  // namespace
}  // namespace pvk::bench
