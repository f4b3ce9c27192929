// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend that goes away while requests are in flight and comes back, perhaps as another one: the
// disk stays, what was in flight is sent again, and every byte is right afterwards.
#include <gtest/gtest.h>
#include <xen/io/xenbus.h>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::Operation;
using block::Outcome;
using block::Params;

constexpr size_t kBytes = 3 * kPageSize;

class Replay : public DiskTest {
 protected:
  // A write and a read that the backend has taken and does not answer.
  void start_two() {
    ASSERT_TRUE(connect(cpus));
    fill(backend->disk().at(64), kBytes, 7);
    backend->behaviour.hold = true;
    out = disk->buffer(kBytes);
    in = disk->buffer(kBytes);
    fill(out, kBytes, 8);
    write = disk->run(Operation::kWrite, 0, out, kBytes);
    read = disk->run(Operation::kRead, 64, in, kBytes, cpus - 1);
    ASSERT_NE(write, nullptr);
    ASSERT_NE(read, nullptr);
    ASSERT_FALSE(write->finished || read->finished);
  }
  // The backend's memory of us is gone; its disk is not.
  void kill() {
    backend->disconnect();
    backend->behaviour.hold = false;
  }
  void come_back() {
    backend->offer();
    machine.settle();
  }
  void expect_both_done() {
    EXPECT_TRUE(disk->up());
    EXPECT_EQ(disk->attached, 1u);
    EXPECT_EQ(disk->detached, 0u);
    ASSERT_TRUE(write->finished && read->finished);
    EXPECT_EQ(write->outcome, Outcome::kDone);
    EXPECT_EQ(read->outcome, Outcome::kDone);
    EXPECT_EQ(std::memcmp(backend->disk().at(0), out, kBytes), 0);
    EXPECT_EQ(std::memcmp(in, backend->disk().at(64), kBytes), 0);
    expect_round_trip(128, 2 * kBytes);
  }

  u32 cpus = 1;
  u8* out = nullptr;
  u8* in = nullptr;
  std::shared_ptr<Io> write, read;
};

TEST_F(Replay, AfterABackendWasKilledAndStartsOver) {
  start_two();
  kill();
  come_back();
  EXPECT_EQ(disk->holds, 1u);
  expect_both_done();
}

TEST_F(Replay, AfterABackendClosedAndIsAskedBack) {
  start_two();
  backend->behaviour.hold = false;
  backend->pause();
  machine.settle();  // Closing, our Closed, its Closed, our Initialising, its InitWait, and so on
  EXPECT_EQ(disk->holds, 1u);
  expect_both_done();
}

TEST_F(Replay, RequestsWaitWhileTheBackendIsAway) {
  start_two();
  kill();
  backend->set_state(XenbusStateInitialising);
  machine.settle();
  EXPECT_TRUE(disk->held());
  EXPECT_EQ(disk->device().phase(), Phase::kWaiting);
  u8* const data = disk->buffer(kBytes);
  fill(data, kBytes, 9);
  const auto late = disk->run(Operation::kWrite, 256, data, kBytes);
  EXPECT_FALSE(late->finished);
  come_back();
  ASSERT_TRUE(late->finished);
  EXPECT_EQ(late->outcome, Outcome::kDone);
  EXPECT_EQ(std::memcmp(backend->disk().at(256), data, kBytes), 0);
  expect_both_done();
}

TEST_F(Replay, SeveralTimesForTheSameRequest) {
  start_two();
  for (int i = 0; i < 5; ++i) {
    backend->disconnect();
    come_back();
    EXPECT_FALSE(write->finished);
  }
  kill();
  come_back();
  EXPECT_EQ(disk->holds, 6u);
  expect_both_done();
}

TEST_F(Replay, ADetachWhileTheBackendIsAwayFailsWhatWaits) {
  start_two();
  kill();
  backend->set_state(XenbusStateInitialising);
  machine.settle();
  backend->close();
  machine.settle();
  EXPECT_FALSE(disk->up());
  EXPECT_TRUE(write->given_up && read->given_up);
  EXPECT_EQ(backend->frontend_state(), XenbusStateClosed);
}

TEST_F(Replay, RemovalWhileTheBackendIsAwayFailsWhatWaits) {
  start_two();
  kill();
  backend->set_state(XenbusStateInitialising);
  machine.settle();
  disk->remove();
  EXPECT_TRUE(write->given_up && read->given_up);
}

// The port's clock decides when; the device is told so.
TEST_F(Replay, ABackendThatStaysAwayCostsTheDisk) {
  start_two();
  kill();
  backend->set_state(XenbusStateInitialising);
  machine.settle();
  disk->device().fail();
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
  EXPECT_TRUE(write->given_up && read->given_up);
}

// It starts over and still has the pages: it may write to the reader's memory any time.
TEST_F(Replay, ARequestWhosePagesAreKeptFailsInstead) {
  params.feature_persistent = false;
  start_two();
  backend->set_state(XenbusStateInitialising);
  disk->poll_in_upcall = false;
  machine.guest_xenstore.dispatch();
  EXPECT_TRUE(write->given_up && read->given_up);
  EXPECT_EQ(disk->waiting(), 0u);
  EXPECT_NE(machine.grants.parked(), 0u);
  backend->disconnect();
}

TEST_F(Replay, ABackendWithOtherSectorsIsNoReturn) {
  start_two();
  kill();
  backend->offered.late["sector-size"] = "4096";
  backend->offered.late["physical-sector-size"] = "4096";
  come_back();
  EXPECT_FALSE(disk->up());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
  EXPECT_EQ(machine.logged(PVK_LOG_ERROR, "sectors of 4096 bytes instead of 512"), 1u);
}

TEST_F(Replay, AnotherSizeIsTold) {
  start_two();
  kill();
  backend->offered.late["sectors"] = std::to_string(kSectors / 2);
  come_back();
  EXPECT_EQ(disk->resized_to, kSectors / 2);
  expect_both_done();
}

TEST_F(Replay, AfterTheDomainWasRestored) {
  backend->allow_persistent();
  start_two();
  kill();
  backend->set_state(XenbusStateInitWait);  // the other host's, before the domain runs
  machine.grants.empty_table();
  disk->device().resumed();
  EXPECT_EQ(backend->frontend_state(), XenbusStateInitialising);
  come_back();
  EXPECT_EQ(disk->holds, 1u);
  expect_both_done();
}

// Memory was saved page by page while the backend still worked: an answer in the ring says nothing
// of the data that should have come before it.
TEST_F(Replay, AnAnswerOfAFormerLifeIsNotBelieved) {
  backend->allow_persistent();
  start_two();
  disk->poll_in_upcall = false;
  blkif_response answer{};
  answer.id = read->request.tag;
  answer.operation = BLKIF_OP_READ;
  backend->queue().push_raw(answer);  // its data is not there
  kill();
  backend->set_state(XenbusStateInitWait);
  machine.grants.empty_table();
  disk->device().resumed();
  EXPECT_FALSE(read->finished);
  disk->poll_in_upcall = true;
  come_back();
  expect_both_done();
}

// What another host's backend may offer instead.
struct Other {
  const char* name;
  void (*change)(ModelBackend& backend);
};
class ReplayElsewhere : public Replay, public testing::WithParamInterface<Other> {};
INSTANTIATE_TEST_SUITE_P(
    With, ReplayElsewhere,
    testing::Values(Other{"FewerQueues", [](ModelBackend& b) { b.allow_queues(2); }},
                    Other{"OneQueue", [](ModelBackend& b) { b.allow_queues(1); }},
                    Other{"MoreQueues", [](ModelBackend& b) { b.allow_queues(8); }},
                    Other{"ASmallerRing", [](ModelBackend& b) { b.allow_ring_order(0); }},
                    Other{"ALargerRing", [](ModelBackend& b) { b.allow_ring_order(4); }},
                    Other{"PersistentGrants", [](ModelBackend& b) { b.allow_persistent(); }},
                    Other{"Flushes", [](ModelBackend& b) { b.allow_flush(); }}),
    [](const auto& other) { return std::string(other.param.name); });

TEST_P(ReplayElsewhere, EveryQueueGoesOn) {
  cpus = 4;
  params.max_queues = 4;
  params.max_ring_page_order = 4;
  backend->allow_queues(4);
  backend->allow_ring_order(1);
  start_two();
  kill();
  GetParam().change(*backend);
  come_back();
  expect_both_done();
  // More at once than the smallest of these rings has slots.
  std::vector<std::shared_ptr<Io>> all;
  for (u32 queue = 0; queue < 4; ++queue) {
    for (u32 i = 0; i < 40; ++i) {
      u8* const data = disk->buffer(kPageSize);
      fill(data, kPageSize, queue * 100 + i);
      auto io = disk->start(Operation::kWrite, (queue * 40 + i) * 8, data, kPageSize, queue);
      if (io != nullptr) all.push_back(io);
      if (io == nullptr) machine.settle();
      disk->publish(queue);
    }
  }
  machine.settle();
  EXPECT_GE(all.size(), 32u);
  for (const auto& io : all) {
    ASSERT_TRUE(io->finished);
    EXPECT_EQ(io->outcome, Outcome::kDone);
    EXPECT_EQ(
        std::memcmp(backend->disk().at(io->request.sector), io->segments[0].address, kPageSize), 0);
  }
}

}  // namespace
}  // namespace pvk::fakes
