// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The fuzz target of the xenstore wire without a fuzzer: the corpus, and pseudo-random plays.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "fuzz/xs_wire.h"

namespace pvk::fuzz {
namespace {

TEST(XsReplay, TheCorpusHarmsNothing) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PVK_XS_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(play_xs_wire(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), "")
        << entry.path().filename();
    ++files;
  }
  EXPECT_GE(files, 10u);
}

class XsRandomPlay : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seed, XsRandomPlay, testing::Range(0, 8));

TEST_P(XsRandomPlay, HarmsNothing) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  for (int round = 0; round < 100; ++round) {
    std::vector<uint8_t> bytes(2 + random() % 200);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    ASSERT_EQ(play_xs_wire(bytes.data(), bytes.size()), "") << "round " << round;
  }
}

}  // namespace
}  // namespace pvk::fuzz
