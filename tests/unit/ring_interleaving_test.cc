// SPDX-License-Identifier: MIT OR GPL-2.0-only
// No wake-up is lost: the real ring code, stopped after every access to the shared page, with the
// other side's steps slipped in there in every possible way.
//
// What this shows is every sequentially consistent order. That the fences make a CPU keep to these
// orders is theirs to do (docs/memory-ordering.md) and stress_test's to try.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <utility>
#include <vector>

#include "fakes/access_trace.h"
#include "fakes/machine.h"
#include "frontends/ring/front_ring.h"
#include "unit/ring_indexes.h"

namespace pvk {
namespace {

struct Word {
  u64 value;
};
using WordRing = FrontRing<Word, Word>;

}  // namespace

template struct RingOpener<WordRing, &WordRing::produced_, &WordRing::published_,
                           &WordRing::consumed_>;
void set_indexes(WordRing& ring, u32 value);

namespace fakes {
namespace {

using Ring = WordRing;

// xen/io/ring.h, DEFINE_RING_TYPES: the words of a ring's page that are no slots.
enum : u32 { kReqProd = 0, kReqEvent = 1, kRspProd = 2, kRspEvent = 3 };
constexpr size_t kIndexes = 4 * sizeof(u32);

// Tries all choices, depth first: choose() makes some of the other side's steps here, first none
// and in later schedules more, as long as there are any.
class Schedules {
 public:
  template <class Other>
  void choose(Other& other) {
    if (depth_ == choices_.size()) choices_.push_back({0, false});
    Choice& choice = choices_[depth_++];
    for (unsigned made = 0; made < choice.steps; ++made) other.step();
    choice.last = !other.can_step();
  }
  // On to the next schedule; false when that was the last.
  bool next() {
    choices_.resize(depth_);
    depth_ = 0;
    while (!choices_.empty() && choices_.back().last) choices_.pop_back();
    if (choices_.empty()) return false;
    ++choices_.back().steps;
    return true;
  }

 private:
  struct Choice {
    unsigned steps;
    bool last;
  };
  std::vector<Choice> choices_;
  size_t depth_ = 0;
};

// A ring of few slots that begins at some index: near 2^32 it wraps on the way.
struct Shape {
  u32 slots = 256;
  u32 start = 0;
};

class Interleaving : public testing::Test {
 protected:
  void open(Ring& ring, const Shape& shape) {
    std::memset(theirs, 0, kPageSize);
    ring.open(page, static_cast<u32>(64 + shape.slots * sizeof(Word)));
    EXPECT_EQ(ring.size(), shape.slots);
    set_indexes(ring, shape.start);
    theirs[kReqProd] = theirs[kRspProd] = shape.start;
    theirs[kReqEvent] = theirs[kRspEvent] = shape.start + 1;
  }
  void SetUp() override {
    ASSERT_TRUE(AccessTrace::available());
    page = machine.memory.allocate(1, Owner::kTest);
    theirs = reinterpret_cast<u32*>(machine.memory.backend_view(machine.memory.gfn_of(page), true));
  }
  void TearDown() override { machine.memory.free(page, 1, Owner::kTest); }
  Machine machine;
  void* page = nullptr;
  u32* theirs = nullptr;
};

// A backend that takes requests as ring.h describes, one access to the page at a time.
struct Consumer {
  enum class At : u8 { kLook, kArm, kLookAgain, kAsleep };
  u32* page;
  bool forgetful = false;  // sleeps without looking for the last time
  At at = At::kAsleep;
  bool woken = false;
  u32 consumed = 0;

  bool can_step() const { return at != At::kAsleep || woken; }
  void step() {
    switch (at) {
      case At::kLook:
        consumed = page[kReqProd];
        at = At::kArm;
        return;
      case At::kArm:
        page[kReqEvent] = consumed + 1;
        at = forgetful ? At::kAsleep : At::kLookAgain;
        return;
      case At::kLookAgain: at = page[kReqProd] != consumed ? At::kLook : At::kAsleep; return;
      case At::kAsleep:
        woken = false;
        at = At::kLook;
        return;
    }
  }
};

class Requests : public Interleaving {
 protected:
  // Publishes batches of these sizes in every schedule. In how many of them the backend sleeps in
  // the end with requests unseen.
  unsigned losses(const std::vector<unsigned>& batches, bool forgetful = false,
                  const Shape& shape = {}) {
    Schedules schedules;
    unsigned lost = 0;
    do {
      ++tried;
      lost += loses(schedules, batches, forgetful, shape) ? 1 : 0;
    } while (schedules.next());
    return lost;
  }
  bool loses(Schedules& schedules, const std::vector<unsigned>& batches, bool forgetful,
             const Shape& shape) {
    Ring ring;
    open(ring, shape);
    Consumer backend{theirs, forgetful};
    backend.consumed = shape.start;
    u32 produced = shape.start;
    AccessTrace trace(page, 1);
    trace.after_each([&](const Access& access) {
      if (access.offset < kIndexes) schedules.choose(backend);  // slots decide nothing
    });
    for (const unsigned batch : batches) {
      // A full ring: nothing goes on before the backend has seen something.
      while (produced + batch - backend.consumed > shape.slots) {
        if (!backend.can_step()) return true;
        backend.step();
      }
      for (unsigned i = 0; i < batch; ++i, ++produced) {
        ring.next_request().value = i;
        ring.request_written();
      }
      if (ring.publish_requests()) backend.woken = true;
      schedules.choose(backend);
    }
    trace.stop();
    while (backend.can_step()) backend.step();
    return backend.consumed != produced;
  }
  unsigned tried = 0;
};

TEST_F(Requests, AreNeverLost) {
  EXPECT_EQ(losses({1, 2, 1}), 0u);
  EXPECT_GT(tried, 1000u);
}
TEST_F(Requests, TwoBatchesAreNeverLost) { EXPECT_EQ(losses({3, 2}), 0u); }

// The method itself: a backend that does not look for the last time is caught.
TEST_F(Requests, AForgetfulBackendIsCaught) { EXPECT_GT(losses({1, 1}, true), 0u); }

// A backend that shows responses in batches, one access to the page at a time.
struct Producer {
  u32* page;
  const std::vector<unsigned>& batches;
  u32 slots;
  u32 produced;
  const u32& consumed;  // each answer that was taken makes room for a request, and for its answer
  size_t batch = 0;
  u32 before = 0;
  bool shown = false;
  bool event = false;

  bool can_step() const {
    if (batch == batches.size()) return false;
    return shown || produced + batches[batch] - consumed <= slots;
  }
  void step() {
    if (!shown) {
      before = std::exchange(produced, produced + batches[batch]);
      page[kRspProd] = produced;
    } else {
      event = event || produced - page[kRspEvent] < produced - before;
      ++batch;
    }
    shown = !shown;
  }
};

class Responses : public Interleaving {
 protected:
  // In how many schedules the frontend sleeps in the end with `ahead` responses unseen or more. It
  // consumes and re-arms as a port does, or forgets what re-arming told it.
  unsigned losses(const std::vector<unsigned>& batches, bool forgetful = false,
                  const Shape& shape = {}, u32 ahead = 1) {
    Schedules schedules;
    unsigned lost = 0;
    do {
      ++tried;
      lost += loses(schedules, batches, forgetful, shape, ahead) ? 1 : 0;
    } while (schedules.next());
    return lost;
  }
  bool loses(Schedules& schedules, const std::vector<unsigned>& batches, bool forgetful,
             const Shape& shape, u32 ahead) {
    Ring ring;
    open(ring, shape);
    u32 consumed = shape.start;
    Producer backend{theirs, batches, shape.slots, shape.start, consumed};
    AccessTrace trace(page, 1);
    trace.after_each([&](const Access& access) {
      if (access.offset < kIndexes) schedules.choose(backend);
    });
    const auto serve = [&] {
      bool again = true;
      while (again) {
        for (u32 waiting = ring.waiting().value(); waiting != 0; --waiting, ++consumed) {
          ring.take_response();
        }
        again = ring.rearm(ahead) && !forgetful;
      }
    };
    serve();  // an idle look, as a poller's, while responses come
    while (std::exchange(backend.event, false)) serve();
    trace.stop();
    for (bool woken = true; woken;) {
      while (backend.can_step()) backend.step();
      woken = std::exchange(backend.event, false);
      if (woken) serve();
    }
    return backend.produced - consumed >= ahead;
  }
  unsigned tried = 0;
};

TEST_F(Responses, AreNeverLost) {
  EXPECT_EQ(losses({1, 2, 1}), 0u);
  EXPECT_GT(tried, 1000u);
}
TEST_F(Responses, TwoBatchesAreNeverLost) { EXPECT_EQ(losses({3, 2}), 0u); }
TEST_F(Responses, AForgetfulPortIsCaught) { EXPECT_GT(losses({1, 1}, true), 0u); }

// A port that wants to be woken for several responses at once sleeps over fewer, never over as
// many.
TEST_F(Responses, WaitedForInNumbersAreNeverLost) {
  for (const u32 ahead : {2u, 3u, 4u}) {
    EXPECT_EQ(losses({1, 1, 2}, false, {}, ahead), 0u) << ahead;
    EXPECT_EQ(losses({2, 3}, false, {}, ahead), 0u) << ahead;
    EXPECT_EQ(losses({4}, false, {}, ahead), 0u) << ahead;
  }
}
TEST_F(Responses, AForgetfulPortThatWaitsForTwoIsCaught) {
  EXPECT_GT(losses({2, 2}, true, {}, 2), 0u);
}

// Rings that are full all the time, and indexes that pass 2^32 at each of the steps.
const std::vector<unsigned> kFillings[] = {{1, 1}, {2, 1}, {1, 2}, {4, 2}};
constexpr u32 kStarts[] = {0, ~u32{0}, ~u32{0} - 1, ~u32{0} - 2};

// Calls `check` with each ring that the batches fit into.
template <class Check>
void each_small_ring(Check check) {
  for (const u32 slots : {1u, 2u, 4u}) {
    for (const u32 start : kStarts) {
      for (const auto& batches : kFillings) {
        if (std::max(batches[0], batches[1]) > slots) continue;
        SCOPED_TRACE(testing::PrintToString(batches) + " in " + std::to_string(slots) +
                     " slots from " + std::to_string(start));
        check(Shape{slots, start}, batches);
      }
    }
  }
}

TEST_F(Requests, OnSmallRingsAndAcrossTheWrapAreNeverLost) {
  each_small_ring([this](const Shape& shape, const std::vector<unsigned>& batches) {
    EXPECT_EQ(losses(batches, false, shape), 0u);
    EXPECT_GT(losses(batches, true, shape), 0u) << "the forgetful one is caught there too";
  });
}

TEST_F(Responses, OnSmallRingsAndAcrossTheWrapAreNeverLost) {
  each_small_ring([this](const Shape& shape, const std::vector<unsigned>& batches) {
    for (u32 ahead = 1; ahead <= shape.slots; ++ahead) {
      EXPECT_EQ(losses(batches, false, shape, ahead), 0u) << "ahead " << ahead;
    }
    // On a full ring the next answer waits for the next request: nothing comes in between.
    if (batches[0] + batches[1] <= shape.slots) {
      EXPECT_GT(losses(batches, true, shape), 0u) << "the forgetful one is caught there too";
    }
  });
}

}  // namespace
}  // namespace fakes
}  // namespace pvk
