// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The fuzz target without a fuzzer: the corpus, and inputs of a fixed pseudo-random kind.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <random>
#include <vector>

#include "fuzz/block_backend.h"

namespace pvk::fuzz {
namespace {

TEST(FuzzReplay, TheCorpusHarmsNothing) {
  size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(PVK_FUZZ_CORPUS)) {
    std::ifstream file(entry.path(), std::ios::binary);
    const std::vector<char> bytes((std::istreambuf_iterator<char>(file)), {});
    EXPECT_EQ(play_block_backend(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size()), "")
        << entry.path().filename();
    ++files;
  }
  EXPECT_GE(files, 5u);
}

class RandomPlay : public testing::TestWithParam<int> {};
INSTANTIATE_TEST_SUITE_P(Seed, RandomPlay, testing::Range(0, 8));

TEST_P(RandomPlay, HarmsNothing) {
  std::mt19937_64 random(static_cast<uint64_t>(GetParam()));
  for (int round = 0; round < 50; ++round) {
    std::vector<uint8_t> bytes(2 + random() % 200);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    // Most plays keep what was offered, or nothing would ever connect.
    if (random() % 4 != 0) bytes[1] = 0;
    ASSERT_EQ(play_block_backend(bytes.data(), bytes.size()), "") << "round " << round;
  }
}

}  // namespace
}  // namespace pvk::fuzz
