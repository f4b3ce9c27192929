// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The block queue as it really runs: one thread that submits, one that takes completions, one that
// is the backend. The tags' own locks order nothing (relaxed), so what hands a request from thread
// to thread is the queue alone, and ThreadSanitizer judges it. A lost wake-up hangs, and Kyua ends
// a test that hangs.
#include <gtest/gtest.h>

#include <atomic>
#include <thread>
#include <utility>
#include <vector>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;

constexpr auto kRelaxed = std::memory_order_relaxed;

struct Shape {
  const char* name;
  DataMode mode;
  u32 order = 0;
  u32 queues = 1;
  u32 pages = 2;  // of the largest request
  // So few grants that requests take each other's pages all the time, and wait.
  bool scarce = false;
};

class Stress : public DiskTest, public testing::WithParamInterface<Shape> {
 protected:
  // The submitter's, but for `busy`. A request has the other buffer than the one before it, which
  // is looked at when the tag was accepted again: that is what orders it.
  struct Slot {
    std::atomic<bool> busy = false;
    u8* data[2] = {};
    u64 sector = 0;  // its own place on the disk: what is read there was stamped
    u32 turn = 0;
    u32 pages_read = 0;
  };

  void SetUp() override {
    if (GetParam().mode == DataMode::kPersistent) backend->allow_persistent();
    params.trusted = GetParam().mode != DataMode::kBounce;
    params.max_ring_page_order = GetParam().order;
    backend->allow_ring_order(GetParam().order);
    backend->allow_queues(GetParam().queues);
    backend->allow_indirect(GetParam().pages);
    backend->behaviour.order = Order::kRandom;
    backend->behaviour.batch = 3;
    if (GetParam().scarce) machine.grants.limit(machine.grants.reserved() + 80);
    ASSERT_TRUE(connect(GetParam().queues));
    disk->poll_in_upcall = false;
    requests = GetParam().scarce ? 2'000 : 6'000;
    lanes = std::vector<std::vector<Slot>>(GetParam().queues);
    u64 sector = 0;
    for (auto& slots : lanes) {
      slots = std::vector<Slot>(disk->plan().depth);
      for (Slot& slot : slots) {
        slot.sector = std::exchange(sector, sector + GetParam().pages * abi::kSectorsPerPage);
        for (u8*& data : slot.data) data = disk->buffer(GetParam().pages * kPageSize);
      }
    }
    ASSERT_LE(sector, kSectors);
    stamp(backend->disk().at(0), 0, kSectors / abi::kSectorsPerPage);
  }

  // Every sector says which it is, so any read can be checked by itself.
  static void stamp(u8* data, u64 sector, u64 pages) {
    for (u64 i = 0; i < pages * abi::kSectorsPerPage; ++i) {
      const u64 number = sector + i;
      for (size_t at = 0; at < abi::kSectorBytes; at += sizeof(number)) {
        std::memcpy(data + i * abi::kSectorBytes + at, &number, sizeof(number));
      }
    }
  }
  // What the last read of a tag brought.
  static void check(const Slot& slot) {
    if (slot.pages_read == 0) return;
    std::vector<u8> expected(slot.pages_read * size_t{kPageSize});
    stamp(expected.data(), slot.sector, slot.pages_read);
    EXPECT_EQ(std::memcmp(slot.data[slot.turn ^ 1], expected.data(), expected.size()), 0);
  }

  bool submit(u32 queue, u32 tag, std::mt19937_64& random) {
    Slot& slot = lanes[queue][tag];
    const bool read = random() % 2 == 0;
    const u32 pages = 1 + static_cast<u32>(random() % GetParam().pages);
    block::Request request;
    request.tag = tag;
    request.operation = read ? Operation::kRead : Operation::kWrite;
    request.sector = slot.sector;
    u8* const data = slot.data[slot.turn];
    if (read) {
      std::memset(data, 0, pages * size_t{kPageSize});
    } else {
      stamp(data, slot.sector, pages);
    }
    std::vector<block::Segment> segments;
    for (u32 i = 0; i < pages; ++i) segments.push_back({data + i * size_t{kPageSize}, kPageSize});
    slot.busy.store(true, kRelaxed);
    if (!disk->queue(queue).submit(request, segments.data(), pages).ok()) {
      slot.busy.store(false, kRelaxed);
      return false;
    }
    check(slot);
    slot.pages_read = read ? pages : 0;
    slot.turn ^= 1;
    return true;
  }

  void produce(u32 queue) {
    std::mt19937_64 random(7 + queue);
    auto& slots = lanes[queue];
    u32 submitted = 0;
    while (submitted < requests) {
      u32 fresh = 0;
      for (u32 tag = 0; tag < slots.size() && submitted < requests; ++tag) {
        if (slots[tag].busy.load(kRelaxed)) continue;
        if (!submit(queue, tag, random)) break;
        ++submitted;
        if (++fresh == 1 + random() % 8) break;
      }
      if (fresh == 0) {
        std::this_thread::yield();
      } else {
        disk->queue(queue).publish();
      }
    }
  }

  // Takes what there is on one queue, and asks for the next event.
  u32 drain(u32 index) {
    block::Queue& queue = disk->queue(index);
    u32 taken = 0;
    do {
      u32 tag = 0;
      Result<block::Outcome> outcome = queue.next(tag);
      for (; outcome.ok(); outcome = queue.next(tag)) {
        EXPECT_EQ(outcome.value(), block::Outcome::kDone);
        lanes[index][tag].busy.store(false, kRelaxed);
        ++taken;
      }
      EXPECT_EQ(outcome.error(), Error::kMissing);
    } while (queue.rearm());
    return taken;
  }
  void consume() {
    u32 done = 0;
    while (done < requests * GetParam().queues && !HasFailure()) {
      for (u32 queue = 0; queue < GetParam().queues; ++queue) done += drain(queue);
      if (done == requests * GetParam().queues) break;
      machine.events.wait(kGuest);
      machine.events.pump(kGuest);
    }
  }

  std::vector<std::vector<Slot>> lanes;  // by queue, by tag
  u32 requests = 0;                      // on each queue
};

constexpr Shape kShapes[] = {
    {"direct", DataMode::kDirect},
    {"persistent", DataMode::kPersistent},
    {"bounce", DataMode::kBounce},
    {"direct_big_ring", DataMode::kDirect, 2},
    {"persistent_big_ring", DataMode::kPersistent, 3},
    {"direct_two_queues", DataMode::kDirect, 0, 2},
    {"persistent_two_queues", DataMode::kPersistent, 1, 2},
    {"direct_reclaim", DataMode::kDirect, 0, 1, 12, true},
    {"persistent_reclaim", DataMode::kPersistent, 0, 1, 12, true},
    {"bounce_reclaim", DataMode::kBounce, 0, 1, 12, true},
};
INSTANTIATE_TEST_SUITE_P(All, Stress, testing::ValuesIn(kShapes),
                         [](const auto& shape) { return std::string(shape.param.name); });

TEST_P(Stress, SubmitterCompleterAndBackendAtOnce) {
  std::atomic<bool> stop = false;
  std::thread serving([&] {
    while (!stop) {
      machine.events.wait(kBackend);
      machine.events.pump(kBackend);
    }
  });
  std::thread completing([&] { consume(); });
  std::vector<std::thread> submitting;
  for (u32 queue = 1; queue < GetParam().queues; ++queue) {
    submitting.emplace_back([this, queue] { produce(queue); });
  }
  produce(0);
  for (std::thread& thread : submitting) thread.join();
  completing.join();
  stop = true;
  machine.events.wake();
  serving.join();
  for (const auto& slots : lanes) {
    for (const Slot& slot : slots) check(slot);
  }
  for (u32 queue = 0; queue < GetParam().queues; ++queue) {
    const block::ProducerCounters& counters = disk->queue(queue).producer_counters();
    EXPECT_EQ(backend->queue(queue).requests_seen(), requests);
    EXPECT_EQ(disk->queue(queue).consumer_counters().responses.relaxed(), requests);
    // Woken for a reason: far fewer events than requests.
    EXPECT_LE(counters.notifications.relaxed(), requests);
    EXPECT_EQ(counters.busy.relaxed() != 0, GetParam().scarce);
  }
}

}  // namespace
}  // namespace pvk::fakes
