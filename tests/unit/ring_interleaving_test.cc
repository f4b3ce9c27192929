// SPDX-License-Identifier: MIT OR GPL-2.0-only
// No wake-up is lost: the real ring code, stopped after every access to the shared page, with the
// other side's steps slipped in there in every possible way.
//
// What this shows is every sequentially consistent order. That the fences make a CPU keep to these
// orders is theirs to do (docs/memory-ordering.md) and stress_test's to try.
#include <gtest/gtest.h>

#include <cstring>
#include <utility>
#include <vector>

#include "fakes/access_trace.h"
#include "fakes/machine.h"
#include "frontends/ring/front_ring.h"

namespace pvk::fakes {
namespace {

struct Word {
  u64 value;
};
using Ring = FrontRing<Word, Word>;

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

class Interleaving : public testing::Test {
 protected:
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
  unsigned losses(const std::vector<unsigned>& batches, bool forgetful = false) {
    Schedules schedules;
    unsigned lost = 0;
    do {
      ++tried;
      std::memset(theirs, 0, kPageSize);
      Ring ring(page, kPageSize);
      Consumer backend{theirs, forgetful};
      unsigned produced = 0;
      AccessTrace trace(page, 1);
      trace.after_each([&](const Access& access) {
        if (access.offset < kIndexes) schedules.choose(backend);  // slots decide nothing
      });
      for (const unsigned batch : batches) {
        for (unsigned i = 0; i < batch; ++i, ++produced) {
          ring.next_request().value = i;
          ring.request_written();
        }
        if (ring.publish_requests()) backend.woken = true;
        schedules.choose(backend);
      }
      trace.stop();
      while (backend.can_step()) backend.step();
      if (backend.consumed != produced) ++lost;
    } while (schedules.next());
    return lost;
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
  size_t batch = 0;
  u32 produced = 0;
  u32 before = 0;
  bool shown = false;
  bool event = false;

  bool can_step() const { return batch != batches.size(); }
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
  // In how many schedules the frontend sleeps in the end with responses unseen. It consumes and
  // re-arms as a port does, or forgets what re-arming told it.
  unsigned losses(const std::vector<unsigned>& batches, bool forgetful = false) {
    Schedules schedules;
    unsigned lost = 0;
    do {
      ++tried;
      std::memset(theirs, 0, kPageSize);
      Ring ring(page, kPageSize);
      Producer backend{theirs, batches};
      u32 consumed = 0;
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
          again = ring.rearm() && !forgetful;
        }
      };
      serve();  // an idle look, as a poller's, while responses come
      while (std::exchange(backend.event, false)) serve();
      trace.stop();
      while (backend.can_step()) backend.step();
      while (std::exchange(backend.event, false)) serve();
      if (consumed != backend.produced) ++lost;
    } while (schedules.next());
    return lost;
  }
  unsigned tried = 0;
};

TEST_F(Responses, AreNeverLost) {
  EXPECT_EQ(losses({1, 2, 1}), 0u);
  EXPECT_GT(tried, 1000u);
}
TEST_F(Responses, TwoBatchesAreNeverLost) { EXPECT_EQ(losses({3, 2}), 0u); }
TEST_F(Responses, AForgetfulPortIsCaught) { EXPECT_GT(losses({1, 1}, true), 0u); }

}  // namespace
}  // namespace pvk::fakes
