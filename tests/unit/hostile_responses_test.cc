// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend whose answers are wrong: ids, statuses, repetitions, in every way that data can be
// transferred. lies_test has the plain cases; here are all values and all modes.
#include <gtest/gtest.h>

#include "unit/hostile_test.h"

namespace pvk::fakes {
namespace {

using block::ConsumerCounters;
using block::DataMode;
using block::Operation;
using block::Outcome;

blkif_response response(u64 id, i16 status = BLKIF_RSP_OKAY) {
  blkif_response made{};
  made.id = id;
  made.operation = BLKIF_OP_READ;
  made.status = status;
  return made;
}

class HostileResponses : public HostileTest {
 protected:
  // A disk with a request of every kind in flight: tags 0 to 4.
  void open(Life& life, DataMode mode) {
    life.mode(mode);
    life.backend.allow_flush();
    life.backend.allow_discard();
    life.backend.allow_indirect(32);
    life.backend.behaviour.hold = true;
    ASSERT_TRUE(life.connect());
    life.submit(Operation::kRead, 0, kPageSize);
    life.submit(Operation::kWrite, 64, kPageSize);
    life.submit(Operation::kRead, 128, 20 * kPageSize);
    life.submit(Operation::kFlush, 0, 0);
    life.ios.push_back(life.disk->discard(256, 8));
    ASSERT_EQ(life.backend.queue().held(), kInFlight);
  }
  // Tells one lie in a life of its own. It ends that disk, is counted once and says why.
  void lie(DataMode mode, const std::function<void(Life&)>& tell,
           block::Counter ConsumerCounters::*counter, const char* reason) {
    Life life(machine);
    open(life, mode);
    life.disk->poll_in_upcall = false;
    tell(life);
    machine.settle();
    life.disk->poll();
    life.disk->poll();  // it is not listened to again
    EXPECT_TRUE(life.disk->queue().broken());
    EXPECT_EQ((life.disk->queue().consumer_counters().*counter).relaxed(), 1u);
    machine.settle();
    expect_given_up(life, reason);
    life.end();
    expect_no_trace();
  }
  static constexpr u64 kInFlight = 5;
};

// "bound backend response req_id" (2026): an id is an index only after it was compared. Around
// every power of two, where a narrower type would cut the id down to one that is in flight.
TEST_F(HostileResponses, NoIdBeyondTheRingIsAnIndex) {
  for (unsigned bit = 5; bit < 64; ++bit) {
    for (const u64 id : {(u64{1} << bit) - (bit == 5 ? 0u : 1u), u64{1} << bit, (u64{1} << bit) + 1,
                         ~u64{0} << bit}) {
      SCOPED_TRACE(id);
      const auto tell = [id](Life& life) { life.backend.queue().push_raw(response(id)); };
      lie(DataMode::kDirect, tell, &ConsumerCounters::bad_id, "unknown id");
    }
  }
}

TEST_F(HostileResponses, NoIdOfAnIdleRequestIsBelieved) {
  for (const DataMode mode : kModes) {
    for (u64 id = kInFlight; id < 32; ++id) {
      SCOPED_TRACE(id);
      const auto tell = [id](Life& life) { life.backend.queue().push_raw(response(id)); };
      lie(mode, tell, &ConsumerCounters::idle_id, "id not in flight");
    }
  }
}

// XSA-396, CVE-2022-23036 to -23042: a device's word leads to no BUG and to no second release.
TEST_F(HostileResponses, XSA396_TheSecondAnswerToARequestReleasesNothing) {
  for (const DataMode mode : kModes) {
    for (u64 id = 0; id < kInFlight; ++id) {
      SCOPED_TRACE(id);
      const auto at_once = [id](Life& life) {
        life.backend.queue().complete_held();
        life.backend.queue().push_raw(response(id));
      };
      lie(mode, at_once, &ConsumerCounters::idle_id, "id not in flight");
      const auto later = [&](Life& life) {
        life.backend.queue().complete_held();
        machine.settle();
        life.disk->poll();
        life.backend.queue().push_raw(response(id));
      };
      lie(mode, later, &ConsumerCounters::idle_id, "id not in flight");
    }
  }
}

TEST_F(HostileResponses, ThreeStatusesExistAndNoOther) {
  std::vector<int> wrong = {1, 2, 3, 100, -3, -4, -5, -22, -95, 32767, -32768, -32767};
  for (int bit = 2; bit < 15; ++bit) {
    wrong.push_back(1 << bit);
    wrong.push_back(-(1 << bit));
  }
  for (const int status : wrong) {
    SCOPED_TRACE(status);
    const auto tell = [status](Life& life) {
      life.backend.queue().push_raw(response(0, static_cast<i16>(status)));
    };
    lie(DataMode::kPersistent, tell, &ConsumerCounters::bad_status, "unknown status");
  }
}

TEST_F(HostileResponses, AnErrorCopiesNothingIntoTheReader) {
  for (const DataMode mode : {DataMode::kPersistent, DataMode::kBounce}) {
    for (const i16 status : {i16{BLKIF_RSP_ERROR}, i16{BLKIF_RSP_EOPNOTSUPP}}) {
      Life life(machine);
      life.mode(mode);
      ASSERT_TRUE(life.connect());
      life.backend.behaviour.tamper = [status](blkif_response& made) {
        made.status = status;
        return true;
      };
      std::memset(life.backend.disk().at(0), 0x77, kPageSize);
      u8* const data = life.disk->buffer(kPageSize);
      std::memset(data, 0x11, kPageSize);
      const auto io = life.disk->run(Operation::kRead, 0, data, kPageSize);
      EXPECT_EQ(io->outcome, status == BLKIF_RSP_ERROR ? Outcome::kFailed : Outcome::kUnsupported);
      for (size_t i = 0; i < kPageSize; ++i) ASSERT_EQ(data[i], 0x11);
      life.end();
      expect_no_trace();
    }
  }
}

// The operation in a response decides nothing: we know what we asked.
TEST_F(HostileResponses, TheOperationInAnAnswerIsNotLookedAt) {
  for (int operation = 0; operation < 256; ++operation) {
    Life life(machine);
    life.mode(DataMode::kBounce);
    ASSERT_TRUE(life.connect());
    life.backend.behaviour.tamper = [operation](blkif_response& made) {
      made.operation = static_cast<u8>(operation);
      return true;
    };
    std::memset(life.backend.disk().at(0), 0x5a, 512);
    u8* const data = life.disk->buffer(512);
    const auto io = life.disk->run(Operation::kRead, 0, data, 512);
    EXPECT_EQ(io->outcome, Outcome::kDone);
    EXPECT_EQ(data[511], 0x5a);
    life.end();
    expect_no_trace();
  }
}

// Two queues have the same tags; an answer counts only on the ring that was asked.
TEST_F(HostileResponses, AnAnswerOnTheOtherQueueIsNoAnswer) {
  Life life(machine, {}, 2);
  life.backend.allow_queues(2);
  life.backend.behaviour.hold = true;
  ASSERT_TRUE(life.connect());
  const auto io = life.submit(Operation::kRead, 0, kPageSize, 0);
  life.backend.queue(1).push_raw(response(io->request.tag));
  machine.settle();
  expect_given_up(life, "id not in flight");
  EXPECT_TRUE(io->given_up);
  life.end();
  expect_no_trace();
}

// The backend guesses the tag of a request that is written and not shown yet. It is in flight by
// then, so it ends early: its data is what a backend can answer anyway, its pages are released
// once.
TEST_F(HostileResponses, AnAnswerToARequestNotYetShownHarmsNobodyElse) {
  for (const DataMode mode : kModes) {
    Life life(machine);
    life.mode(mode);
    ASSERT_TRUE(life.connect());
    u8* const data = life.disk->buffer(kPageSize);
    for (u64 round = 0; round < 3; ++round) {
      std::vector<u64> early;
      while (const auto io = life.disk->start(Operation::kRead, 0, data, kPageSize)) {
        life.ios.push_back(io);
        early.push_back(io->request.tag);
      }
      for (const u64 tag : early) life.backend.queue().push_raw(response(tag));
      machine.settle();
    }
    if (life.disk->up()) life.disk->publish();
    machine.settle();
    EXPECT_LE(life.lines("broke the block protocol"), 1u);
    life.end();
    forget_complaints_of_the_liar();
    expect_no_trace();
  }
}

// "Fix IO race during unplug" (2026): lies while the disk drains. The drain ends at once, each
// request ends once.
TEST_F(HostileResponses, ALieWhileTheDiskDrainsEndsTheDrain) {
  const std::function<void(ModelQueue&)> lies[] = {
      [](ModelQueue& queue) { queue.push_raw(response(31)); },
      [](ModelQueue& queue) { queue.push_raw(response(~u64{0})); },
      [](ModelQueue& queue) { queue.push_raw(response(0, 9)); },
      [](ModelQueue& queue) {
        queue.show_index(0x80000000);
        queue.notify();
      },
  };
  for (const auto& tell : lies) {
    for (const bool unplugged : {true, false}) {
      Life life(machine);
      open(life, DataMode::kDirect);
      machine.add_actor(this, [&, told = false]() mutable {
        if (told || life.disk->up() || !life.backend.connected()) return false;
        tell(life.backend.queue());
        return told = true;
      });
      if (unplugged) {
        life.backend.close();
        machine.settle();
      } else {
        life.disk->remove();
      }
      machine.remove_actor(this);
      EXPECT_FALSE(life.disk->up());
      for (const auto& io : life.ios) EXPECT_TRUE(io->finished);
      EXPECT_EQ(life.lines("broke the block protocol"), 1u);
      EXPECT_EQ(life.backend.frontend_state(), 6);
      life.end();
      expect_no_trace();
    }
  }
}

// The lie is the old backend's, and the requests are sent again to the new one.
TEST_F(HostileResponses, ALieJustBeforeARestartIsNotHeldAgainstTheNextBackend) {
  for (const DataMode mode : kModes) {
    Life life(machine);
    open(life, mode);
    life.backend.queue().push_raw(response(31));
    life.backend.disconnect();
    life.backend.behaviour.hold = false;
    life.backend.offer();
    machine.settle();
    EXPECT_TRUE(life.disk->up() && !life.disk->held());
    EXPECT_EQ(life.lines("broke the block protocol"), 1u);
    for (const auto& io : life.ios) EXPECT_EQ(io->outcome, Outcome::kDone);
    life.end();
    expect_no_trace();
  }
}

}  // namespace
}  // namespace pvk::fakes
