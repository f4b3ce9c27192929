// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The block queue as it really runs: one thread that submits, one that takes completions, one that
// is the backend. The tags' own locks order nothing (relaxed), so what hands a request from thread
// to thread is the queue alone, and ThreadSanitizer judges it. A lost wake-up hangs, and Kyua ends
// a test that hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;

constexpr auto kRelaxed = std::memory_order_relaxed;

class Stress : public DiskTest, public testing::WithParamInterface<DataMode> {
 protected:
  static constexpr u32 kRequests = 6'000;
  static constexpr u32 kPages = 2;  // of each request

  // The submitter's, but for `busy`. A request has the other buffer than the one before it, which
  // is looked at when the tag was accepted again: that is what orders it.
  struct Slot {
    std::atomic<bool> busy = false;
    u8* data[2] = {};
    u32 turn = 0;
    bool read = false;
  };

  void SetUp() override {
    if (GetParam() == DataMode::kPersistent) backend->allow_persistent();
    params.trusted = GetParam() != DataMode::kBounce;
    backend->behaviour.order = Order::kRandom;
    backend->behaviour.batch = 3;
    ASSERT_TRUE(connect());
    disk->poll_in_upcall = false;
    slots = std::vector<Slot>(disk->plan().depth);
    for (Slot& slot : slots) {
      for (u8*& data : slot.data) data = disk->buffer(kPages * kPageSize);
    }
  }

  // Every sector says which it is, so any read can be checked by itself.
  static void stamp(u8* data, u64 sector) {
    for (u64 i = 0; i < kPages * abi::kSectorsPerPage; ++i) {
      const u64 number = sector + i;
      for (size_t at = 0; at < abi::kSectorBytes; at += sizeof(number)) {
        std::memcpy(data + i * abi::kSectorBytes + at, &number, sizeof(number));
      }
    }
  }
  static bool is_stamped(const u8* data, u64 sector) {
    u8 expected[kPages * kPageSize];
    stamp(expected, sector);
    return std::memcmp(data, expected, sizeof(expected)) == 0;
  }

  bool submit(u32 tag, std::mt19937_64& random) {
    Slot& slot = slots[tag];
    block::Request request;
    request.tag = tag;
    request.operation = random() % 2 == 0 ? Operation::kRead : Operation::kWrite;
    // Its own place on the disk: what is read there was stamped.
    request.sector = u64{tag} * kPages * abi::kSectorsPerPage;
    u8* const data = slot.data[slot.turn];
    const bool read = request.operation == Operation::kRead;
    if (read) {
      std::memset(data, 0, kPages * kPageSize);
    } else {
      stamp(data, request.sector);
    }
    block::Segment segments[kPages];
    for (u32 i = 0; i < kPages; ++i) segments[i] = {data + i * kPageSize, kPageSize};
    slot.busy.store(true, kRelaxed);
    if (!disk->queue().submit(request, segments, kPages).ok()) {
      slot.busy.store(false, kRelaxed);
      return false;
    }
    check(slot, request.sector);
    slot.read = read;
    slot.turn ^= 1;
    return true;
  }

  // What the last read of a tag brought.
  static void check(const Slot& slot, u64 sector) {
    if (!slot.read) return;
    EXPECT_TRUE(is_stamped(slot.data[slot.turn ^ 1], sector));
  }

  void produce() {
    std::mt19937_64 random(7);
    u32 submitted = 0;
    while (submitted < kRequests) {
      u32 fresh = 0;
      for (u32 tag = 0; tag < slots.size() && submitted < kRequests; ++tag) {
        if (slots[tag].busy.load(kRelaxed)) continue;
        if (!submit(tag, random)) break;
        ++submitted;
        if (++fresh == 1 + random() % 8) break;
      }
      if (fresh == 0) {
        std::this_thread::yield();
      } else {
        disk->queue().publish();
      }
    }
  }

  void consume() {
    block::Queue& queue = disk->queue();
    u32 done = 0;
    while (done < kRequests) {
      do {
        for (;;) {
          u32 tag = 0;
          const Result<block::Outcome> outcome = queue.next(tag);
          if (!outcome.ok()) {
            ASSERT_EQ(outcome.error(), Error::kMissing);
            break;
          }
          ASSERT_EQ(outcome.value(), block::Outcome::kDone);
          Slot& slot = slots[tag];
          slot.busy.store(false, kRelaxed);
          ++done;
        }
      } while (queue.rearm());
      if (done < kRequests) {
        machine.events.wait(kGuest);
        machine.events.pump(kGuest);
      }
    }
  }

  std::vector<Slot> slots;
};

INSTANTIATE_TEST_SUITE_P(All, Stress,
                         testing::Values(DataMode::kDirect, DataMode::kPersistent,
                                         DataMode::kBounce),
                         [](const auto& mode) { return std::string(block::to_text(mode.param)); });

TEST_P(Stress, SubmitterCompleterAndBackendAtOnce) {
  for (u64 sector = 0; sector < kSectors; sector += kPages * abi::kSectorsPerPage) {
    stamp(backend->disk().at(sector), sector);
  }
  std::atomic<bool> stop = false;
  std::thread serving([&] {
    while (!stop) {
      machine.events.wait(kBackend);
      machine.events.pump(kBackend);
    }
  });
  std::thread completing([&] { consume(); });
  produce();
  completing.join();
  for (u32 tag = 0; tag < slots.size(); ++tag) {
    check(slots[tag], u64{tag} * kPages * abi::kSectorsPerPage);
  }
  stop = true;
  machine.events.wake();
  serving.join();
  EXPECT_EQ(backend->queue().requests_seen(), kRequests);
  EXPECT_EQ(disk->queue().consumer_counters().responses.relaxed(), kRequests);
  // Woken for a reason: far fewer events than requests.
  EXPECT_LE(disk->queue().producer_counters().notifications.relaxed(), kRequests);
}

}  // namespace
}  // namespace pvk::fakes
