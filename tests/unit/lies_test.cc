// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The plain lies of a backend on the ring. Each costs it this device: counted once, one clear line,
// everything in flight fails, nothing is freed that it may still hold, other disks go on.
#include <gtest/gtest.h>

#include "fakes/access_trace.h"
#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::ConsumerCounters;
using block::Operation;
using block::Outcome;

class Lie : public DiskTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(connect());
    backend->behaviour.hold = true;
    data = disk->buffer(4 * kPageSize);
    std::memset(data, 0x33, 4 * kPageSize);
    for (u64 i = 0; i < 3; ++i) {
      ios.push_back(disk->start(Operation::kRead, i * 8, data + i * kPageSize, kPageSize));
      ASSERT_NE(ios.back(), nullptr);
    }
    disk->publish();
    machine.settle();
    ASSERT_EQ(backend->queue().held(), 3u);
  }
  static blkif_response response(u64 id, i16 status = BLKIF_RSP_OKAY) {
    blkif_response made{};
    made.id = id;
    made.operation = BLKIF_OP_READ;
    made.status = status;
    return made;
  }
  // The queue is the device's and goes with it, so counters are looked at before that happens.
  void tell(const std::function<void()>& lie, block::Counter ConsumerCounters::*counter) {
    disk->poll_in_upcall = false;
    lie();
    machine.settle();
    disk->poll();
    EXPECT_TRUE(disk->queue().broken());
    EXPECT_EQ((disk->queue().consumer_counters().*counter).relaxed(), 1u);
    disk->poll();  // it is not listened to again
    EXPECT_EQ((disk->queue().consumer_counters().*counter).relaxed(), 1u);
    EXPECT_EQ(disk->start(Operation::kRead, 0, data, 512), nullptr);
    EXPECT_EQ(disk->why(), Error::kGone);
    machine.settle();  // the port reports the failure
    EXPECT_EQ(disk->device().phase(), Phase::kFailed);
    EXPECT_EQ(machine.logged(PVK_LOG_ERROR, "protocol"), 1u);
    for (const auto& io : ios) EXPECT_TRUE(io->finished);
    machine.settle();
    EXPECT_EQ(backend->state(), 6);

    ModelBackend other(machine, kXvda + 16, kSectors);
    GuestDisk second(machine, other);
    other.offer();
    EXPECT_TRUE(second.connect());
  }

  u8* data = nullptr;
  std::vector<std::shared_ptr<Io>> ios;
};

TEST_F(Lie, AnIdThatNoRequestCanHave) {
  tell([&] { backend->queue().push_raw(response(32)); }, &ConsumerCounters::bad_id);
}
TEST_F(Lie, AnIdOfManyBits) {
  tell([&] { backend->queue().push_raw(response(u64{1} << 32)); }, &ConsumerCounters::bad_id);
}
TEST_F(Lie, TheIdOfAnIdleSlot) {
  tell([&] { backend->queue().push_raw(response(17)); }, &ConsumerCounters::idle_id);
}
TEST_F(Lie, TheSameAnswerTwice) {
  tell(
      [&] {
        backend->queue().complete_held(1);
        backend->queue().push_raw(response(ios[0]->request.tag));
      },
      &ConsumerCounters::idle_id);
  EXPECT_EQ(ios[0]->outcome, Outcome::kDone);
}
TEST_F(Lie, AStatusThatTheProtocolDoesNotKnow) {
  tell([&] { backend->queue().push_raw(response(0, 1)); }, &ConsumerCounters::bad_status);
}
TEST_F(Lie, ANegativeStatusThatTheProtocolDoesNotKnow) {
  tell([&] { backend->queue().push_raw(response(0, -3)); }, &ConsumerCounters::bad_status);
}
TEST_F(Lie, AnIndexBeyondTheRing) {
  tell(
      [&] {
        backend->queue().show_index(33);
        backend->queue().notify();
      },
      &ConsumerCounters::bad_index);
}
TEST_F(Lie, AnIndexThatRunsBackwards) {
  tell(
      [&] {
        backend->queue().show_index(~0u);
        backend->queue().notify();
      },
      &ConsumerCounters::bad_index);
}
// Within the ring, beyond what was asked: the slots hold old requests or nothing.
TEST_F(Lie, AnIndexBeyondWhatWasAsked) {
  disk->poll_in_upcall = false;
  backend->queue().show_index(32);
  backend->queue().notify();
  machine.settle();
  disk->poll();
  EXPECT_TRUE(disk->queue().broken());
  machine.settle();
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
  for (const auto& io : ios) EXPECT_TRUE(io->finished);
}

TEST_F(Lie, APageKeptAfterTheAnswer) {
  backend->behaviour.keep_grants = true;
  tell([&] { backend->queue().complete_held(1); }, &ConsumerCounters::parked);
  // The backend was closed since and let go: nothing of it stays for the fixture to find.
  EXPECT_GE(machine.parked_ever(), 1u);
}

// The backend keeps the page for good: it is parked, not freed and not used again.
TEST_F(Lie, APageNeverGivenBackStaysParked) {
  const blkif_request request = backend->queue().ring().request(0);
  const Mapping stolen = machine.grants.map(kBackend, request.seg[0].gref, true);
  ASSERT_TRUE(stolen.ok());
  backend->queue().complete_held();
  machine.settle();
  machine.retry_parked();
  EXPECT_EQ(machine.grants.parked(), 1u);
  EXPECT_TRUE(machine.grants.is_published(request.seg[0].gref));
  machine.grants.unmap(stolen);
  machine.retry_parked();
  EXPECT_EQ(machine.grants.parked(), 0u);
}

// Read once: what the backend writes after our copy was made changes nothing.
TEST_F(Lie, AResponseThatChangesUnderOurEyesIsReadOnce) {
  ASSERT_TRUE(AccessTrace::available());
  disk->poll_in_upcall = false;
  backend->queue().push_raw(response(1));
  machine.settle();
  void* const page = disk->queue().ring_pages().data();
  const size_t slot = BackRing::kHeader;
  {
    AccessTrace trace(page, 1);
    trace.after_each([&](const Access& access) {
      if (access.write || access.offset < slot || access.offset >= slot + BackRing::kSlot) return;
      backend->queue().ring().put_response(0, response(~u64{0}, 77));
    });
    // Not poll(): that would re-arm and read on.
    u32 tag = 0;
    const Result<block::Outcome> next = disk->queue().next(tag);
    trace.stop();
    for (size_t word = 0; word < sizeof(blkif_response); word += 8) {
      EXPECT_LE(trace.loads(slot + word, 8), 1u) << "word at " << word << " was read twice";
    }
    // Torn between two words at worst: then the status is the lie, and is refused as one.
    if (next.ok()) {
      EXPECT_EQ(tag, 1u);
    } else {
      EXPECT_EQ(next.error(), Error::kBackendProtocol);
    }
  }
  disk->device().fail();
  machine.settle();
}

// An honest answer reaches the user even when a lie follows it in the same batch.
TEST_F(Lie, AnHonestAnswerBeforeALieCounts) {
  disk->poll_in_upcall = false;
  std::memset(backend->disk().at(0), 0x44, kPageSize);
  backend->queue().complete_held(1);
  backend->queue().push_raw(response(500));
  machine.settle();
  disk->poll();
  EXPECT_EQ(ios[0]->outcome, Outcome::kDone);
  EXPECT_EQ(data[0], 0x44);
  machine.settle();
  EXPECT_EQ(ios[2]->outcome, Outcome::kFailed);
}

}  // namespace
}  // namespace pvk::fakes
