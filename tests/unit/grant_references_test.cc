// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Which references are free, against a plain model of the same.
#include <gtest/gtest.h>

#include "hypercalls/grant_references.h"

#include <random>
#include <vector>

namespace pvk {
namespace {

class References : public testing::Test {
 protected:
  void open(u32 count) {
    words.assign((count + 63) / 64, 0);
    references.open({words.data(), words.size()});
    for (u32 ref = 0; ref < count; ++ref) references.append(true);
  }
  std::vector<u64> words;
  GrantReferences references;
};

TEST_F(References, ARunIsConsecutiveAndTheLowest) {
  open(300);
  EXPECT_EQ(references.take(100).value(), 0u);
  EXPECT_EQ(references.take(100).value(), 100u);
  ASSERT_TRUE(references.give_back(0, 100).ok());
  EXPECT_EQ(references.take(150).error(), Error::kNoGrant);
  EXPECT_EQ(references.take(60).value(), 0u);
  EXPECT_EQ(references.take(40).value(), 60u);
  EXPECT_EQ(references.free(), 100u);
}

TEST_F(References, OddCountsAreAnswered) {
  open(64);
  EXPECT_EQ(references.take(0).error(), Error::kBadValue);
  EXPECT_EQ(references.take(65).error(), Error::kNoGrant);
  EXPECT_EQ(references.take(~u32{0}).error(), Error::kNoGrant);
  EXPECT_EQ(references.take(64).value(), 0u);
  EXPECT_EQ(references.take(1).error(), Error::kNoGrant);
}

TEST_F(References, WhatWouldFitCountsTheFreeEnd) {
  open(100);
  EXPECT_TRUE(references.would_fit(150, 50));
  EXPECT_FALSE(references.would_fit(151, 50));
  ASSERT_TRUE(references.take(90).ok());
  EXPECT_TRUE(references.would_fit(60, 50));
  EXPECT_FALSE(references.would_fit(61, 50));
  EXPECT_FALSE(references.would_fit(~u32{0}, 50));
}

TEST_F(References, AgreesWithAPlainModel) {
  constexpr u32 kCount = 700;
  open(kCount);
  std::vector<bool> is_free(kCount, true);
  std::vector<std::pair<GrantRef, u32>> held;
  std::mt19937 random(4);
  const auto lowest_run = [&](u32 count) {
    for (u32 first = 0; first + count <= kCount; ++first) {
      u32 good = 0;
      while (good < count && is_free[first + good]) ++good;
      if (good == count) return first;
    }
    return kCount;
  };
  for (int step = 0; step < 20000; ++step) {
    if (held.empty() || random() % 2 == 0) {
      const u32 count = 1 + static_cast<u32>(random() % (random() % 8 == 0 ? 200 : 8));
      const Result<GrantRef> first = references.take(count);
      const u32 expected = lowest_run(count);
      ASSERT_EQ(first.ok(), expected != kCount);
      if (!first.ok()) continue;
      ASSERT_EQ(first.value(), expected);
      for (u32 i = 0; i < count; ++i) is_free[expected + i] = false;
      held.emplace_back(expected, count);
    } else {
      const size_t which = random() % held.size();
      const auto [first, count] = held[which];
      held.erase(held.begin() + static_cast<std::ptrdiff_t>(which));
      ASSERT_TRUE(references.give_back(first, count).ok());
      for (u32 i = 0; i < count; ++i) is_free[first + i] = true;
    }
    ASSERT_EQ(references.free(),
              static_cast<u32>(std::count(is_free.begin(), is_free.end(), true)));
  }
}

TEST_F(References, WhatLiesBeyondALimitIsHeldButNotHandedOut) {
  open(300);
  ASSERT_EQ(references.take(130).value(), 0u);
  references.limit(100);
  EXPECT_EQ(references.usable(), 100u);
  EXPECT_EQ(references.held_beyond(), 30u);
  EXPECT_EQ(references.free(), 0u);
  EXPECT_EQ(references.take(1).error(), Error::kNoGrant);
  EXPECT_FALSE(references.would_fit(1, 0));
  ASSERT_TRUE(references.give_back(90, 40).ok());
  EXPECT_EQ(references.give_back(99, 2).error(), Error::kBadValue) << "twice is twice there too";
  EXPECT_EQ(references.held_beyond(), 0u);
  EXPECT_EQ(references.free(), 10u);
  EXPECT_TRUE(references.would_fit(10, 0));
  EXPECT_FALSE(references.would_fit(11, 0));
  EXPECT_EQ(references.take(11).error(), Error::kNoGrant);
  EXPECT_EQ(references.take(10).value(), 90u);
}

TEST_F(References, ALimitThatRisesGivesWhatIsFreeByThen) {
  open(300);
  ASSERT_TRUE(references.take(130).ok());
  references.limit(64);
  ASSERT_TRUE(references.give_back(120, 10).ok());
  references.limit(256);
  EXPECT_EQ(references.free(), 136u);
  EXPECT_EQ(references.take(136).value(), 120u);
  references.limit(1000);
  EXPECT_EQ(references.usable(), 300u) << "no more than there are";
  EXPECT_EQ(references.take(44).value(), 256u);
  references.append(true);
  EXPECT_EQ(references.take(1).value(), 300u);
}

TEST_F(References, GivingBackTwiceIsRefusedAndChangesNothing) {
  open(64);
  const GrantRef ref = references.take(3).value();
  ASSERT_TRUE(references.give_back(ref + 1, 1).ok());
  EXPECT_EQ(references.give_back(ref, 3).error(), Error::kBadValue);
  EXPECT_EQ(references.give_back(ref + 1, 1).error(), Error::kBadValue);
  EXPECT_EQ(references.free(), 62u);
  EXPECT_EQ(references.give_back(64, 1).error(), Error::kBadValue);
  EXPECT_EQ(references.give_back(63, 2).error(), Error::kBadValue);
  EXPECT_EQ(references.give_back(~u32{0}, 2).error(), Error::kBadValue);
  EXPECT_EQ(references.take(1).value(), ref + 1);
}

}  // namespace
}  // namespace pvk
