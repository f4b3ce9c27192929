// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvkit/text.h"

#include <gtest/gtest.h>

#include <string>

namespace pvk {
namespace {

Result<u64> parse(const std::string& text, u64 limit = ~u64{0}) {
  return parse_number({text.data(), text.size()}, limit);
}

class BadNumber : public testing::TestWithParam<std::string> {};

TEST_P(BadNumber, IsRefused) {
  const Result<u64> result = parse(GetParam());
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error(), Error::kBadValue);
}

INSTANTIATE_TEST_SUITE_P(All, BadNumber,
                         testing::Values("", " ", " 1", "1 ", "1\n", "+1", "-1", "-0", "0x10",
                                         "1.0", "1e3", "one", "1a", std::string("1\0", 2),
                                         std::string("\0001", 2), std::string("1\0002", 3),
                                         "18446744073709551616", "99999999999999999999999999",
                                         "\xd9\xa1" /* a digit, but not of ours */));

TEST(Number, IsTakenUpToTheLast) {
  EXPECT_EQ(parse("0").value(), 0u);
  EXPECT_EQ(parse("000123").value(), 123u);
  EXPECT_EQ(parse("18446744073709551615").value(), ~u64{0});
}

TEST(Number, RespectsItsLimit) {
  EXPECT_EQ(parse("16", 16).value(), 16u);
  EXPECT_FALSE(parse("17", 16).ok());
  EXPECT_EQ(parse("0", 0).value(), 0u);
  EXPECT_FALSE(parse("1", 0).ok());
}

TEST(Text, Builds) {
  EXPECT_STREQ(Text<32>("queue-").add(u64{12}).add("/").add("ring-ref").c_str(),
               "queue-12/ring-ref");
  EXPECT_STREQ(Text<32>().add(u64{0}).c_str(), "0");
  EXPECT_STREQ(Text<32>().add(~u64{0}).c_str(), "18446744073709551615");
}

TEST(Text, RemembersThatSomethingDidNotFit) {
  Text<4> text("abc");
  EXPECT_FALSE(text.truncated());
  EXPECT_EQ(text.size(), 3u);
  text.add("d");
  EXPECT_TRUE(text.truncated());
  EXPECT_STREQ(text.c_str(), "abc");
}

TEST(Text, ComparesAllOfIt) {
  const char value[] = {'r', 'w', '\0'};
  EXPECT_TRUE(text_equal({value, 2}, "rw"));
  EXPECT_FALSE(text_equal({value, 1}, "rw"));
  EXPECT_FALSE(text_equal({value, 3}, "rw"));
  EXPECT_TRUE(text_equal({value, 0}, ""));
}

}  // namespace
}  // namespace pvk
