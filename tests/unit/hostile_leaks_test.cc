// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a backend can see, at any time: XSA-403 (CVE-2022-26365, -33740, -33741, -33742), stale or
// neighbouring memory in granted pages. All memory of the user that is not meant for the backend is
// filled with a secret, the stack too, and every page that is granted is searched for it, at the
// moment it is granted, after each call, at each event and at each step of the machine.
#include <gtest/gtest.h>

#include <set>

#include "unit/whole_life.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

constexpr u8 kSecret = 0xd6;
constexpr u8 kPublic = 0x3c;  // what is written to disks

class HostileLeaks : public HostileTest {
 protected:
  void SetUp() override {
    HostileTest::SetUp();
    others = granted();
    machine.grants.on_publish([this](GrantRef ref) { look_at(ref); });
    machine.add_actor(this, [this] {
      look();
      return false;
    });
  }
  void TearDown() override {
    machine.grants.on_publish({});
    machine.remove_actor(this);
    HostileTest::TearDown();
  }

  // Two bytes: a single one may be part of a grant reference or of a tag.
  void look_at(GrantRef ref) {
    machine.grants.each_granted(kBackend, [&](GrantRef other, u64 frame, bool) {
      if (other == ref) search(frame);
    });
  }
  void look() {
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64 frame, bool) {
      if (!others.contains(ref)) search(frame);
    });
  }
  void search(u64 frame) {
    ++searched;
    const bool ours = machine.memory.owner_of(frame) == Owner::kRuntime;
    if (!ours) ++foreign_pages;
    const u8* const page = machine.memory.backend_view(frame, false);
    const u8* const end = page + kPageSize;
    const u8 secret[] = {kSecret, kSecret};
    if (std::search(page, end, secret, secret + sizeof(secret)) == end) return;
    ++found;
    if (ours) ++found_in_ours;
  }
  // What earlier calls left on the stack.
  [[gnu::noinline]] static void dirty_the_stack() {
    volatile u8 dirt[16384];
    for (volatile u8& byte : dirt) byte = kSecret;
  }
  // Data in the middle of secrets, at an offset into its page.
  u8* data(Life& life, size_t bytes, size_t offset, u8 content) {
    u8* const at = life.disk->buffer(bytes + offset + kPageSize, 0);
    std::memset(at, kSecret, bytes + offset + kPageSize);
    std::memset(at + offset, content, bytes);
    return at + offset;
  }
  std::shared_ptr<Io> io(Life& life, Operation operation, u64 sector, size_t bytes, size_t offset) {
    // What a read is to overwrite is no business of the backend's either.
    u8* const at = data(life, bytes, offset, operation == Operation::kRead ? kSecret : kPublic);
    dirty_the_stack();
    auto started = life.disk->start(operation, sector, at, bytes);
    if (started == nullptr) return nullptr;
    life.ios.push_back(started);
    look();  // written, not shown yet: the pages are granted already
    dirty_the_stack();
    life.disk->publish();
    machine.settle();
    return started;
  }
  void transfer_everything(Life& life) {
    for (const size_t bytes : {size_t{512}, size_t{1536}, size_t{kPageSize}, 3 * size_t{kPageSize},
                               11 * size_t{kPageSize}, 20 * size_t{kPageSize}}) {
      for (const size_t offset : {size_t{0}, size_t{512}, size_t{3584}}) {
        for (const Operation operation : {Operation::kRead, Operation::kWrite, Operation::kRead}) {
          const auto made = io(life, operation, 64, bytes, offset);
          ASSERT_NE(made, nullptr);
          ASSERT_EQ(made->outcome, Outcome::kDone);
        }
      }
    }
    dirty_the_stack();
    life.ios.push_back(life.disk->start(Operation::kFlush, 0, nullptr, 0));
    life.disk->publish();
    dirty_the_stack();
    life.ios.push_back(life.disk->discard(8, 8));
    look();
  }

  std::set<GrantRef> granted() {
    std::set<GrantRef> refs;
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64, bool) { refs.insert(ref); });
    return refs;
  }

  std::set<GrantRef> others;  // the bystander's
  u64 searched = 0;
  u64 found = 0;
  u64 found_in_ours = 0;
  u64 foreign_pages = 0;
};

class Concealed : public HostileLeaks, public testing::WithParamInterface<DataMode> {};
INSTANTIATE_TEST_SUITE_P(All, Concealed, testing::Values(DataMode::kPersistent, DataMode::kBounce),
                         [](const auto& mode) { return std::string(block::to_text(mode.param)); });

TEST_P(Concealed, XSA403_NoByteThatWasNotMeantForTheBackendIsEverVisible) {
  Life life(machine);
  offer_everything(life, GetParam());
  life.cpus = 1;
  dirty_the_stack();
  ASSERT_TRUE(life.connect());
  transfer_everything(life);
  resize(life, "8192");
  life.backend.disconnect();
  dirty_the_stack();
  life.backend.offer();
  machine.settle();
  transfer_everything(life);
  EXPECT_GT(searched, 1000u);
  EXPECT_EQ(found, 0u);
  EXPECT_EQ(foreign_pages, 0u) << "only pages of the runtime's are shared";
  life.end();
  expect_no_trace();
}

// One disk's data is no other disk's business: everything the first one moved is a secret to the
// backend of the second, which gets its pages afterwards.
TEST_P(Concealed, XSA403_PagesOfADiskThatIsGoneHoldNothingForTheNext) {
  for (int round = 0; round < 3; ++round) {
    {
      Life first(machine);
      first.mode(GetParam());
      ASSERT_TRUE(first.connect());
      machine.grants.on_publish({});
      u8* const secret = first.disk->buffer(11 * kPageSize);
      std::memset(secret, kSecret, 11 * kPageSize);
      first.disk->run(Operation::kWrite, 0, secret, 11 * kPageSize);
    }
    found = 0;  // what the first backend saw was meant for it
    machine.grants.on_publish([this](GrantRef ref) { look_at(ref); });
    Life second(machine);
    second.mode(GetParam());
    ASSERT_TRUE(second.connect());
    io(second, Operation::kRead, 0, 11 * kPageSize, 0);
    EXPECT_EQ(found, 0u);
    second.end();
    expect_no_trace();
  }
}

// In the other direction: a backend that fills whole pages changes no byte that was not asked for.
TEST_P(Concealed, OnlyTheBytesThatWereReadReachTheUser) {
  Life life(machine);
  life.mode(GetParam());
  life.backend.behaviour.hold = true;
  ASSERT_TRUE(life.connect());
  for (const size_t offset : {size_t{0}, size_t{512}, size_t{2048}}) {
    const auto made = io(life, Operation::kRead, 0, 1024, offset);
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64 frame, bool) {
      const bool ring = frame == machine.memory.gfn_of(life.disk->queue().ring_pages().data());
      if (others.contains(ref) || ring) return;
      std::memset(machine.memory.backend_view(frame, true), 0x99, kPageSize);
    });
    life.backend.queue().complete_held();
    machine.settle();
    ASSERT_TRUE(made->finished);
    const u8* const at = static_cast<const u8*>(made->segments[0].address);
    for (size_t i = 1; i <= offset; ++i) ASSERT_EQ(*(at - i), kSecret);
    for (size_t i = 1024; i < 2048; ++i) ASSERT_EQ(at[i], kSecret);
  }
  life.end();
  expect_no_trace();
}

// The toolstack may say it of one disk, in the frontend's own directory.
TEST_F(HostileLeaks, XSA403_ADiskThatTheToolstackDistrustsIsBounced) {
  Life life(machine);
  machine.xenstore.store().write(life.backend.bus().frontend + "/trusted", "0");
  ASSERT_TRUE(life.connect());
  EXPECT_EQ(life.disk->plan().data_mode, DataMode::kBounce);
  io(life, Operation::kWrite, 0, 512, 1024);
  EXPECT_EQ(found, 0u);
  life.backend.disconnect();
  life.backend.offer();
  machine.settle();
  EXPECT_EQ(life.disk->queue().plan().data_mode, DataMode::kBounce) << "and stays so";
  life.end();
  expect_no_trace();
}
TEST_F(HostileLeaks, ATrustThatIsNoNumberIsNoTrust) {
  Life life(machine);
  machine.xenstore.store().write(life.backend.bus().frontend + "/trusted", "perhaps");
  EXPECT_FALSE(life.connect());
  expect_given_up(life, "'trusted'");
  life.end();
  expect_no_trace();
}

// Between two requests a bounced page is not granted at all.
TEST_F(HostileLeaks, BouncePagesAreGrantedForTheLengthOfARequest) {
  Life life(machine);
  life.mode(DataMode::kBounce);
  ASSERT_TRUE(life.connect());
  const size_t idle = machine.grants.published();
  for (u64 i = 0; i < 20; ++i) {
    io(life, i % 2 == 0 ? Operation::kWrite : Operation::kRead, i, 5 * kPageSize, 0);
    EXPECT_EQ(machine.grants.published(), idle);
  }
  life.end();
  expect_no_trace();
}

// A read's page is granted writable, a write's read-only: the backend cannot change what is written
// after it was checked.
TEST_F(HostileLeaks, DataToBeWrittenIsGrantedReadOnly) {
  for (const DataMode mode : {DataMode::kDirect, DataMode::kBounce}) {
    Life life(machine);
    life.mode(mode);
    life.backend.behaviour.hold = true;
    ASSERT_TRUE(life.connect());
    const std::set<GrantRef> before = granted();
    io(life, Operation::kWrite, 0, 5 * kPageSize, 0);
    machine.grants.each_granted(kBackend, [&](GrantRef ref, u64, bool readonly) {
      if (!before.contains(ref)) {
        EXPECT_TRUE(readonly);
      }
    });
    EXPECT_EQ(granted().size(), before.size() + 5);
    life.end();
    expect_no_trace();
  }
}

TEST_F(HostileLeaks, RingsAndDescriptorsHoldNoSecretForATrustedBackendEither) {
  Life life(machine);
  offer_everything(life, DataMode::kDirect);
  life.cpus = 1;
  dirty_the_stack();
  ASSERT_TRUE(life.connect());
  transfer_everything(life);
  EXPECT_GT(life.backend.queue().indirect_seen(), 0u);
  EXPECT_GT(found, 0u) << "in the user's pages";
  EXPECT_EQ(found_in_ours, 0u);
  life.end();
  expect_no_trace();
}

// The method itself: a trusted backend is given the user's own pages, neighbours and all, and the
// search sees that. This is what trusted=0 is for.
TEST_F(HostileLeaks, ATrustedBackendSeesWholePagesAndTheSearchFindsThem) {
  Life life(machine);
  life.mode(DataMode::kDirect);
  ASSERT_TRUE(life.connect());
  EXPECT_EQ(found, 0u) << "the ring holds no secret in any mode";
  io(life, Operation::kWrite, 0, 512, 1024);
  EXPECT_GT(found, 0u);
  EXPECT_GT(foreign_pages, 0u);
  life.end();
  expect_no_trace();
}

}  // namespace
}  // namespace pvk::fakes
