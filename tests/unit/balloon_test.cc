// SPDX-License-Identifier: MIT OR GPL-2.0-only
// How much memory is given up, when, and that the way there ends.
#include "pvops/balloon.h"

#include <gtest/gtest.h>

#include <numeric>
#include <set>
#include <vector>

namespace pvk {
namespace {

using Kind = BalloonStep::Kind;
constexpr u64 kMiB = kPagesPerMiB;
constexpr u64 kGiB = 1024 * kMiB;

TEST(BalloonOrder, CountsWhatIsToBeGivenUp) {
  EXPECT_EQ(pages_to_give_up({1024 * 1024, 0, 768 * 1024}), 256 * kMiB);
  EXPECT_EQ(pages_to_give_up({1024 * 1024, 0, 1024 * 1024}), 0u);
}

TEST(BalloonOrder, VideoMemoryIsNotTheGuests) {
  // As xl writes it for a guest that has all of its memory.
  EXPECT_EQ(pages_to_give_up({1024 * 1024, 16 * 1024, 1008 * 1024}), 0u);
  EXPECT_EQ(pages_to_give_up({1024 * 1024, 16 * 1024, 1007 * 1024}), kMiB);
}

TEST(BalloonOrder, NonsenseGivesNothingUp) {
  EXPECT_EQ(pages_to_give_up({1024, 0, 4096}), 0u) << "a target above the most";
  EXPECT_EQ(pages_to_give_up({1024, 4096, 0}), 0u) << "more video memory than memory";
  EXPECT_EQ(pages_to_give_up({0, 0, 0}), 0u);
  EXPECT_EQ(pages_to_give_up({~u64{0}, 0, 0}), ~u64{0} / 4);
}

class OfSize : public testing::TestWithParam<u64> {};
INSTANTIATE_TEST_SUITE_P(Pages, OfSize,
                         testing::Values(1, 64 * kMiB, 512 * kMiB, 8 * kGiB, 4096 * kGiB));

TEST_P(OfSize, NeverSmallerThanItCanLive) {
  Balloon balloon;
  balloon.set_wanted(~u64{0});
  u64 given = 0;
  for (;;) {
    const BalloonStep step = balloon.next({GetParam(), given, ~u64{0}});
    if (step.kind != Kind::kGive) break;
    // In one go, as if batches were unlimited: big guests would take long otherwise.
    given += room_to_give({GetParam(), given, ~u64{0}});
  }
  const u64 left = GetParam() - given;
  EXPECT_GE(left, min(GetParam(), smallest_guest(GetParam())));
  EXPECT_LE(left, max(GetParam() / 8, 28 * kMiB)) << "and not much greater";
}

TEST(BalloonRoom, LeavesMemoryForOthers) {
  const u64 total = 4 * kGiB;
  EXPECT_EQ(room_to_give({total, 0, kept_available(total)}), 0u);
  EXPECT_EQ(room_to_give({total, 0, kept_available(total) + 7}), 7u);
  EXPECT_EQ(room_to_give({total, 0, 0}), 0u);
  EXPECT_EQ(room_to_give({total, total + 1, total}), 0u) << "more given than there is";
}

TEST(BalloonStep, GoesInBatchesBothWays) {
  Balloon balloon;
  balloon.set_wanted(1000);
  const BalloonStep give = balloon.next({kGiB, 0, kGiB});
  EXPECT_EQ(give.kind, Kind::kGive);
  EXPECT_EQ(give.pages, kBalloonBatch);
  EXPECT_EQ(balloon.next({kGiB, 999, kGiB}).pages, 1u);
  const BalloonStep take = balloon.next({kGiB, 5000, 0});
  EXPECT_EQ(take.kind, Kind::kTake);
  EXPECT_EQ(take.pages, kBalloonBatch);
  EXPECT_EQ(balloon.next({kGiB, 1003, 0}).pages, 3u);
  EXPECT_EQ(balloon.next({kGiB, 1000, 0}).kind, Kind::kRest);
}

TEST(BalloonPace, GoesOnAtOnceWhileItSucceeds) {
  Balloon balloon;
  balloon.set_wanted(2000);
  BalloonView view{kGiB, 0, kGiB};
  u32 delay = 0;
  for (int steps = 0; delay == 0; ++steps) {
    ASSERT_LT(steps, 10);
    const BalloonStep step = balloon.next(view);
    view.given += step.pages;
    delay = balloon.finished(step, step.pages, view);
  }
  EXPECT_EQ(view.given, 2000u);
  EXPECT_EQ(delay, Balloon::kDone);
}

TEST(BalloonPace, BacksOffAndStartsAfreshWithANewOrder) {
  Balloon balloon;
  balloon.set_wanted(2000);
  const BalloonView view{kGiB, 0, kGiB};
  for (const u32 expected : {1000u, 2000u, 4000u, 8000u, 16'000u, 32'000u, 32'000u}) {
    EXPECT_EQ(balloon.finished(balloon.next(view), 0, view), expected);
  }
  balloon.set_wanted(3000);
  EXPECT_EQ(balloon.finished(balloon.next(view), 0, view), 1000u);
}

TEST(BalloonPace, APartialStepBacksOffAndAWholeOneForgets) {
  Balloon balloon;
  balloon.set_wanted(2000);
  BalloonView view{kGiB, 100, kGiB};
  EXPECT_EQ(balloon.finished(balloon.next(view), 100, view), 1000u);
  view.given += kBalloonBatch;
  EXPECT_EQ(balloon.finished({Kind::kGive, kBalloonBatch}, kBalloonBatch, view), 0u);
  EXPECT_EQ(balloon.finished({Kind::kGive, kBalloonBatch}, 0, view), 1000u);
}

TEST(BalloonPace, WaitsWhereItCannotGoOn) {
  Balloon balloon;
  balloon.set_wanted(2000);
  const BalloonView view{kGiB, 0, 0};  // nothing is available
  const BalloonStep step = balloon.next(view);
  EXPECT_EQ(step.kind, Kind::kRest);
  EXPECT_EQ(balloon.finished(step, 0, view), Balloon::kFirstDelay) << "looks again later";
}

TEST(BalloonPressure, TakesBackAndDoesNotGiveAgainAtOnce) {
  Balloon balloon;
  const u64 total = 4 * kGiB;
  balloon.set_wanted(kGiB);
  EXPECT_EQ(balloon.pressed({total, 100, 0}), 100u);
  EXPECT_EQ(balloon.pressed({total, kGiB, 0}), kBalloonBatch);
  const BalloonView tight{total, kGiB - kBalloonBatch, kept_available(total) * 2 - 1};
  const BalloonStep rest = balloon.next(tight);
  EXPECT_EQ(rest.kind, Kind::kRest);
  EXPECT_EQ(balloon.finished(rest, 0, tight), Balloon::kAfterPressure);
  const BalloonView relaxed{total, kGiB - kBalloonBatch, kept_available(total) * 2};
  EXPECT_EQ(balloon.next(relaxed).kind, Kind::kGive);
}

TEST(BalloonPressure, DoesNotKeepItFromTakingMore) {
  Balloon balloon;
  balloon.set_wanted(0);
  EXPECT_EQ(balloon.pressed({kGiB, 0, 0}), 0u) << "there is nothing to take";
  EXPECT_EQ(balloon.next({kGiB, 10, 0}).kind, Kind::kTake);
}

// Xen as far as it changes a domain's memory.
struct Xen {
  std::set<u64> populated;
  u64 max_pages = ~u64{0};  // what the toolstack lets the domain have
  u64 at_most = ~u64{0};    // extents a call gets through
  long fails = 0;

  long call(u64 number, u64 operation, u64 argument, u64, u64, u64) {
    EXPECT_EQ(number, u64{__HYPERVISOR_memory_op});
    const auto& wish = *reinterpret_cast<const xen_memory_reservation*>(argument);
    EXPECT_EQ(wish.extent_order, 0u);
    EXPECT_EQ(wish.domid, DOMID_SELF);
    if (fails != 0) return fails;
    const u64 done = min(u64{wish.nr_extents}, at_most);
    for (u64 i = 0; i < done; ++i) {
      const u64 gfn = wish.extent_start.p[i];
      if (operation == XENMEM_decrease_reservation) {
        EXPECT_EQ(populated.erase(gfn), 1u) << gfn;
      } else {
        EXPECT_EQ(operation, u64{XENMEM_populate_physmap});
        if (populated.size() >= max_pages) return static_cast<long>(i);
        EXPECT_TRUE(populated.insert(gfn).second) << gfn;
      }
    }
    return static_cast<long>(done);
  }
};

struct Frames : testing::Test {
  Frames() {
    std::iota(gfns.begin(), gfns.end(), 100u);
    xen.populated.insert(gfns.begin(), gfns.end());
  }
  Span<u64> all() { return {gfns.data(), gfns.size()}; }
  std::vector<u64> gfns = std::vector<u64>(8);
  Xen xen;
};

TEST_F(Frames, GoAndComeBack) {
  EXPECT_EQ(give_up_frames(xen, all()), 8u);
  EXPECT_TRUE(xen.populated.empty());
  EXPECT_EQ(take_back_frames(xen, all()), 8u);
  EXPECT_EQ(xen.populated.size(), 8u);
}

TEST_F(Frames, APartIsTheFirstOnes) {
  xen.at_most = 3;
  EXPECT_EQ(give_up_frames(xen, all()), 3u);
  EXPECT_EQ(*xen.populated.begin(), 103u);
  xen.at_most = 2;
  EXPECT_EQ(take_back_frames(xen, all().first(3)), 2u);
  EXPECT_FALSE(xen.populated.contains(102));
}

TEST_F(Frames, AnErrorIsNone) {
  xen.fails = -XEN_EPERM;
  EXPECT_EQ(give_up_frames(xen, all()), 0u);
  EXPECT_EQ(take_back_frames(xen, all()), 0u);
  xen.fails = 1000;
  EXPECT_EQ(give_up_frames(xen, all()), 8u) << "more than was asked for counts as all";
}

// A guest's kernel: its pages, each with a word of the kernel's own that outlives the module.
struct Kernel {
  static constexpr u64 kPages = 64 * kMiB;

  Kernel() : free(kPages) {
    std::iota(free.begin(), free.end(), 0u);
    xen.populated.insert(free.begin(), free.end());
  }
  Xen xen;
  std::vector<u64> free;
  std::vector<u64> words = std::vector<u64>(kPages);
};

// One load of the module, with its list of pages that it gave up.
class Owner {
 public:
  explicit Owner(Kernel& kernel) : kernel_(kernel) {
    for (u64 gfn = 0; gfn < Kernel::kPages; ++gfn) {
      if (is_given_up(gfn, kernel_.words[gfn])) given_.push_back(gfn);
    }
  }

  // Works until there is nothing to do, or nothing that can be done at once.
  void follow(u64 wanted) {
    balloon_.set_wanted(wanted);
    for (u32 delay = 0; delay == 0;) {
      const BalloonStep step = balloon_.next(view());
      const u64 done = step.kind == Kind::kGive ? give(step.pages) : take(step.pages);
      delay = balloon_.finished(step, done, view());
    }
  }
  // Returns how many pages stay away.
  u64 leave() {
    while (take(kBalloonBatch) != 0) {
    }
    return given_.size();
  }
  u64 given() const { return given_.size(); }

 private:
  BalloonView view() const { return {Kernel::kPages, given_.size(), Kernel::kPages}; }

  u64 give(u64 count) {
    std::vector<u64> gfns(kernel_.free.end() - static_cast<std::ptrdiff_t>(count),
                          kernel_.free.end());
    const u64 done = give_up_frames(kernel_.xen, {gfns.data(), gfns.size()});
    EXPECT_EQ(done, count);
    kernel_.free.resize(kernel_.free.size() - count);
    for (const u64 gfn : gfns) {
      kernel_.words[gfn] = given_up_mark(gfn);
      given_.push_back(gfn);
    }
    return done;
  }
  u64 take(u64 count) {
    const u64 tried = min(count, u64{given_.size()});
    const u64 done = tried == 0 ? 0 : take_back_frames(kernel_.xen, {given_.data(), tried});
    for (u64 i = 0; i < done; ++i) {
      kernel_.words[given_[i]] = 0;
      kernel_.free.push_back(given_[i]);
    }
    given_.erase(given_.begin(), given_.begin() + static_cast<std::ptrdiff_t>(done));
    return done;
  }

  Kernel& kernel_;
  Balloon balloon_;
  std::vector<u64> given_;
};

struct Reload : testing::Test {
  static constexpr u64 kGiven = 20 * kMiB;
  static constexpr u64 kSlack = 256;  // what xl lets a domain have beyond its target

  Kernel kernel;
  u64 left = 0;

  void first_load() {
    Owner first(kernel);
    EXPECT_EQ(first.given(), 0u);
    first.follow(kGiven);
    kernel.xen.max_pages = Kernel::kPages - kGiven + kSlack;
    left = first.leave();
  }
};

TEST_F(Reload, WhatXenDoesNotGiveStaysAway) {
  first_load();
  EXPECT_EQ(left, kGiven - kSlack);
}

TEST_F(Reload, TheNextLoadGivesNothingUpASecondTime) {
  first_load();
  Owner second(kernel);
  EXPECT_EQ(second.given(), left);
  second.follow(kGiven);
  EXPECT_EQ(second.given(), kGiven);
  EXPECT_EQ(kernel.xen.populated.size(), Kernel::kPages - kGiven);
}

TEST_F(Reload, TheNextLoadTakesBackWhatTheFirstCouldNot) {
  first_load();
  kernel.xen.max_pages = Kernel::kPages;
  Owner second(kernel);
  second.follow(0);
  EXPECT_EQ(second.given(), 0u);
  EXPECT_EQ(kernel.xen.populated.size(), Kernel::kPages);
  EXPECT_EQ(Owner(kernel).given(), 0u) << "and no third one finds any";
}

TEST(BalloonMark, IsThePagesOwnAndNoUsualWord) {
  for (const u64 gfn : {u64{0}, u64{1}, u64{4096}, u64{1} << 36}) {
    EXPECT_TRUE(is_given_up(gfn, given_up_mark(gfn)));
    for (const u64 other : {u64{0}, gfn, ~u64{0}, given_up_mark(gfn + 1), given_up_mark(gfn ^ 8)}) {
      EXPECT_FALSE(is_given_up(gfn, other)) << gfn << ' ' << other;
    }
  }
}

}  // namespace
}  // namespace pvk
