// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Flush, barrier and discard: on the wire only as the backend offers, and what it answers is told.
#include <gtest/gtest.h>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::Operation;
using block::Outcome;

class Features : public DiskTest {
 protected:
  Outcome run(Operation operation, u64 sector = 0, size_t bytes = 0) {
    u8* const data = bytes != 0 ? disk->buffer(bytes) : nullptr;
    if (data != nullptr) fill(data, bytes, 5);
    const auto io = disk->run(operation, sector, data, bytes);
    EXPECT_TRUE(io != nullptr && io->finished);
    return io == nullptr ? Outcome::kFailed : io->outcome;
  }
};

TEST_F(Features, AFlushHasNoDataAndFlushes) {
  backend->allow_flush();
  ASSERT_TRUE(connect());
  EXPECT_EQ(run(Operation::kFlush), Outcome::kDone);
  EXPECT_EQ(backend->disk().flushes, 1u);
}

TEST_F(Features, AFlushThatIsRefusedIsUnsupportedAndTheDiskGoesOn) {
  ASSERT_TRUE(connect());
  EXPECT_EQ(run(Operation::kFlush), Outcome::kUnsupported);
  EXPECT_EQ(run(Operation::kWrite, 0, kPageSize), Outcome::kDone);
}

TEST_F(Features, ABarrierWriteWritesAndFlushes) {
  backend->allow_barrier();
  ASSERT_TRUE(connect());
  EXPECT_EQ(run(Operation::kBarrierWrite, 8, kPageSize), Outcome::kDone);
  EXPECT_EQ(backend->disk().flushes, 1u);
  EXPECT_NE(backend->disk().at(8)[0] | backend->disk().at(8)[1], 0);
}

TEST_F(Features, AnEmptyBarrierIsAFlush) {
  backend->allow_barrier();
  ASSERT_TRUE(connect());
  EXPECT_EQ(run(Operation::kBarrierWrite), Outcome::kDone);
  EXPECT_EQ(backend->disk().flushes, 1u);
}

TEST_F(Features, ADiscardCarriesItsRangeAndNoGrant) {
  backend->allow_discard();
  ASSERT_TRUE(connect());
  std::memset(backend->disk().at(0), 0xff, 64 * 512);
  const u64 before = machine.grants.operations();
  const auto io = disk->discard(8, 16);
  ASSERT_NE(io, nullptr);
  EXPECT_EQ(io->outcome, Outcome::kDone);
  EXPECT_EQ(machine.grants.operations(), before);
  EXPECT_EQ(backend->disk().at(7)[511], 0xff);
  EXPECT_EQ(backend->disk().at(8)[0], 0);
  EXPECT_EQ(backend->disk().at(23)[511], 0);
  EXPECT_EQ(backend->disk().at(24)[0], 0xff);
  EXPECT_EQ(backend->disk().secure_discards, 0u);
}

TEST_F(Features, ASecureDiscardSaysSo) {
  backend->allow_discard();
  backend->offered.late["discard-secure"] = "1";
  ASSERT_TRUE(connect());
  ASSERT_NE(disk->discard(8, 16, true), nullptr);
  EXPECT_EQ(backend->disk().secure_discards, 1u);
}

// A slot holds what was there before: an old request's flag must not make a discard a secure one.
TEST_F(Features, ADiscardInAUsedSlotIsNotSecureByAccident) {
  backend->allow_discard();
  ASSERT_TRUE(connect());
  for (int i = 0; i < 32; ++i) run(Operation::kWrite, 0, 11 * kPageSize);
  for (int i = 0; i < 32; ++i) ASSERT_NE(disk->discard(8, 16), nullptr);
  EXPECT_EQ(backend->disk().discards, 32u);
  EXPECT_EQ(backend->disk().secure_discards, 0u);
}

TEST_F(Features, ADiscardThatIsRefusedIsUnsupported) {
  ASSERT_TRUE(connect());
  const auto io = disk->discard(0, 8);
  ASSERT_NE(io, nullptr);
  EXPECT_EQ(io->outcome, Outcome::kUnsupported);
}

// A barrier cannot be indirect (blkif.h: indirect_op is READ or WRITE), so the queue must not make
// one, whatever it is asked for.
TEST_F(Features, ABarrierOfManySegmentsNeverReachesTheWire) {
  backend->allow_barrier();
  backend->allow_indirect(32);
  ASSERT_TRUE(connect());
  u8* const data = disk->buffer(12 * kPageSize);
  const auto io = disk->run(Operation::kBarrierWrite, 0, data, 12 * kPageSize);
  EXPECT_EQ(backend->queue().indirect_seen(), 0u);
  EXPECT_TRUE(io == nullptr || io->finished);
}

}  // namespace
}  // namespace pvk::fakes
