// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The FIFO ABI, one step after the other: who gets which event when.
#include "hypercalls/fifo.h"

#include <gtest/gtest.h>

#include <vector>

#include "fakes/upcall_hostile.h"
#include "fakes/upcall_xen.h"
#include "hypercalls/event_abi.h"

namespace pvk {
namespace {

using Ports = std::vector<Port>;
constexpr event_word_t kPending = 1u << EVTCHN_FIFO_PENDING;
constexpr event_word_t kMasked = 1u << EVTCHN_FIFO_MASKED;
constexpr event_word_t kLinked = 1u << EVTCHN_FIFO_LINKED;
constexpr event_word_t kBusy = 1u << EVTCHN_FIFO_BUSY;

class Fifo : public testing::Test {
 protected:
  void SetUp() override {
    ASSERT_TRUE(events.attach({views, 3}).ok());
    ASSERT_TRUE(events.set_control(0, controls[0]).ok());
    ASSERT_TRUE(events.set_control(1, controls[1]).ok());
    ASSERT_TRUE(events.add_page(words).ok());
  }
  void open(Port port, unsigned cpu = 0) {
    ASSERT_TRUE(events.bind_vcpu(port, cpu).ok());
    xen.bind_vcpu(port, cpu);
    ASSERT_FALSE(events.unmask(port));
  }
  Ports scan(unsigned cpu = 0, bool again = false) {
    Ports ports;
    const Scan result =
        events.scan(shared.vcpu_info[cpu], cpu, [&](Port port) { ports.push_back(port); });
    EXPECT_EQ(result.delivered, ports.size());
    EXPECT_EQ(result.again, again);
    return ports;
  }

  shared_info shared{};
  alignas(kPageSize) evtchn_fifo_control_block controls[2]{};
  alignas(kPageSize) event_word_t words[1024]{};
  fakes::FifoXen<fakes::NoTurns> xen{shared, words, controls};
  FifoView views[3];
  FifoEvents events;
};

TEST_F(Fifo, ANewPageIsMasked) {
  for (Port port = 0; port < 1024; ++port) EXPECT_TRUE(events.is_masked(port));
  xen.send(7);
  EXPECT_TRUE(events.is_pending(7));
  EXPECT_FALSE(events.is_linked(7));
  EXPECT_EQ(scan(), Ports{});
}

TEST_F(Fifo, DeliversInTheOrderOfSending) {
  for (const Port port : {1u, 63u, 64u, 1023u}) open(port);
  for (const Port port : {1023u, 64u, 1u, 63u}) xen.send(port);
  EXPECT_TRUE(xen.has_upcall(0));
  EXPECT_EQ(scan(), (Ports{1023, 64, 1, 63}));
  EXPECT_EQ(scan(), Ports{});
  for (const Port port : {1u, 63u, 64u, 1023u}) EXPECT_EQ(words[port], 0u);
  EXPECT_EQ(shared.vcpu_info[0].evtchn_upcall_pending, 0);
  EXPECT_EQ(events.broken_links(), 0u);
}

TEST_F(Fifo, HigherPrioritiesComeFirstAndInBetween) {
  for (const Port port : {1u, 2u, 3u, 4u}) open(port);
  xen.set_priority(3, 0);
  xen.set_priority(4, 15);
  for (const Port port : {4u, 1u, 2u, 3u}) xen.send(port);
  Ports ports;
  events.scan(shared.vcpu_info[0], 0, [&](Port port) {
    ports.push_back(port);
    if (ports.size() == 2) xen.send(3);
  });
  EXPECT_EQ(ports, (Ports{3, 1, 3, 2, 4}));
}

TEST_F(Fifo, EachVcpuHasItsOwnQueues) {
  open(5, 0);
  open(6, 1);
  xen.send(5);
  xen.send(6);
  EXPECT_TRUE(xen.take_upcall(0));
  EXPECT_TRUE(xen.take_upcall(1));
  EXPECT_EQ(scan(1), Ports{6});
  EXPECT_EQ(scan(0), Ports{5});
  EXPECT_EQ(scan(2), Ports{}) << "no control block: nothing to look at";
}

TEST_F(Fifo, APortIsLinkedOnceHoweverOftenItIsSent) {
  open(5);
  for (int i = 0; i < 3; ++i) xen.send(5);
  EXPECT_EQ(scan(), Ports{5});
  xen.send(5);
  EXPECT_EQ(scan(), Ports{5});
}

TEST_F(Fifo, AnEventOfAMaskedPortComesAtUnmask) {
  open(5);
  open(6);
  xen.send(5);
  xen.send(6);
  events.mask(5);
  EXPECT_EQ(scan(), Ports{6}) << "taken out of the queue, and kept";
  EXPECT_FALSE(events.is_linked(5));
  EXPECT_TRUE(events.is_pending(5));
  ASSERT_TRUE(events.unmask(5)) << "a hypercall is needed";
  EXPECT_TRUE(events.is_masked(5));
  xen.unmask(5);
  EXPECT_EQ(scan(), Ports{5});
}

TEST_F(Fifo, AWordThatXenHoldsIsUnmaskedByXen) {
  ASSERT_TRUE(events.bind_vcpu(5, 0).ok());
  words[5] |= kBusy;
  EXPECT_TRUE(events.unmask(5));
  EXPECT_EQ(words[5], kMasked | kBusy);
}

TEST_F(Fifo, RefusesPortsAndVcpusThatCannotBe) {
  EXPECT_FALSE(events.bind_vcpu(0, 0).ok());
  EXPECT_FALSE(events.bind_vcpu(1024, 0).ok()) << "no page yet";
  EXPECT_FALSE(events.bind_vcpu(~Port{0}, 0).ok());
  EXPECT_FALSE(events.bind_vcpu(5, 2).ok()) << "no control block";
  EXPECT_FALSE(events.bind_vcpu(5, 3).ok());
  EXPECT_FALSE(FifoEvents{}.attach({}).ok());
  events.mask(1024);
  events.clear_pending(~Port{0});
  EXPECT_FALSE(events.unmask(131072));
  EXPECT_FALSE(events.is_masked(1024));
}

TEST_F(Fifo, ControlBlocksAreWhereXenTakesThem) {
  alignas(kPageSize) static u8 page[2 * kPageSize];
  const auto at = [](size_t offset) -> evtchn_fifo_control_block& {
    return *reinterpret_cast<evtchn_fifo_control_block*>(page + offset);
  };
  EXPECT_FALSE(events.set_control(2, at(kPageSize - 64)).ok()) << "crosses a page";
  EXPECT_FALSE(events.set_control(2, at(4)).ok());
  EXPECT_FALSE(events.set_control(3, at(0)).ok());
  EXPECT_TRUE(events.set_control(2, at(kPageSize - 72)).ok());
  EXPECT_FALSE(events.set_control(2, at(0)).ok()) << "Xen takes one for each vCPU";
  events.forget_control(2);
  EXPECT_TRUE(events.set_control(2, at(0)).ok());
}

TEST_F(Fifo, PagesAreAddedUntilTheLastPort) {
  std::vector<u8> memory(2 * kPageSize);
  u8* const page = memory.data() +
                   (kPageSize - reinterpret_cast<uintptr_t>(memory.data()) % kPageSize) % kPageSize;
  EXPECT_FALSE(events.add_page(nullptr).ok());
  for (u32 i = 1; i < FifoEvents::kPages; ++i) {
    EXPECT_FALSE(events.has_page(i * 1024));
    ASSERT_TRUE(events.add_page(page).ok());
    EXPECT_TRUE(events.has_page(i * 1024 + 1023));
  }
  EXPECT_FALSE(events.add_page(page).ok());
  EXPECT_TRUE(events.has_page(FifoEvents::kPorts - 1));
  EXPECT_FALSE(events.has_page(FifoEvents::kPorts));
  events.remove_page();
  EXPECT_FALSE(events.has_page(FifoEvents::kPorts - 1));
}

// Two ports that send each other for ever: the scan ends, and says that it was not all.
TEST_F(Fifo, AQueueThatNeverEndsIsLeftForAnotherScan) {
  open(5);
  open(6);
  xen.send(5);
  u32 count = 0;
  const auto endless = [&](Port port) {
    ++count;
    xen.send(port ^ 3);
    xen.send(port);
  };
  xen.send(6);
  EXPECT_TRUE(events.scan(shared.vcpu_info[0], 0, endless).again);
  EXPECT_LE(count, FifoEvents::kEvents * FifoEvents::kRounds);
  EXPECT_EQ(scan(), (Ports{5, 6})) << "nothing was lost";
}

TEST_F(Fifo, ALinkToNowhereEndsItsQueueOnly) {
  for (const Port port : {1u, 2u, 3u}) open(port);
  xen.set_priority(3, 15);
  for (const Port port : {1u, 2u, 3u}) xen.send(port);
  words[1] |= EVTCHN_FIFO_LINK_MASK;  // port 131071, of which there is no page
  EXPECT_EQ(scan(), (Ports{1, 3}));
  EXPECT_EQ(events.broken_links(), 1u);
}

TEST_F(Fifo, ACircleEnds) {
  for (const Port port : {1u, 2u}) open(port);
  for (const Port port : {1u, 2u}) xen.send(port);
  words[2] |= 1;
  EXPECT_EQ(scan(), (Ports{1, 2}));
  EXPECT_EQ(events.broken_links(), 1u);
}

TEST_F(Fifo, APortOutsideOfItsQueueIsNotDelivered) {
  open(5);
  words[5] = kPending;
  controls[0].head[7] = 5;
  controls[0].ready = 1u << 7;
  EXPECT_EQ(scan(), Ports{});
  EXPECT_EQ(words[5], kPending);
  controls[0].ready = ~0u;  // bits without a queue, and queues without a head
  EXPECT_EQ(scan(), Ports{});
}

// A dead vCPU: its ports are masked, its queues emptied, and each event comes on the new one.
TEST_F(Fifo, ADeadVcpusEventsAreMovedWithTheirPorts) {
  for (const Port port : {5u, 6u}) open(port, 1);
  xen.send(5);
  xen.send(6);
  for (const Port port : {5u, 6u}) events.mask(port);
  EXPECT_EQ(events.take_over(1, [](Port) { FAIL(); }).delivered, 0u);
  for (const Port port : {5u, 6u}) {
    EXPECT_TRUE(events.quiet(port, 1, events.ticket(1)));
    ASSERT_TRUE(events.bind_vcpu(port, 0).ok());
    xen.bind_vcpu(port, 0);
    ASSERT_TRUE(events.unmask(port));
    xen.unmask(port);
  }
  EXPECT_EQ(scan(0), (Ports{5, 6}));
  EXPECT_EQ(scan(1), Ports{});
}

TEST_F(Fifo, WhatADeadVcpuWasInTheMiddleOfIsTakenOverToo) {
  for (Port port = 1; port < 4; ++port) open(port, 1);
  for (Port port = 1; port < 4; ++port) xen.send(port);
  views[1].ready = 1u << 7;  // as after a scan that said `again`
  views[1].heads[7] = 2;
  words[1] = 0;
  controls[1].ready = 0;
  Ports ports;
  events.take_over(1, [&](Port port) { ports.push_back(port); });
  EXPECT_EQ(ports, (Ports{2, 3}));
}

TEST_F(Fifo, QuietWaitsForTheQueueToo) {
  open(5, 1);
  xen.send(5);
  events.mask(5);
  const u32 ticket = events.ticket(1);
  EXPECT_FALSE(events.quiet(5, 1, ticket)) << "still linked there";
  EXPECT_EQ(scan(1), Ports{});
  EXPECT_TRUE(events.quiet(5, 1, ticket));
  EXPECT_EQ(words[5] & kLinked, 0u);
}

// Whatever stands in the pages: ports that have a word, and an end. The guard pages around the
// words are AddressSanitizer's to watch.
TEST(HostileFifo, AScanStaysWithinItsPagesAndEnds) {
  using Events = BasicFifo<fakes::HostileWords>;
  constexpr u64 kPort = 1 + (1 + 2 * fifo::kTries) + 2;
  shared_info shared{};
  alignas(kPageSize) evtchn_fifo_control_block control{};
  FifoView views[1];
  std::vector<event_word_t> words(2 * 1024);
  Events events;
  ASSERT_TRUE(events.attach(views).ok());
  ASSERT_TRUE(events.set_control(0, control).ok());
  ASSERT_TRUE(events.add_page(words.data()).ok());
  ASSERT_TRUE(events.add_page(words.data() + 1024).ok());
  u64 delivered = 0;
  for (u64 seed = 0; seed < 500; ++seed) {
    fakes::HostileWords::begin(seed);
    const auto deliver = [&](Port port) {
      EXPECT_LT(port, 2048u);
      EXPECT_NE(port, 0u);
      ++delivered;
    };
    events.scan(shared.vcpu_info[0], 0, deliver);
    events.take_over(0, deliver);
    const u64 bound = (kPort * Events::kEvents + 4) * (Events::kRounds + 1);
    EXPECT_LE(fakes::HostileWords::accesses, bound);
    for (Port port = 0; port < 4096; port += 63) {
      (void)events.unmask(port);
      (void)events.quiet(port, 0, events.ticket(0));
    }
  }
  EXPECT_GT(delivered, 100u);
  EXPECT_GT(events.broken_links(), 100u);
}

// One class for both: what a port chose at run time is what answers.
TEST_F(Fifo, TheWrapperAsksTheAbiThatWasChosen) {
  TwoLevelView two_level_views[2];
  TwoLevelEvents two_level;
  ASSERT_TRUE(two_level.attach(shared, two_level_views).ok());
  EventAbi abi(two_level, events);
  EXPECT_EQ(abi.ports(), 4096u);
  EXPECT_TRUE(abi.bind_vcpu(2000, 1).ok());
  EXPECT_FALSE(abi.unmask(5));
  EXPECT_TRUE(events.is_masked(5));
  abi.choose_fifo(true);
  EXPECT_EQ(abi.ports(), 131072u);
  EXPECT_FALSE(abi.bind_vcpu(2000, 1).ok()) << "no page for it";
  EXPECT_TRUE(abi.is_masked(5));
  open(5);
  EXPECT_FALSE(abi.is_masked(5));
  xen.send(5);
  EXPECT_TRUE(abi.is_pending(5));
  Ports ports;
  abi.scan(shared.vcpu_info[0], 0, [&](Port port) { ports.push_back(port); });
  EXPECT_EQ(ports, Ports{5});
}

struct SetupCalls {
  long fail = 0;  // which call, counted from 1
  u8 link_bits = EVTCHN_FIFO_LINK_BITS;
  long made = 0;
  Result<u8> init_control(unsigned, const void*) {
    if (++made == fail) return Error::kBadValue;
    return link_bits;
  }
  Status expand_array(const void*) {
    if (++made == fail) return Error::kNoMemory;
    return {};
  }
};

TEST_F(Fifo, WhatXenRefusedIsTakenBack) {
  alignas(kPageSize) evtchn_fifo_control_block control{};
  SetupCalls calls;
  calls.fail = 1;
  EXPECT_FALSE(init_fifo_control(events, calls, 2, control).ok());
  EXPECT_FALSE(events.has_control(2));
  EXPECT_TRUE(init_fifo_control(events, calls, 2, control).ok());
  EXPECT_TRUE(events.has_control(2));
  alignas(kPageSize) static u8 page[kPageSize];
  calls.fail = 3;
  EXPECT_FALSE(add_fifo_page(events, calls, page).ok());
  EXPECT_FALSE(events.has_page(1024));
  EXPECT_TRUE(add_fifo_page(events, calls, page).ok());
  EXPECT_TRUE(events.has_page(1024));
}

TEST_F(Fifo, AnotherWidthOfLinksIsRefusedThoughXenHasTheBlock) {
  alignas(kPageSize) evtchn_fifo_control_block control{};
  SetupCalls calls;
  calls.link_bits = 20;
  const Status status = init_fifo_control(events, calls, 2, control);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error(), Error::kNotSupported);
  EXPECT_TRUE(events.has_control(2));
}

// A Xen without FIFO says so when it is offered the first block: 2-level channels go on from there.
TEST_F(Fifo, ARefusedFirstBlockLeavesTheTwoLevelAbi) {
  TwoLevelView two_level_views[2];
  TwoLevelEvents two_level;
  FifoEvents none;
  ASSERT_TRUE(two_level.attach(shared, two_level_views).ok());
  ASSERT_TRUE(none.attach({views, 2}).ok());
  EventAbi abi(two_level, none);
  abi.choose_fifo(true);
  alignas(kPageSize) evtchn_fifo_control_block control{};
  SetupCalls calls;
  calls.fail = 1;
  ASSERT_FALSE(init_fifo_control(none, calls, 0, control).ok());
  EXPECT_FALSE(none.has_control(0));
  abi.choose_fifo(false);
  ASSERT_TRUE(abi.bind_vcpu(5, 1).ok());
  EXPECT_TRUE(abi.is_masked(5));
  EXPECT_FALSE(abi.unmask(5));
  shared.evtchn_pending[0] = u64{1} << 5;
  shared.vcpu_info[1].evtchn_pending_sel = 1;
  Ports ports;
  abi.scan(shared.vcpu_info[1], 1, [&](Port port) { ports.push_back(port); });
  EXPECT_EQ(ports, Ports{5});
}

}  // namespace
}  // namespace pvk
