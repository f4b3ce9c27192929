// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvkit/result.h"

#include <gtest/gtest.h>

#include <set>

#include "pvkit/span.h"

namespace pvk {
namespace {

struct MoveOnly {
  MoveOnly() = default;
  explicit MoveOnly(int n) : number(n) {}
  MoveOnly(MoveOnly&& other) noexcept : number(other.number) { other.number = 0; }
  MoveOnly& operator=(MoveOnly&& other) noexcept {
    number = other.number;
    other.number = 0;
    return *this;
  }
  int number = 0;
};

Result<int> half(int number) {
  if (number % 2 != 0) return Error::kBadValue;
  return number / 2;
}

int evaluations = 0;
Status quarter(int number, int& result) {
  PVK_TRY((++evaluations, half(number)));
  const Result<int> second = half(number / 2);
  PVK_TRY(second);
  result = second.value();
  return {};
}

TEST(Result, HoldsAValueOrAnError) {
  EXPECT_TRUE(half(4).ok());
  EXPECT_EQ(half(4).value(), 2);
  EXPECT_FALSE(half(3).ok());
  EXPECT_EQ(half(3).error(), Error::kBadValue);
  EXPECT_EQ(half(3).value_or(7), 7);
  EXPECT_EQ(half(4).value_or(7), 2);
}

TEST(Result, MovesHandles) {
  Result<MoveOnly> result = MoveOnly(5);
  const MoveOnly taken = move(result.value());
  EXPECT_EQ(taken.number, 5);
  EXPECT_EQ(result.value().number, 0);
}

TEST(Result, TryLeavesWithTheErrorAndEvaluatesOnce) {
  int result = 0;
  evaluations = 0;
  EXPECT_TRUE(quarter(8, result).ok());
  EXPECT_EQ(result, 2);
  EXPECT_EQ(evaluations, 1);
  EXPECT_EQ(quarter(3, result).error(), Error::kBadValue);
  EXPECT_EQ(quarter(6, result).error(), Error::kBadValue);
  EXPECT_EQ(result, 2);
}

TEST(Result, EveryErrorIsANegativeErrno) {
  std::set<int> numbers;
  for (int i = 0; i <= static_cast<int>(Error::kGone); ++i) {
    const int number = to_errno(static_cast<Error>(i));
    EXPECT_LT(number, 0) << i;
    numbers.insert(number);
  }
  EXPECT_EQ(numbers.size(), 13u) << "only the two kinds of full table share a number";
  EXPECT_EQ(to_errno(Status{}), 0);
  EXPECT_EQ(to_errno(Status{Error::kBusy}), -PVK_EBUSY);
}

TEST(Span, ViewsAndNarrows) {
  int numbers[] = {1, 2, 3};
  const Span<int> all(numbers);
  EXPECT_EQ(all.size(), 3u);
  EXPECT_EQ(all.first(2).size(), 2u);
  EXPECT_EQ(all.first(9).size(), 3u);
  EXPECT_TRUE(Span<int>().empty());
  int sum = 0;
  for (const int number : all.first(2)) sum += number;
  EXPECT_EQ(sum, 3);
}

TEST(Types, FloorPowerOfTwo) {
  EXPECT_EQ(floor_power_of_two(0), 0u);
  EXPECT_EQ(floor_power_of_two(1), 1u);
  EXPECT_EQ(floor_power_of_two(36), 32u);
  EXPECT_EQ(floor_power_of_two(64), 64u);
  EXPECT_EQ(floor_power_of_two(~0u), 1u << 31);
}

}  // namespace
}  // namespace pvk
