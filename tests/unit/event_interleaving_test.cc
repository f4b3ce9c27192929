// SPDX-License-Identifier: MIT OR GPL-2.0-only
// No event is lost, whatever happens between two accesses: the real code on several CPUs against a
// hypervisor that sends, in every order of their accesses to shared memory.
//
// These are the sequentially consistent orders. That a CPU keeps to them is what the locked
// accesses are for (docs/event-channels.md).
#include <gtest/gtest.h>

#include <cstring>
#include <optional>

#include "fakes/upcall_xen.h"
#include "hypercalls/event_abi.h"

namespace pvk::fakes {
namespace {

using SteppedTwoLevel = BasicTwoLevel<SteppedWords>;
using SteppedFifo = BasicFifo<SteppedWords>;
constexpr Port kPort = 5;
constexpr Port kOther = 6;
constexpr Port kFar = 64 + 2;  // in another word of the 2-level ABI

struct Ledger {
  u32 sent = 0;
  u32 delivered = 0;
  bool waiting = false;   // sent, and not delivered since
  bool silent = false;    // masked, and every scan that may not know it is over
  bool old_vcpu = false;  // a send was under way when the port moved
};

// What is asked about scans is found out too.
template <class Events>
struct Noted : Events {
  std::function<void()> on_ticket;  // just after a port was masked
  u32 ticket(unsigned cpu) const {
    on_ticket();
    const u32 ticket = Events::ticket(cpu);
    Interleaver::note(ticket);
    return ticket;
  }
};

// A guest of two vCPUs with one ABI.
template <class Events>
struct World {
  static constexpr bool kFifo = std::is_base_of_v<FifoSetup, Events>;
  using Xen = std::conditional_t<kFifo, FifoXen<Turns>, TwoLevelXen<Turns>>;

  shared_info shared;
  alignas(kPageSize) evtchn_fifo_control_block controls[2];
  alignas(kPageSize) event_word_t words[FifoSetup::kPortsPerPage];
  TwoLevelView two_level_views[2];
  FifoView fifo_views[2];
  std::optional<Noted<Events>> events;
  std::optional<Xen> xen;
  Ledger ledger[8];
  bool dead[2];
  bool scanning[2];
  u32 moves;                   // that are over
  bool slow_handlers = false;  // something may happen between an event's end and its handler's
  std::string wrong;

  // The hypercalls of event_abi.h.
  Status unmask(Port port) {
    xen->unmask(port);
    return {};
  }
  Status bind_vcpu(Port port, unsigned cpu) {
    xen->bind_vcpu(port, cpu);
    return {};
  }

  void reset() {
    std::memset(&shared, 0, sizeof(shared));
    std::memset(controls, 0, sizeof(controls));
    events.emplace();
    for (u32 i = 0; i < 2; ++i) {
      new (Place{&two_level_views[i]}) TwoLevelView;
      new (Place{&fifo_views[i]}) FifoView;
      dead[i] = scanning[i] = false;
    }
    if constexpr (kFifo) {
      (void)events->attach({fifo_views, 2});
      (void)events->add_page(words);
      for (unsigned i = 0; i < 2; ++i) (void)events->set_control(i, controls[i]);
      xen.emplace(shared, words, controls);
    } else {
      (void)events->attach(shared, {two_level_views, 2});
      xen.emplace(shared);
    }
    for (Ledger& each : ledger) each = {};
    moves = 0;
    wrong.clear();
    events->on_ticket = [this] { ledger[kPort].old_vcpu = xen->is_sending(); };
    xen->on_sent = [this](Port port) {
      Ledger& of = ledger[port % 8];
      ++of.sent;
      of.waiting = true;
    };
  }
  // Bound and not masked, before anybody moves.
  void open(Port port, unsigned cpu) {
    (void)events->bind_vcpu(port, cpu);
    xen->set_vcpu(port, cpu);
    if constexpr (kFifo) {
      words[port] = 0;
    } else {
      shared.evtchn_mask[port / 64] &= ~(xen_ulong_t{1} << port % 64);
    }
  }

  void deliver(Port port, unsigned cpu) {
    Ledger& of = ledger[port % 8];
    ++of.delivered;
    of.waiting = false;
    if (slow_handlers) Interleaver::step();
    if (of.silent) wrong = "a masked port spoke";
    if (of.delivered > of.sent) wrong = "delivered more often than sent";
    // What Xen marked for the old vCPU comes there, with the FIFO ABI; with the other one the vCPUs
    // tell their ports apart.
    const bool late = kFifo && of.old_vcpu;
    if (cpu != xen->vcpu_of(port) && !late) wrong = "delivered on the wrong vCPU";
  }
  // A vCPU: scans at each upcall.
  void run(unsigned cpu) {
    const std::function<bool()> upcall = [this, cpu] { return dead[cpu] || xen->has_upcall(cpu); };
    while (Interleaver::wait_until(upcall) && !dead[cpu]) {
      xen->take_upcall(cpu);
      scanning[cpu] = true;
      const Scan scan =
          events->scan(shared.vcpu_info[cpu], cpu, [this, cpu](Port port) { deliver(port, cpu); });
      if (scan.again) wrong = "a few events are no storm";
      scanning[cpu] = false;
      Interleaver::forget_all_but(kept(cpu));
    }
  }

  // Not linked by a send that has yet to say so.
  bool settled(Port port) {
    if constexpr (kFifo) return !events->is_linked(port);
    return true;
  }
  // Until the sends that are under way are over.
  void settle() {
    (void)Interleaver::wait_until([this] { return !xen->is_sending(); });
  }

  u64 state() const {
    u64 hash = mix(xen->memory(), moves);
    for (unsigned i = 0; i < 2; ++i) {
      hash = mix(mix(hash, two_level_views[i].ports[0]), two_level_views[i].scans.ticket());
      hash = mix(mix(hash, fifo_views[i].scans.ticket()), u64{dead[i]} << 1 | u64{scanning[i]});
      hash = mix(hash, shared.vcpu_info[i].evtchn_pending_sel << 8 |
                           shared.vcpu_info[i].evtchn_upcall_pending);
      hash = mix(hash, u64{controls[i].ready} << 32 | controls[i].head[7]);
    }
    for (u32 i = 0; i < 2; ++i) {
      hash = mix(mix(hash, shared.evtchn_pending[i]), shared.evtchn_mask[i]);
    }
    for (Port port = 0; port < 8; ++port) {
      const Ledger& of = ledger[port % 8];
      hash = mix(mix(hash, words[port]), u64{of.sent} << 32 | of.delivered);
      hash = mix(hash, u64{of.waiting} << 2 | u64{of.silent} << 1 | u64{of.old_vcpu});
    }
    return wrong.empty() ? hash : ~hash;
  }
  // What a vCPU takes along from one scan to the next.
  u64 kept(unsigned cpu) const {
    u64 hash = two_level_views[cpu].next;
    for (const u32 head : fifo_views[cpu].heads) hash = mix(hash, head);
    return mix(hash, fifo_views[cpu].ready);
  }
  std::string check() const {
    for (Port port = 0; port < 8 && wrong.empty(); ++port) {
      if (ledger[port % 8].waiting) return "an event was lost";
    }
    return wrong;
  }
};

template <class Events>
class Interleavings {
 public:
  World<Events>& guest() { return world_; }
  void open(Port port, unsigned cpu) { ports_.emplace_back(port, cpu); }
  void add(Interleaver::Body body) { cpus_.add(std::move(body)); }
  void add_vcpu(unsigned cpu) {
    add([this, cpu] { world_.run(cpu); });
  }
  void add_sender(std::vector<Port> ports) {
    add([this, ports = std::move(ports)] {
      for (size_t i = 0; i < ports.size(); ++i) {
        world_.xen->send(ports[i]);
        Interleaver::forget_all_but(i);
        Interleaver::step();
      }
    });
  }
  Interleaver::Result explore() {
    cpus_.reset = [this] {
      world_.reset();
      for (const auto& [port, cpu] : ports_) world_.open(port, cpu);
    };
    cpus_.state = [this] { return world_.state(); };
    cpus_.check = [this] { return world_.check(); };
    return cpus_.explore();
  }
  void expect_nothing_wrong() {
    const Interleaver::Result result = explore();
    EXPECT_EQ(result.wrong, "");
    EXPECT_GT(result.orders, 1u);
    EXPECT_GT(result.states, 100u);
    testing::Test::RecordProperty("states", std::to_string(result.states));
  }

 private:
  World<Events> world_;
  Interleaver cpus_;
  std::vector<std::pair<Port, unsigned>> ports_;
};

template <class Events>
class EventInterleaving : public testing::Test, protected Interleavings<Events> {
 protected:
  // A FIFO send has twice the steps: one is as much as can be tried against two other CPUs.
  static constexpr bool kFifo = World<Events>::kFifo;
  static std::vector<Port> some() { return std::vector<Port>(kFifo ? 1 : 2, kPort); }
};
using BothAbis = testing::Types<SteppedTwoLevel, SteppedFifo>;
TYPED_TEST_SUITE(EventInterleaving, BothAbis);

TYPED_TEST(EventInterleaving, SendsAgainstAScan) {
  this->open(kPort, 0);
  this->add_vcpu(0);
  this->add_sender({kPort, kPort, kPort});
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, TwoSendersToOneVcpu) {
  this->open(kPort, 0);
  this->open(kOther, 0);
  this->add_vcpu(0);
  this->add_sender({kPort, kPort});
  this->add_sender({kOther});
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, TwoVcpusWithPortsOfOneWord) {
  this->open(kPort, 0);
  this->open(kOther, 1);
  this->add_vcpu(0);
  this->add_vcpu(1);
  this->add_sender({kPort, kOther, kPort});
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, MaskingAndUnmaskingWhileEventsCome) {
  auto& world = this->guest();
  this->open(kPort, 0);
  this->add_vcpu(0);
  this->add_sender(this->some());
  this->add([&world] {
    for (int i = 0; i < 2; ++i) {
      world.events->mask(kPort);
      (void)unmask_port(*world.events, world, kPort);
      Interleaver::forget_all_but(static_cast<u64>(i));
    }
  });
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, ASilencedPortSaysNothingUntilItIsUnmasked) {
  auto& world = this->guest();
  world.slow_handlers = true;
  this->open(kPort, 0);
  this->add_vcpu(0);
  this->add_sender(this->some());
  this->add([&world] {
    if (!silence_port(*world.events, kPort, 0, Interleaver::pause).ok()) world.wrong = "stuck";
    world.ledger[kPort].silent = true;
    Interleaver::step();
    world.ledger[kPort].silent = false;
    (void)unmask_port(*world.events, world, kPort);
  });
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, APortThatMovesWhileEventsCome) {
  auto& world = this->guest();
  this->open(kPort, 0);
  this->add_vcpu(0);
  this->add_vcpu(1);
  this->add_sender(this->some());
  this->add([&world] {
    if (!move_port(*world.events, world, kPort, 0, 1, Interleaver::pause).ok()) {
      world.wrong = "stuck";
    }
    world.settle();
    (void)recheck_port(*world.events, world, kPort);
  });
  this->expect_nothing_wrong();
}

// The vCPU goes between two upcalls, perhaps with one due. Another takes its queues and its ports,
// and once the sends of that time are over looks at both again, in whichever order.
enum class Afterwards : u8 { kQueuesFirst, kPortFirst, kPortOnly };

template <class Events>
void add_death(Interleavings<Events>& orders, Afterwards afterwards) {
  auto& world = orders.guest();
  orders.add([&world, afterwards] {
    const std::function<bool()> idle = [&world] { return !world.scanning[1]; };
    Interleaver::step();
    if (!Interleaver::wait_until(idle)) return;
    world.dead[1] = true;
    const auto take = [&world] {
      world.events->take_over(1, [&world](Port port) { world.deliver(port, 1); });
    };
    const auto wait = [&world, &take] {
      const u64 before = Interleaver::others_steps();
      take();
      return world.settled(kPort) || Interleaver::pause_since(before);
    };
    world.events->mask(kPort);
    take();
    if (!move_port(*world.events, world, kPort, 1, 0, wait).ok()) world.wrong = "stuck";
    world.settle();
    if (afterwards == Afterwards::kQueuesFirst) take();
    (void)recheck_port(*world.events, world, kPort);
    if (afterwards == Afterwards::kPortFirst) take();
  });
}

TYPED_TEST(EventInterleaving, AVcpuThatDiesWhileEventsCome) {
  this->open(kPort, 1);
  this->add_vcpu(0);
  this->add_vcpu(1);
  this->add_sender({kPort});
  add_death(*this, Afterwards::kQueuesFirst);
  this->expect_nothing_wrong();
}

TYPED_TEST(EventInterleaving, AVcpuThatDiesAndWhosePortIsLookedAtFirst) {
  this->open(kPort, 1);
  this->add_vcpu(0);
  this->add_vcpu(1);
  this->add_sender({kPort});
  add_death(*this, Afterwards::kPortFirst);
  this->expect_nothing_wrong();
}

// ---- the method itself: what is wrong is found ------------------------------------------------

// Clears upcall_pending after it took the selector.
struct LateClear : SteppedTwoLevel {
  template <class Deliver>
  Scan scan(vcpu_info& vcpu, unsigned cpu, Deliver&& deliver) {
    vcpu_info copy{};
    copy.evtchn_pending_sel = SteppedWords::take_all(vcpu.evtchn_pending_sel);
    SteppedWords::write(vcpu.evtchn_upcall_pending, u8{0});
    return SteppedTwoLevel::scan(copy, cpu, deliver);
  }
};

TEST(TheMethod, FindsAnUpcallThatIsClearedLate) {
  Interleavings<LateClear> orders;
  orders.open(kPort, 0);
  orders.open(kFar, 0);
  orders.add_vcpu(0);
  orders.add_sender({kPort, kFar});
  EXPECT_NE(orders.explore().wrong.find("an event was lost"), std::string::npos);
}

// Leaves an event that came before to somebody else.
template <class Events>
struct BlindUnmask : Events {
  bool unmask(Port port) {
    (void)Events::unmask(port);
    if constexpr (World<Events>::kFifo) {
      SteppedWords::clear_bit(*this->word_of(port), EVTCHN_FIFO_MASKED);
    } else {
      SteppedWords::clear_bit(this->mask_word(port), port);
    }
    return false;
  }
};
template <class Events>
class TheMethodWith : public testing::Test {};
TYPED_TEST_SUITE(TheMethodWith, BothAbis);

TYPED_TEST(TheMethodWith, FindsAnUnmaskThatDoesNotLook) {
  Interleavings<BlindUnmask<TypeParam>> orders;
  auto& world = orders.guest();
  orders.open(kPort, 0);
  orders.add_vcpu(0);
  orders.add_sender({kPort});
  orders.add([&world] {
    world.events->mask(kPort);
    (void)unmask_port(*world.events, world, kPort);
  });
  EXPECT_NE(orders.explore().wrong.find("an event was lost"), std::string::npos);
}

// Does not wait for the scan that is under way.
template <class Events>
struct HastyQuiet : Events {
  bool quiet(Port, unsigned, u32) const { return true; }
};

TYPED_TEST(TheMethodWith, FindsAMaskThatIsBelievedTooEarly) {
  Interleavings<HastyQuiet<TypeParam>> orders;
  auto& world = orders.guest();
  world.slow_handlers = true;
  orders.open(kPort, 0);
  orders.add_vcpu(0);
  orders.add_sender({kPort});
  orders.add([&world] {
    (void)silence_port(*world.events, kPort, 0, Interleaver::pause);
    world.ledger[kPort].silent = true;
  });
  EXPECT_NE(orders.explore().wrong.find("a masked port spoke"), std::string::npos);
}

TYPED_TEST(TheMethodWith, FindsAMoveThatDoesNotWait) {
  Interleavings<HastyQuiet<TypeParam>> orders;
  auto& world = orders.guest();
  world.slow_handlers = true;
  orders.open(kPort, 0);
  orders.add_vcpu(0);
  orders.add_vcpu(1);
  orders.add_sender({kPort, kPort});
  orders.add([&world] { (void)move_port(*world.events, world, kPort, 0, 1, Interleaver::pause); });
  EXPECT_NE(orders.explore().wrong.find("delivered on the wrong vCPU"), std::string::npos);
}

// What recheck_port() is for.
TEST(TheMethod, FindsAMoveThatIsNotRechecked) {
  Interleavings<SteppedTwoLevel> orders;
  auto& world = orders.guest();
  orders.open(kPort, 0);
  orders.add_vcpu(0);
  orders.add_vcpu(1);
  orders.add_sender({kPort});
  orders.add([&world] { (void)move_port(*world.events, world, kPort, 0, 1, Interleaver::pause); });
  EXPECT_NE(orders.explore().wrong.find("an event was lost"), std::string::npos);
}

// What the second take_over() is for: a port that a late send links into the queue of a vCPU that
// is dead by then is linked nowhere else, whoever unmasks it.
TEST(TheMethod, FindsADeadVcpusQueueThatIsNotLookedAtAgain) {
  Interleavings<SteppedFifo> orders;
  orders.open(kPort, 1);
  orders.add_vcpu(0);
  orders.add_vcpu(1);
  orders.add_sender({kPort});
  add_death(orders, Afterwards::kPortOnly);
  EXPECT_NE(orders.explore().wrong.find("an event was lost"), std::string::npos);
}

// Why moves of one port exclude each other: Xen tells one vCPU, and the port is another's.
TEST(TheMethod, FindsTwoMovesOfOnePortAtOnce) {
  Interleavings<SteppedTwoLevel> orders;
  auto& world = orders.guest();
  orders.open(kPort, 0);
  orders.add_vcpu(0);
  orders.add_vcpu(1);
  for (unsigned to = 0; to < 2; ++to) {
    orders.add([&world, to] {
      (void)move_port(*world.events, world, kPort, 0, to, Interleaver::pause);
      ++world.moves;
    });
  }
  orders.add([&world] {
    (void)Interleaver::wait_until([&world] { return world.moves == 2; });
    world.xen->send(kPort);
  });
  EXPECT_NE(orders.explore().wrong.find("an event was lost"), std::string::npos);
}

}  // namespace
}  // namespace pvk::fakes
