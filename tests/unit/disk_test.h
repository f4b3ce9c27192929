// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The fixture of tests with a backend and a frontend at the two ends of one disk.
#pragma once

#include <memory>
#include <random>

#include "fakes/guest_disk.h"
#include "unit/machine_test.h"

namespace pvk::fakes {

constexpr u32 kXvda = 202 << 8;
constexpr u64 kSectors = 4096;

class DiskTest : public MachineTest {
 protected:
  // Set backend.offered, backend.behaviour and params first.
  bool connect(u32 cpus = 1) {
    backend->offer();
    disk = std::make_unique<GuestDisk>(machine, *backend, params, cpus);
    return disk->connect();
  }
  void TearDown() override {
    machine.faults.clear();
    disk.reset();
    backend->disconnect();
    MachineTest::TearDown();
  }

  // Different bytes wherever one looks.
  static void fill(u8* data, size_t bytes, u64 seed) {
    std::mt19937_64 random(seed);
    for (size_t i = 0; i < bytes; ++i) data[i] = static_cast<u8>(random());
  }
  // A write, then a read into other memory: the bytes are those on the disk and those written.
  void expect_round_trip(u64 sector, size_t bytes, size_t offset = 0) {
    u8* const out = disk->buffer(bytes, offset);
    u8* const in = disk->buffer(bytes, offset);
    fill(out, bytes, sector + bytes);
    const auto write = disk->run(block::Operation::kWrite, sector, out, bytes);
    ASSERT_NE(write, nullptr);
    ASSERT_TRUE(write->finished);
    EXPECT_EQ(write->outcome, block::Outcome::kDone);
    EXPECT_EQ(std::memcmp(backend->disk().at(sector), out, bytes), 0);
    const auto read = disk->run(block::Operation::kRead, sector, in, bytes);
    ASSERT_NE(read, nullptr);
    ASSERT_TRUE(read->finished);
    EXPECT_EQ(read->outcome, block::Outcome::kDone);
    EXPECT_EQ(std::memcmp(in, out, bytes), 0);
  }

  std::unique_ptr<ModelBackend> backend = std::make_unique<ModelBackend>(machine, kXvda, kSectors);
  block::Params params;
  std::unique_ptr<GuestDisk> disk;
};

}  // namespace pvk::fakes
