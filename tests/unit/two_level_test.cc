// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The 2-level ABI, one step after the other: who gets which event when.
#include "hypercalls/two_level.h"

#include <gtest/gtest.h>

#include <vector>

#include "fakes/upcall_hostile.h"

namespace pvk {
namespace {

class TwoLevel : public testing::Test {
 protected:
  void SetUp() override { ASSERT_TRUE(events.attach(shared, {views, 3}).ok()); }

  // What Xen does to send an event (xen/xen.h): selector and upcall only for an unmasked port that
  // was not pending.
  void send(Port port, unsigned cpu = 0) {
    const xen_ulong_t bit = xen_ulong_t{1} << port % 64;
    if ((shared.evtchn_pending[port / 64] & bit) != 0) return;
    shared.evtchn_pending[port / 64] |= bit;
    if ((shared.evtchn_mask[port / 64] & bit) != 0) return;
    shared.vcpu_info[cpu].evtchn_pending_sel |= xen_ulong_t{1} << port / 64;
    shared.vcpu_info[cpu].evtchn_upcall_pending = 1;
  }
  void open(Port port, unsigned cpu = 0) {
    ASSERT_TRUE(events.bind_vcpu(port, cpu).ok());
    ASSERT_FALSE(events.unmask(port));
  }
  std::vector<Port> scan(unsigned cpu = 0) {
    std::vector<Port> ports;
    const Scan result =
        events.scan(shared.vcpu_info[cpu], cpu, [&](Port port) { ports.push_back(port); });
    EXPECT_EQ(result.delivered, ports.size());
    EXPECT_FALSE(result.again);
    return ports;
  }
  using Ports = std::vector<Port>;

  shared_info shared{};
  TwoLevelView views[3];
  TwoLevelEvents events;
};

TEST_F(TwoLevel, BeginsWithEveryPortMasked) {
  for (Port port = 0; port < TwoLevelEvents::kPorts; ++port) EXPECT_TRUE(events.is_masked(port));
  send(7);
  EXPECT_TRUE(events.is_pending(7));
  shared.vcpu_info[0].evtchn_pending_sel = ~xen_ulong_t{0};
  EXPECT_EQ(scan(), Ports{}) << "masked ports are silent, whatever the selector says";
  EXPECT_TRUE(events.is_pending(7)) << "and keep their event";
}

TEST_F(TwoLevel, DeliversEachEventOnceAndClearsWhatSaidSo) {
  for (const Port port : {1u, 63u, 64u, 4095u}) open(port);
  for (const Port port : {4095u, 64u, 63u, 1u}) send(port);
  EXPECT_EQ(scan(), (Ports{1, 63, 64, 4095}));
  EXPECT_EQ(scan(), Ports{});
  EXPECT_EQ(shared.vcpu_info[0].evtchn_upcall_pending, 0);
  EXPECT_EQ(shared.vcpu_info[0].evtchn_pending_sel, 0u);
  for (const xen_ulong_t word : shared.evtchn_pending) EXPECT_EQ(word, 0u);
}

TEST_F(TwoLevel, TakesOnlyWhatIsBoundToItsVcpu) {
  open(5, 0);
  open(6, 1);
  send(5, 0);
  send(6, 1);
  EXPECT_EQ(scan(0), Ports{5});
  EXPECT_TRUE(events.is_pending(6));
  EXPECT_EQ(scan(2), Ports{});
  EXPECT_EQ(scan(1), Ports{6});
}

TEST_F(TwoLevel, APortBelongsToVcpu0BeforeItIsBound) {
  ASSERT_FALSE(events.unmask(9));
  send(9);
  EXPECT_EQ(scan(0), Ports{9});
}

TEST_F(TwoLevel, AnEventOfAMaskedPortComesAtUnmask) {
  open(5);
  events.mask(5);
  send(5);
  EXPECT_EQ(scan(), Ports{});
  EXPECT_TRUE(events.unmask(5)) << "a hypercall is needed";
  EXPECT_TRUE(events.is_masked(5)) << "which raises an upcall only for a masked port";
}

TEST_F(TwoLevel, UnmaskWithoutAnEventNeedsNoHypercall) {
  ASSERT_TRUE(events.bind_vcpu(5, 0).ok());
  EXPECT_FALSE(events.unmask(5));
  EXPECT_FALSE(events.is_masked(5));
  EXPECT_TRUE(events.is_masked(4));
  EXPECT_TRUE(events.is_masked(6));
}

TEST_F(TwoLevel, RefusesPortsAndVcpusThatCannotBe) {
  EXPECT_FALSE(events.bind_vcpu(0, 0).ok());
  EXPECT_FALSE(events.bind_vcpu(4096, 0).ok());
  EXPECT_FALSE(events.bind_vcpu(~Port{0}, 0).ok());
  EXPECT_FALSE(events.bind_vcpu(5, 3).ok());
  EXPECT_TRUE(events.bind_vcpu(4095, 2).ok());
  EXPECT_EQ(events.scan(shared.vcpu_info[3], 3, [](Port) { FAIL(); }).delivered, 0u);
  EXPECT_FALSE(TwoLevelEvents{}.attach(shared, {}).ok());
}

TEST_F(TwoLevel, AnEventSentByItsOwnHandlerIsNotLost) {
  open(5);
  send(5);
  unsigned count = 0;
  events.scan(shared.vcpu_info[0], 0, [&](Port port) {
    if (++count < 3) send(port);
  });
  EXPECT_EQ(count, 3u);
}

// A storm ends the scan after some rounds, with the upcall that Xen raised for the last one due.
TEST_F(TwoLevel, AStormIsLeftWithAnUpcallDue) {
  open(5);
  send(5);
  unsigned count = 0;
  events.scan(shared.vcpu_info[0], 0, [&](Port port) {
    ++count;
    send(port);
  });
  EXPECT_EQ(count, TwoLevelEvents::kRounds);
  EXPECT_EQ(shared.vcpu_info[0].evtchn_upcall_pending, 1);
  EXPECT_EQ(scan(), Ports{5});
}

TEST_F(TwoLevel, AStormOfOnePortLetsOthersThroughEachTime) {
  for (const Port port : {2u, 40u, 3000u}) open(port);
  std::vector<Port> ports;
  for (const Port port : {2u, 40u, 3000u}) send(port);
  events.scan(shared.vcpu_info[0], 0, [&](Port port) {
    ports.push_back(port);
    for (const Port each : {2u, 40u, 3000u}) send(each);
  });
  ASSERT_EQ(ports.size(), 3u * TwoLevelEvents::kRounds);
  for (size_t i = 3; i < ports.size(); ++i) EXPECT_EQ(ports[i], ports[i - 3]);
}

TEST_F(TwoLevel, TheNextScanBeginsWhereTheLastEnded) {
  for (const Port port : {2u, 40u, 41u}) open(port);
  send(40);
  EXPECT_EQ(scan(), Ports{40});
  for (const Port port : {2u, 40u, 41u}) send(port);
  EXPECT_EQ(scan(), (Ports{41, 2, 40}));
}

TEST_F(TwoLevel, AMovedPortsEventWaitsForItsNewVcpu) {
  open(5, 0);
  send(5, 0);
  events.mask(5);
  ASSERT_TRUE(events.bind_vcpu(5, 1).ok());
  EXPECT_EQ(scan(0), Ports{});
  EXPECT_TRUE(events.unmask(5));
  events.clear_pending(5);
  EXPECT_FALSE(events.is_pending(5));
}

TEST_F(TwoLevel, QuietSaysThatNoScanCanDeliver) {
  open(5, 1);
  EXPECT_TRUE(events.quiet(5, 1, events.ticket(1)));
  send(5, 1);
  u32 inside = 0;
  events.scan(shared.vcpu_info[1], 1, [&](Port port) {
    events.mask(port);
    inside = events.ticket(1);
    EXPECT_FALSE(events.quiet(port, 1, inside));
    EXPECT_TRUE(events.quiet(port, 0, events.ticket(0)));
  });
  EXPECT_TRUE(events.quiet(5, 1, inside));
}

TEST_F(TwoLevel, AttachingAnewForgetsBindings) {
  open(5, 1);
  shared_info other{};
  ASSERT_TRUE(events.attach(other, {views, 3}).ok());
  EXPECT_TRUE(events.is_masked(5));
  EXPECT_EQ(views[1].ports[0], 0u);
  EXPECT_EQ(views[0].ports[0], ~xen_ulong_t{0});
}

// Whatever stands in the page: ports of this vCPU alone, and an end. (What we know of the vCPU's
// ports is our own and not scribbled on; the class reads it with the same words.)
struct HostilePage : fakes::HostileWords {
  static inline const TwoLevelView* own = nullptr;
  template <class T>
  static T read(const T& word) {
    const auto* const at = reinterpret_cast<const u8*>(&word);
    const auto* const view = reinterpret_cast<const u8*>(own);
    if (at >= view && at < view + sizeof(*own)) return SharedWords::read(word);
    return HostileWords::read(word);
  }
};

TEST(HostileTwoLevel, AScanStaysWithinItsPortsAndEnds) {
  using Events = BasicTwoLevel<HostilePage>;
  constexpr u64 kRound = 2 + Events::kWords * (3 + Events::kBits) + 1;
  shared_info shared{};
  TwoLevelView views[2];
  Events events;
  ASSERT_TRUE(events.attach(shared, views).ok());
  HostilePage::own = &views[1];
  for (const Port port : {1u, 63u, 64u, 4095u}) ASSERT_TRUE(events.bind_vcpu(port, 1).ok());
  u64 delivered = 0;
  for (u64 seed = 0; seed < 500; ++seed) {
    HostilePage::begin(seed);
    const Scan scan = events.scan(shared.vcpu_info[1], 1, [&](Port port) {
      EXPECT_TRUE(port == 1 || port == 63 || port == 64 || port == 4095) << port;
      ++delivered;
    });
    EXPECT_LE(scan.delivered, 4 * Events::kRounds);
    EXPECT_LE(HostilePage::accesses, kRound * Events::kRounds);
    EXPECT_LT(views[1].next, u32{1} << 20);
  }
  EXPECT_GT(delivered, 100u);
}

}  // namespace
}  // namespace pvk
