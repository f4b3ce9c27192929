// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The budget of an event, from the upcall to its handler, held to the instruction. Prints what it
// counts: docs/performance.md.
#include <gtest/gtest.h>

#include <cstdio>

#include "bench/event_core.h"
#include "bench/stepper.h"
#include "fakes/upcall_xen.h"

namespace pvk::bench {
namespace {

// Instructions, by ABI: 2-level, FIFO.
constexpr u64 kBudgetNone[] = {55, 72};     // an upcall without an event
constexpr u64 kBudgetOne[] = {97, 132};     // with one
constexpr u64 kBudgetOneMore[] = {14, 50};  // each further event of the same upcall

class EventCost : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(two_level.attach(shared, two_level_views).ok());
    ASSERT_TRUE(fifo.attach(fifo_views).ok());
    ASSERT_TRUE(fifo.set_control(0, control).ok());
    ASSERT_TRUE(fifo.add_page(words).ok());
  }
  // An upcall for so many events of neighbouring ports.
  Steps upcall(bool is_fifo, u32 count) {
    abi.choose_fifo(is_fifo);
    for (Port port = 1; port <= count; ++port) {
      EXPECT_TRUE(abi.bind_vcpu(port, 0).ok());
      EXPECT_FALSE(abi.unmask(port));
      if (is_fifo) {
        fifo_xen.send(port);
      } else {
        two_level_xen.send(port);
      }
    }
    Steps steps;
    EXPECT_EQ(stepped(steps, [this] { return take_upcall(abi, shared.vcpu_info[0], 0); }), count);
    std::printf("%s, an upcall with %u events: %lu instructions, %lu locked\n",
                is_fifo ? "fifo" : "2-level", count, steps.instructions, steps.locked);
    return steps;
  }

  shared_info shared{};
  alignas(kPageSize) evtchn_fifo_control_block control{};
  alignas(kPageSize) event_word_t words[1024]{};
  fakes::TwoLevelXen<fakes::NoTurns> two_level_xen{shared};
  fakes::FifoXen<fakes::NoTurns> fifo_xen{shared, words, &control};
  TwoLevelView two_level_views[1];
  FifoView fifo_views[1];
  TwoLevelEvents two_level;
  FifoEvents fifo;
  EventAbi abi{two_level, fifo};
};

TEST_F(EventCost, OneEventIsWithinTheBudget) {
  for (const bool is_fifo : {false, true}) {
    EXPECT_LE(upcall(is_fifo, 1).instructions, kBudgetOne[is_fifo]);
  }
}

TEST_F(EventCost, OneMoreIsWithinTheBudget) {
  for (const bool is_fifo : {false, true}) {
    const u64 one = upcall(is_fifo, 1).instructions;
    EXPECT_LE(upcall(is_fifo, 33).instructions - one, 32 * kBudgetOneMore[is_fifo]);
  }
}

TEST_F(EventCost, AnUpcallWithoutAnEventIsCheap) {
  for (const bool is_fifo : {false, true}) {
    EXPECT_LE(upcall(is_fifo, 0).instructions, kBudgetNone[is_fifo]);
  }
}

// One for the upcall (the selector, or the queues that are ready), and one for each event.
TEST_F(EventCost, NothingMoreIsLockedThanTheProtocolNeeds) {
  for (const bool is_fifo : {false, true}) {
    for (const u32 count : {0u, 1u, 5u}) {
      const Steps steps = upcall(is_fifo, count);
      EXPECT_EQ(steps.locked, 1 + count);
      EXPECT_EQ(steps.fences, 0u);
    }
  }
}

}  // namespace
}  // namespace pvk::bench
