// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The fixture of hostile backends: one disk under attack, and a bystander on the same machine with
// an honest backend. Whatever is done to the one, the other goes on with the right data.
#pragma once

#include <string>
#include <vector>

#include "unit/disk_test.h"

namespace pvk::fakes {

constexpr u32 kVictim = kXvda + 16;
constexpr u32 kBystander = kXvda + 32;
constexpr u64 kFewSectors = 320;  // a disk that is made thousands of times is small

// One disk and its backend, from the first word to the last; a test lives many of them.
struct Life {
  explicit Life(Machine& on, const block::Params& wanted = {}, u32 queues = 1)
      : machine(on), params(wanted), cpus(queues) {}
  ~Life() { end(); }
  Life(const Life&) = delete;
  Life& operator=(const Life&) = delete;

  // Set backend.offered, backend.behaviour and params first.
  bool connect() {
    backend.offer();
    return meet();
  }
  // The same without an offer: the backend is to be driven by hand.
  bool meet() {
    disk = std::make_unique<GuestDisk>(machine, backend, params, cpus);
    disk->patience = 30;
    return disk->connect();
  }
  void mode(block::DataMode wanted) {
    if (wanted == block::DataMode::kPersistent) backend.allow_persistent();
    params.trusted = wanted == block::DataMode::kDirect;
  }
  // A request that starts at `sector`, shown to the backend.
  std::shared_ptr<Io> submit(block::Operation operation, u64 sector, size_t bytes, u32 queue = 0) {
    u8* const data = bytes == 0 ? nullptr : disk->buffer(bytes);
    auto io = disk->start(operation, sector, data, bytes, queue);
    if (io == nullptr) return nullptr;
    ios.push_back(io);
    disk->publish(queue);
    machine.settle();
    return io;
  }
  // The driver goes and the backend with it. Every request must have ended by then.
  void end() {
    if (disk == nullptr) return;
    disk->remove();
    machine.settle();
    for (const auto& io : ios) {
      if (!io->finished) machine.violations.add("port: a request never ended");
    }
    disk.reset();
    backend.disconnect();
    machine.settle();
    machine.retry_parked();
  }
  size_t lines(const std::string& text) {
    return machine.logged(PVK_LOG_ERROR, backend.bus().name, text);
  }

  Machine& machine;
  ModelBackend backend{machine, kVictim, kFewSectors};
  block::Params params;
  u32 cpus;
  std::unique_ptr<GuestDisk> disk;
  std::vector<std::shared_ptr<Io>> ios;
};

class HostileTest : public MachineTest {
 protected:
  static constexpr block::DataMode kModes[] = {
      block::DataMode::kDirect, block::DataMode::kPersistent, block::DataMode::kBounce};

  void SetUp() override {
    honest->offer();
    bystander = std::make_unique<GuestDisk>(machine, *honest);
    ASSERT_TRUE(bystander->connect());
    out = bystander->buffer(kPageSize);
    in = bystander->buffer(kPageSize);
    expect_bystander_goes_on();
    baseline = machine.leaks();
  }
  void TearDown() override {
    expect_bystander_goes_on();
    bystander.reset();
    honest->disconnect();
    MachineTest::TearDown();
  }
  void expect_bystander_goes_on() {
    ++rounds;
    for (size_t i = 0; i < kPageSize; ++i) out[i] = static_cast<u8>(i * 7 + rounds);
    const auto write = bystander->run(block::Operation::kWrite, rounds % 64 * 8, out, kPageSize);
    const auto read = bystander->run(block::Operation::kRead, rounds % 64 * 8, in, kPageSize);
    ASSERT_TRUE(write != nullptr && write->finished && read != nullptr && read->finished);
    EXPECT_EQ(write->outcome, block::Outcome::kDone);
    EXPECT_EQ(read->outcome, block::Outcome::kDone);
    EXPECT_EQ(std::memcmp(in, out, kPageSize), 0);
  }
  // After a life has ended: only the bystander holds anything, and it still works.
  void expect_no_trace() {
    ASSERT_EQ(machine.leaks(), baseline);
    ASSERT_EQ(machine.xenstore.store().open_transactions(), 0u);
    expect_bystander_goes_on();
    machine.clear_log();
  }
  // What a backend says of the frontend after it lied itself means nothing: its own account is
  // wrong. What the port and the hypervisor say stays.
  void forget_complaints_of_the_liar() {
    for (const std::string& violation : machine.violations.take()) {
      if (violation.starts_with("blkif:") || violation.starts_with("xenbus:")) continue;
      machine.violations.add(violation);
    }
  }
  // The disk is down for good, with one line that gives the reason, and its backend may detach it.
  static void expect_given_up(Life& life, const std::string& reason) {
    EXPECT_EQ(life.disk->device().phase(), Phase::kFailed);
    EXPECT_FALSE(life.disk->up());
    EXPECT_EQ(life.disk->in_flight(), 0u);
    EXPECT_EQ(life.lines(reason), 1u);
    EXPECT_EQ(life.backend.frontend_state(), 6);
  }

  std::unique_ptr<ModelBackend> honest =
      std::make_unique<ModelBackend>(machine, kBystander, kSectors);
  std::unique_ptr<GuestDisk> bystander;
  std::vector<std::string> baseline;
  u8* out = nullptr;
  u8* in = nullptr;
  u64 rounds = 0;
};

}  // namespace pvk::fakes
