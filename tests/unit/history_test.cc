// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Every state that the backend could have seen: the ring's page after each single store of the
// frontend. A backend may look at any moment, so each of them must be sound.
#include <gtest/gtest.h>

#include "fakes/access_trace.h"
#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::Operation;

u32 word(const std::vector<u8>& page, size_t index) {
  u32 value = 0;
  std::memcpy(&value, &page[4 * index], sizeof(value));
  return value;
}

class History : public DiskTest {
 protected:
  void SetUp() override {
    ASSERT_TRUE(AccessTrace::available());
    backend->allow_discard();
    backend->allow_flush();
    backend->allow_indirect(64);
    params.max_indirect_segments = 64;
    ASSERT_TRUE(connect());
  }
  // Traffic of all kinds, several times around the ring.
  void traffic() {
    u8* const data = disk->buffer(40 * kPageSize);
    for (u64 i = 0; i < 60; ++i) {
      const size_t bytes = (i % 5 == 0 ? 40 : 1 + i % 3) * kPageSize;
      const auto io =
          disk->start(i % 2 == 0 ? Operation::kWrite : Operation::kRead, i, data, bytes);
      ASSERT_NE(io, nullptr);
      if (i % 7 == 0) disk->start(Operation::kFlush, 0, nullptr, 0);
      if (i % 3 == 0) continue;
      disk->publish();
      machine.settle();
      if (i % 4 == 0) disk->discard(i, 8);
    }
    disk->publish();
    machine.settle();
    ASSERT_EQ(disk->in_flight(), 0u);
  }
  static constexpr size_t slot_at(u32 number) {
    return BackRing::kHeader + (number % 32) * BackRing::kSlot;
  }
};

TEST_F(History, APublishedRequestNeverChangesUntilItIsAnswered) {
  AccessTrace trace(disk->queue().ring_pages().data(), 1);
  traffic();
  trace.stop();
  u32 produced = 0;
  u32 answered = 0;
  size_t stores = 0;
  for (const Access& access : trace.accesses()) {
    if (!access.write || access.after.empty()) continue;
    if (access.foreign) {
      // Responses overwrite requests: the backend's right. Its index comes last.
      if (access.changed_at <= 8 && access.changed_at + access.after.size() > 8) {
        std::vector<u8> index(access.after.begin() + static_cast<long>(8 - access.changed_at),
                              access.after.end());
        index.resize(4);
        std::memcpy(&answered, index.data(), 1);  // below 256 in this test
      }
      continue;
    }
    ++stores;
    for (u32 number = answered; number != produced; ++number) {
      const size_t first = slot_at(number);
      const bool inside = access.changed_at < first + BackRing::kSlot &&
                          access.changed_at + access.after.size() > first;
      ASSERT_FALSE(inside) << "request " << number << " changed after it was published";
    }
    if (access.changed_at < 4) produced = access.after[0];
  }
  EXPECT_GT(stores, 300u);
}

TEST_F(History, EveryStateHasSoundIndexesAndWholeRequests) {
  AccessTrace trace(disk->queue().ring_pages().data(), 1);
  traffic();
  trace.stop();
  u32 last_produced = 0;
  u32 states = 0;
  trace.replay([&](const std::vector<u8>& page) {
    ++states;
    const u32 produced = word(page, 0);
    ASSERT_LE(produced - last_produced, 32u) << "req_prod ran backwards";
    for (u32 number = last_produced; number != produced; ++number) {
      blkif_request request;
      std::memcpy(&request, &page[slot_at(number)], sizeof(request));
      ASSERT_LT(request.id, 32u);
      ASSERT_TRUE(request.operation <= BLKIF_OP_INDIRECT && request.operation != 4);
      if (request.operation <= BLKIF_OP_WRITE) {
        ASSERT_GE(request.nr_segments, 1u);
        for (u32 i = 0; i < request.nr_segments; ++i) {
          ASSERT_LE(request.seg[i].first_sect, request.seg[i].last_sect);
          ASSERT_LT(request.seg[i].last_sect, 8u);
        }
      }
    }
    last_produced = produced;
    // An event index is a request for the next one, never for the past.
    ASSERT_LE(word(page, 3) - word(page, 2) + 32, 65u);
  });
  EXPECT_GT(states, 300u);
}

// Requests are written and never read back: the backend could have changed them.
TEST_F(History, ASlotIsReadOnlyForItsResponse) {
  backend->behaviour.hold = true;
  AccessTrace trace(disk->queue().ring_pages().data(), 1);
  u8* const data = disk->buffer(4 * kPageSize);
  for (u64 i = 0; i < 8; ++i) disk->start(Operation::kWrite, i, data, 4 * kPageSize);
  disk->publish();
  EXPECT_EQ(trace.loads(BackRing::kHeader, kPageSize - BackRing::kHeader), 0u);
  trace.stop();
  machine.settle();
  backend->queue().complete_held();
  machine.settle();
}

// Eight responses are sixteen words: each is loaded once.
TEST_F(History, AResponseIsLoadedOnce) {
  backend->behaviour.hold = true;
  u8* const data = disk->buffer(kPageSize);
  for (u64 i = 0; i < 8; ++i) disk->start(Operation::kWrite, i, data, 512);
  disk->publish();
  machine.settle();
  AccessTrace trace(disk->queue().ring_pages().data(), 1);
  backend->queue().complete_held();
  machine.settle();
  trace.stop();
  EXPECT_EQ(disk->in_flight(), 0u);
  for (u32 number = 0; number < 8; ++number) {
    EXPECT_EQ(trace.loads(slot_at(number), 8), 1u);
    EXPECT_EQ(trace.loads(slot_at(number) + 8, 8), 1u);
    EXPECT_EQ(trace.loads(slot_at(number) + 16, BackRing::kSlot - 16), 0u);
  }
}

}  // namespace
}  // namespace pvk::fakes
