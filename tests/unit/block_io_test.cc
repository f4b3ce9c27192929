// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Data through the block frontend, in every mode.
#include <gtest/gtest.h>

#include <set>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

class BlockIo : public DiskTest {};

// What the modes have in common is tested in all of them.
class EveryMode : public DiskTest, public testing::WithParamInterface<DataMode> {
 protected:
  EveryMode() {
    if (GetParam() == DataMode::kPersistent) backend->allow_persistent();
    params.trusted = GetParam() != DataMode::kBounce;
    backend->allow_flush();
    backend->allow_indirect(64);
    params.max_indirect_segments = 64;
  }
  void SetUp() override {
    ASSERT_TRUE(connect());
    ASSERT_EQ(disk->plan().data_mode, GetParam());
  }
};

INSTANTIATE_TEST_SUITE_P(All, EveryMode,
                         testing::Values(DataMode::kDirect, DataMode::kPersistent,
                                         DataMode::kBounce),
                         [](const auto& mode) { return std::string(block::to_text(mode.param)); });

TEST_P(EveryMode, OneSector) { expect_round_trip(7, 512, 1024); }
TEST_P(EveryMode, OnePage) { expect_round_trip(8, kPageSize); }
TEST_P(EveryMode, EndOfAPage) { expect_round_trip(9, 512, kPageSize - 512); }
TEST_P(EveryMode, UnalignedAcrossPages) { expect_round_trip(10, 2 * kPageSize, 1536); }
TEST_P(EveryMode, ElevenSegments) { expect_round_trip(16, 11 * kPageSize); }
TEST_P(EveryMode, FirstIndirectSize) {
  expect_round_trip(16, 12 * kPageSize);
  EXPECT_EQ(backend->queue().indirect_seen(), 2u);
}
TEST_P(EveryMode, LargestRequest) { expect_round_trip(100, 64 * kPageSize); }
TEST_P(EveryMode, LastSectorOfTheDisk) { expect_round_trip(kSectors - 1, 512); }

TEST_P(EveryMode, AnErrorIsReportedAndNothingIsCopiedOut) {
  u8* const data = disk->buffer(kPageSize);
  std::memset(data, 0x11, kPageSize);
  const auto io = disk->run(Operation::kRead, kSectors, data, kPageSize);
  ASSERT_TRUE(io->finished);
  EXPECT_EQ(io->outcome, Outcome::kFailed);
  for (size_t i = 0; i < kPageSize; ++i) ASSERT_EQ(data[i], 0x11);
  EXPECT_EQ(disk->queue().consumer_counters().errors.relaxed(), 1u);
  expect_round_trip(0, kPageSize);  // and the disk goes on
}

TEST_P(EveryMode, NothingStaysGrantedButPersistentPages) {
  const size_t before = machine.grants.published();
  expect_round_trip(0, 20 * kPageSize);
  const bool persistent = GetParam() == DataMode::kPersistent;
  // 20 data pages; the page of descriptors came with the connection.
  EXPECT_LE(machine.grants.published() - before, persistent ? 20u : 0u);
  EXPECT_EQ(backend->queue().persistent_mappings() != 0, persistent);
}

TEST_P(EveryMode, RandomTrafficInRandomOrderMatchesAReferenceCopy) {
  backend->behaviour.order = Order::kRandom;
  backend->behaviour.hold = true;
  std::vector<u8> reference(kSectors * 512);
  std::mt19937_64 random(GetParam() == DataMode::kDirect ? 1 : 2);
  struct Job {
    std::shared_ptr<Io> io;
    u64 sector;
    u8* data;
    size_t bytes;
    bool write;
  };
  constexpr u64 kSlots = 8;  // regions of the disk; one request at a time in each
  constexpr u64 kRegion = kSectors / kSlots;
  std::vector<u8*> memory;
  for (u64 slot = 0; slot < kSlots; ++slot) memory.push_back(disk->buffer(65 * kPageSize));
  for (int round = 0; round < 150; ++round) {
    std::vector<Job> jobs;
    for (u64 slot = 0; slot < kSlots; ++slot) {
      const u64 sectors = 1 + random() % (random() % 4 == 0 ? kRegion - 8 : 16);
      const u64 sector = slot * kRegion + random() % (kRegion - sectors);
      u8* const data = memory[slot] + (random() % 8) * 512;
      Job job{nullptr, sector, data, sectors * 512, random() % 2 == 0};
      if (job.bytes > 63 * kPageSize) job.bytes = 63 * kPageSize;
      fill(data, job.bytes, random());
      job.io = disk->start(job.write ? Operation::kWrite : Operation::kRead, job.sector, data,
                           job.bytes);
      if (job.io == nullptr) continue;  // the pool is used up: fine, others are in flight
      if (job.write) std::memcpy(&reference[sector * 512], data, job.bytes);
      jobs.push_back(job);
    }
    ASSERT_FALSE(jobs.empty());
    disk->publish();
    machine.settle();
    while (backend->queue().held() != 0) {
      backend->queue().complete_held(1 + random() % 3);
      machine.settle();
    }
    for (const Job& job : jobs) {
      ASSERT_TRUE(job.io->finished);
      ASSERT_EQ(job.io->outcome, Outcome::kDone);
      ASSERT_EQ(std::memcmp(&reference[job.sector * 512], job.data, job.bytes), 0);
    }
  }
  EXPECT_EQ(std::memcmp(reference.data(), backend->disk().at(0), reference.size()), 0);
}

TEST_F(BlockIo, PersistentPagesUsedAgainCostNoGrantOperation) {
  backend->allow_persistent();
  ASSERT_TRUE(connect());
  expect_round_trip(0, 4 * kPageSize);
  const u64 before = machine.grants.operations();
  for (int i = 0; i < 10; ++i) expect_round_trip(0, 4 * kPageSize);
  EXPECT_EQ(machine.grants.operations(), before);
}

TEST_F(BlockIo, DirectDataIsGrantedReadOnlyForWritesAndNotCopied) {
  ASSERT_TRUE(connect());
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(kPageSize);
  const auto io = disk->run(Operation::kWrite, 0, data, kPageSize);
  ASSERT_EQ(backend->queue().held(), 1u);
  data[100] = 0x77;  // the backend sees the very page
  backend->queue().complete_held();
  machine.settle();
  EXPECT_TRUE(io->finished);
  EXPECT_EQ(backend->disk().at(0)[100], 0x77);
}

TEST_F(BlockIo, ABatchIsOnePublishAndOneEvent) {
  ASSERT_TRUE(connect());
  u8* const data = disk->buffer(8 * kPageSize);
  const u64 before = machine.events.sent_by(kGuest);
  for (u64 i = 0; i < 8; ++i) {
    ASSERT_NE(disk->start(Operation::kRead, i * 8, data + i * kPageSize, kPageSize), nullptr);
  }
  machine.settle();
  EXPECT_EQ(backend->queue().requests_seen(), 0u) << "seen before it was published";
  disk->publish();
  disk->publish();  // nothing new: no event
  EXPECT_EQ(machine.events.sent_by(kGuest) - before, 1u);
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
  EXPECT_EQ(backend->queue().requests_seen(), 8u);
}

TEST_F(BlockIo, NoEventWhileTheBackendIsLooking) {
  ASSERT_TRUE(connect());
  u8* const data = disk->buffer(2 * kPageSize);
  disk->start(Operation::kRead, 0, data, kPageSize);
  disk->publish();
  const u64 before = machine.events.sent_by(kGuest);
  disk->start(Operation::kRead, 8, data + kPageSize, kPageSize);
  disk->publish();  // the backend has not yet asked again: req_event is behind
  EXPECT_EQ(machine.events.sent_by(kGuest), before);
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
}

TEST_F(BlockIo, TheRingTakesAllItsSlotsAndNoMore) {
  ASSERT_TRUE(connect());
  EXPECT_EQ(disk->plan().depth, 32u);
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(kPageSize);
  for (u32 i = 0; i < 32; ++i) {
    ASSERT_NE(disk->start(Operation::kRead, i, data, 512), nullptr) << i;
  }
  EXPECT_EQ(disk->start(Operation::kRead, 0, data, 512), nullptr);
  disk->publish();
  machine.settle();
  EXPECT_EQ(backend->queue().held(), 32u);
  const std::vector<u64>& ids = backend->queue().ids();
  EXPECT_EQ(std::set<u64>(ids.begin(), ids.end()).size(), 32u);
  backend->queue().complete_held();
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
}

TEST_F(BlockIo, ManyTimesAroundTheRing) {
  backend->behaviour.order = Order::kReversed;
  ASSERT_TRUE(connect());
  u8* const data = disk->buffer(kPageSize);
  for (u64 i = 0; i < 1000; ++i) {
    for (u64 j = 0; j < 1 + i % 7; ++j) disk->start(Operation::kWrite, i % 64, data, 512);
    disk->publish();
    machine.settle();
    ASSERT_EQ(disk->in_flight(), 0u);
  }
}

// The pool cannot hold 32 requests of 64 segments: some wait, and all are served in the end.
TEST_F(BlockIo, AFullPoolIsBusyAndThenServes) {
  backend->allow_persistent();
  backend->allow_indirect(256);
  params.max_indirect_segments = 256;
  ASSERT_TRUE(connect());
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(256 * kPageSize);
  u32 started = 0;
  while (disk->start(Operation::kWrite, 0, data, 256 * kPageSize) != nullptr) ++started;
  EXPECT_EQ(disk->why(), Error::kBusy);
  EXPECT_EQ(started, disk->plan().pool_entries / 256);
  EXPECT_GE(disk->queue().producer_counters().busy.relaxed(), 1u);
  disk->publish();
  machine.settle();
  backend->queue().complete_held(1);
  machine.settle();
  EXPECT_NE(disk->start(Operation::kWrite, 0, data, 256 * kPageSize), nullptr);
  disk->publish();
  machine.settle();
  backend->queue().complete_held();
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
  // Small requests on other tags get entries back from the idle chains of the large ones.
  backend->behaviour.hold = false;
  for (u32 i = 0; i < 32; ++i) disk->start(Operation::kRead, i, data + i * kPageSize, 512);
  disk->publish();
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
}

TEST_F(BlockIo, WithoutFreshPagesPersistentRequestsWaitOrReuse) {
  backend->allow_persistent();
  ASSERT_TRUE(connect());
  machine.faults.fail_always(Call::kPagesAlloc);
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(11 * kPageSize);
  const auto first = disk->start(Operation::kWrite, 0, data, 11 * kPageSize);
  ASSERT_NE(first, nullptr) << "room for one request is made when the disk connects";
  EXPECT_EQ(disk->start(Operation::kWrite, 0, data, 512), nullptr);
  EXPECT_EQ(disk->why(), Error::kBusy);
  disk->publish();
  machine.settle();
  backend->queue().complete_held();
  machine.settle();
  EXPECT_TRUE(first->finished);
  EXPECT_NE(disk->start(Operation::kWrite, 0, data, 512), nullptr);
  disk->publish();
  machine.settle();
  backend->queue().complete_held();
  machine.settle();
  EXPECT_EQ(disk->in_flight(), 0u);
}

TEST_F(BlockIo, PersistentLimitOfTheBackendOnlyCostsSpeed) {
  backend->allow_persistent();
  backend->behaviour.persistent_limit = 4;
  ASSERT_TRUE(connect());
  expect_round_trip(0, 11 * kPageSize);
  EXPECT_EQ(backend->queue().persistent_mappings(), 4u);
}

// Nothing but what was meant for it: a bounced page carries no other data of the guest.
TEST_F(BlockIo, AnUntrustedBackendSeesZeroesBesideTheData) {
  params.trusted = false;
  ASSERT_TRUE(connect());
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(kPageSize);
  std::memset(data, 0x5e, kPageSize);
  disk->run(Operation::kWrite, 0, data + 1024, 512);
  const blkif_request request = backend->queue().ring().request(0);
  u8 page[kPageSize];
  ASSERT_TRUE(machine.grants.copy_from_guest(kBackend, request.seg[0].gref, 0, page, kPageSize));
  for (size_t i = 0; i < kPageSize; ++i) ASSERT_EQ(page[i], i >= 1024 && i < 1536 ? 0x5e : 0) << i;
  backend->queue().complete_held();
  machine.settle();
}

}  // namespace
}  // namespace pvk::fakes
