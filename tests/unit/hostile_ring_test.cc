// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend that lies on the ring's page: indexes, words that change while they are read, events
// without a reason, silence.
#include <gtest/gtest.h>

#include "fakes/access_trace.h"
#include "unit/hostile_test.h"
#include "unit/ring_indexes.h"

namespace pvk {

using BlockRing = block::Queue::Ring;
template struct RingOpener<BlockRing, &BlockRing::produced_, &BlockRing::published_,
                           &BlockRing::consumed_>;
void set_indexes(BlockRing& ring, u32 value);

template <BlockRing block::Queue::*kRing>
struct QueueOpener {
  friend BlockRing& ring_of(block::Queue& queue) { return queue.*kRing; }
};
template struct QueueOpener<&block::Queue::ring_>;
BlockRing& ring_of(block::Queue& queue);

namespace fakes {
namespace {

using block::Operation;
using block::Outcome;

class HostileRing : public HostileTest {
 protected:
  // Both ends of a connected ring begin at `index`.
  static void start_at(Life& life, u32 index) {
    life.backend.queue().start_at(index);
    set_indexes(ring_of(life.disk->queue()), index);
    std::memcpy(life.disk->queue().ring_pages().data(), &index, sizeof(index));  // req_prod
    ASSERT_FALSE(life.disk->queue().rearm());
  }
  static u64 count(Life& life, block::Counter block::ConsumerCounters::*counter) {
    return (life.disk->queue().consumer_counters().*counter).relaxed();
  }
  // With three requests in flight the backend shows `lie` as its index, counted from ours.
  void show(u32 start, u32 lie);
};

constexpr u32 kStarts[] = {0, 1, 0x7fffffe0, 0x7fffffff, 0x80000000, 0xffffffe0, ~u32{0} - 2, ~0u};

TEST_F(HostileRing, HonestIndexesWrapAtEveryWidth) {
  for (const u32 start : kStarts) {
    SCOPED_TRACE(start);
    Life life(machine);
    ASSERT_TRUE(life.connect());
    start_at(life, start);
    for (u64 i = 0; i < 70; ++i) {
      const auto io = life.submit(Operation::kRead, i, 512);
      ASSERT_TRUE(io != nullptr && io->finished);
      ASSERT_EQ(io->outcome, Outcome::kDone);
    }
    life.end();
    expect_no_trace();
  }
}

void HostileRing::show(u32 start, u32 lie) {
  Life life(machine);
  ASSERT_TRUE(life.connect());
  start_at(life, start);
  life.backend.behaviour.hold = true;
  for (u64 i = 0; i < 3; ++i) life.submit(Operation::kRead, i, 512);
  life.disk->poll_in_upcall = false;
  life.backend.queue().show_index(start + lie);
  life.backend.queue().notify();
  machine.settle();
  life.disk->poll();
  EXPECT_TRUE(life.disk->queue().broken());
  EXPECT_EQ(count(life, &block::ConsumerCounters::bad_index), 1u);
  EXPECT_EQ(count(life, &block::ConsumerCounters::responses), 0u) << "nothing of it was believed";
  machine.settle();
  expect_given_up(life, "response index out of range");
  life.end();
  expect_no_trace();
}

// Also where the index wraps: "beyond" and "backwards" are distances, never comparisons.
TEST_F(HostileRing, AnIndexBeyondTheRingOrBackwardsIsRefusedAtEveryWrapAround) {
  const u32 lies[] = {33,         34,         64,         65,  0x7fffffff,
                      0x80000000, 0x80000001, 0xffffff00, ~0u, ~0u - 31};
  for (const u32 start : kStarts) {
    for (const u32 lie : lies) {
      SCOPED_TRACE(std::to_string(start) + " + " + std::to_string(lie));
      show(start, lie);
    }
  }
}

// An index that runs back over what was already taken, after honest answers.
TEST_F(HostileRing, AnIndexThatTakesAnswersBackIsRefused) {
  for (u32 back = 1; back <= 5; ++back) {
    Life life(machine);
    ASSERT_TRUE(life.connect());
    for (u64 i = 0; i < 5; ++i) life.submit(Operation::kRead, i, 512);
    life.backend.queue().show_index(5 - back);
    life.backend.queue().notify();
    machine.settle();
    expect_given_up(life, "response index out of range");
    life.end();
    expect_no_trace();
  }
}

// XSA-155 and its kind: what stands in shared memory is read once. After the n-th access of the
// guest to the page, for every n, the backend replaces everything it may write by `lie`.
class ChangingPage : public HostileRing {
 protected:
  using Lie = std::function<void(ModelQueue& queue)>;

  // Returns false when there were fewer than `n` accesses.
  bool change_after(size_t n, const Lie& lie) {
    Life life(machine);
    EXPECT_TRUE(life.connect());
    life.backend.behaviour.hold = true;
    for (u64 i = 0; i < 3; ++i) life.submit(Operation::kRead, i, 512);
    life.disk->poll_in_upcall = false;
    life.backend.queue().complete_held();
    size_t seen = 0;
    {
      AccessTrace trace(life.disk->queue().ring_pages().data(), 1);
      trace.after_each([&](const Access&) {
        if (++seen == n) lie(life.backend.queue());
      });
      life.disk->poll();
      trace.stop();
      expect_read_once(trace);
    }
    // Believed or refused, and nothing between: an answer that was taken is the honest one.
    for (const auto& io : life.ios) {
      if (io->finished) {
        EXPECT_EQ(io->outcome, Outcome::kDone);
      }
    }
    machine.settle();
    EXPECT_LE(life.lines("broke the block protocol"), 1u);
    life.end();
    forget_complaints_of_the_liar();
    expect_no_trace();
    return seen >= n;
  }
  static void expect_read_once(const AccessTrace& trace) {
    for (size_t slot = BackRing::kHeader; slot < BackRing::kHeader + 3 * BackRing::kSlot;
         slot += BackRing::kSlot) {
      for (size_t word = 0; word < sizeof(blkif_response); word += 8) {
        EXPECT_LE(trace.loads(slot + word, 8), 1u) << "the word at " << slot + word;
      }
    }
  }
};

TEST_F(ChangingPage, XSA155_ResponsesThatChangeWhileTheyAreReadAreReadOnce) {
  ASSERT_TRUE(AccessTrace::available());
  const auto rewrite = [](ModelQueue& queue) {
    blkif_response other{};
    other.id = ~u64{0};
    other.status = 77;
    for (u32 number = 0; number < 32; ++number) queue.ring().put_response(number, other);
  };
  size_t n = 1;
  while (change_after(n, rewrite)) ++n;
  EXPECT_GT(n, 8u) << "three responses of two words, two indexes";
}

TEST_F(ChangingPage, XSA155_AnIndexThatChangesWhileItIsReadIsReadOnceABatch) {
  ASSERT_TRUE(AccessTrace::available());
  for (const u32 lie : {0u, 2u, 36u, 0x80000000u, ~0u}) {
    size_t n = 1;
    while (change_after(n, [lie](ModelQueue& queue) { queue.show_index(lie); })) ++n;
    EXPECT_GT(n, 8u);
  }
}

// Everything else on the page is ours to write and nobody's to read back: a backend that scribbles
// over it harms its own view.
TEST_F(HostileRing, ScribblingOverTheRingChangesNothingForUs) {
  Life life(machine);
  life.backend.allow_indirect(32);
  ASSERT_TRUE(life.connect());
  life.backend.behaviour.hold = true;
  life.disk->poll_in_upcall = false;
  u8* const page = static_cast<u8*>(life.disk->queue().ring_pages().data());
  for (u64 i = 0; i < 100; ++i) {
    const auto io = life.submit(i % 2 == 0 ? Operation::kWrite : Operation::kRead, i, 20 * 512);
    ASSERT_NE(io, nullptr);
    life.backend.queue().process();  // it spoilt its own event index
    u32 shown = 0;
    std::memcpy(&shown, page + 8, sizeof(shown));
    std::memset(page, 0xee, kPageSize);  // req_prod, both events, every slot
    std::memcpy(page + 8, &shown, sizeof(shown));
    life.backend.queue().complete_held();
    life.disk->poll();
    ASSERT_TRUE(io->finished) << i;
    ASSERT_EQ(io->outcome, Outcome::kDone);
  }
  EXPECT_FALSE(life.disk->queue().broken());
  life.end();
  expect_no_trace();
}

// XSA-332: a frontend's events without a reason cost a backend, which slows the frontend down for
// them. Ours come only when asked for, whatever stands in req_event.
TEST_F(HostileRing, XSA332_NoEventIsSentThatWasNotAskedFor) {
  Life life(machine);
  ASSERT_TRUE(life.connect());
  life.backend.behaviour.hold = true;
  const auto& counters = life.disk->queue().producer_counters();
  u8* const data = life.disk->buffer(kPageSize);
  const i16 lies[] = {-100, -1, 0, 1, 2, 3, 32, 100};
  for (const i16 lie : lies) {
    const u32 produced = static_cast<u32>(life.backend.queue().requests_seen());
    const u64 before = counters.notifications.relaxed();
    life.backend.queue().ring().set_req_event(produced + static_cast<u32>(lie));
    for (int i = 0; i < 2; ++i) {
      life.ios.push_back(life.disk->start(Operation::kRead, 0, data, 512));
      ASSERT_NE(life.ios.back(), nullptr);
    }
    life.disk->publish();
    life.disk->publish();  // with nothing new
    EXPECT_EQ(counters.notifications.relaxed() - before, lie == 1 || lie == 2 ? 1u : 0u) << lie;
    life.backend.queue().process();
  }
  life.end();
  expect_no_trace();
}

// XSA-391, CVE-2021-28711: an event storm. Each event without a response is counted and reported to
// the OS as without work, so that it can slow the channel down.
TEST_F(HostileRing, XSA391_AnEventStormIsReportedAsWithoutWork) {
  Life life(machine);
  ASSERT_TRUE(life.connect());
  const u64 idle_before = machine.upcalls_without_work;
  const u64 counted_before = count(life, &block::ConsumerCounters::idle_upcalls);
  for (int i = 0; i < 1000; ++i) {
    life.backend.queue().notify();
    machine.settle();
  }
  EXPECT_EQ(machine.upcalls_without_work - idle_before, 1000u);
  EXPECT_EQ(count(life, &block::ConsumerCounters::idle_upcalls) - counted_before, 1000u);
  const u64 idle_after = machine.upcalls_without_work;
  const auto io = life.submit(Operation::kRead, 0, 512);
  EXPECT_TRUE(io->finished) << "the disk itself goes on";
  EXPECT_EQ(machine.upcalls_without_work, idle_after) << "an event with an answer had work";
  life.end();
  expect_no_trace();
}

TEST_F(HostileRing, XSA391_AStormAfterALieFindsNobodyListening) {
  Life life(machine);
  ASSERT_TRUE(life.connect());
  life.disk->poll_in_upcall = false;  // so that the queue stays to be stormed
  life.backend.queue().show_index(500);
  life.disk->poll();
  ASSERT_TRUE(life.disk->queue().broken());
  const u64 idle_before = machine.upcalls_without_work;
  life.disk->poll_in_upcall = true;
  for (int i = 0; i < 100; ++i) {
    life.backend.queue().notify();
    machine.events.pump(kGuest);
  }
  EXPECT_EQ(machine.upcalls_without_work - idle_before, 100u);
  EXPECT_EQ(life.lines("broke the block protocol"), 1u) << "a storm fills no log";
  machine.settle();
  expect_given_up(life, "broke the block protocol");
  life.end();
  expect_no_trace();
}

// "unbind irq before tearing down ring and shadow requests": the channel is closed before what its
// upcall uses is freed. Events until the very end, and after it.
TEST_F(HostileRing, AnEventStormDuringRemovalTouchesNothingFreed) {
  for (const block::DataMode mode : kModes) {
    Life life(machine);
    life.mode(mode);
    ASSERT_TRUE(life.connect());
    life.backend.behaviour.hold = true;
    life.submit(Operation::kRead, 0, kPageSize);
    machine.add_actor(this, [&life] {
      if (!life.backend.connected()) return false;
      life.backend.queue().notify();
      return true;
    });
    machine.events.set_delivery(kGuest, Delivery::kImmediate);
    life.disk->remove();
    machine.remove_actor(this);
    machine.events.set_delivery(kGuest, Delivery::kPumped);
    EXPECT_TRUE(life.ios[0]->finished);
    life.end();
    expect_no_trace();
  }
}

// Silence: what is in flight waits as long as the backend is there, and is given up at removal.
TEST_F(HostileRing, ABackendThatNeverAnswersKeepsNoRequestAtRemoval) {
  for (const block::DataMode mode : kModes) {
    Life life(machine);
    life.mode(mode);
    life.backend.allow_flush();
    life.backend.allow_indirect(32);
    ASSERT_TRUE(life.connect());
    life.backend.behaviour.tamper = [](blkif_response&) { return false; };
    life.submit(Operation::kRead, 0, kPageSize);
    life.submit(Operation::kWrite, 8, 20 * kPageSize);
    life.submit(Operation::kFlush, 0, 0);
    EXPECT_EQ(life.disk->in_flight(), 3u);
    life.disk->remove();
    for (const auto& io : life.ios) EXPECT_TRUE(io->finished && io->given_up);
    EXPECT_EQ(life.lines("broke the block protocol"), 0u) << "silence breaks no rule";
    life.end();
    expect_no_trace();
  }
}

}  // namespace
}  // namespace fakes
}  // namespace pvk
