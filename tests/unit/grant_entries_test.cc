// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Publishing and revoking, access by access: what the CPU did to the table, and what a domain that
// maps can make of it when its steps come between in every order.
//
// This shows every sequentially consistent order; that fences keep a CPU to these is theirs to do.
#include <gtest/gtest.h>

#include "hypercalls/grant_entries.h"

#include <cstring>
#include <set>
#include <vector>

#include "fakes/access_trace.h"
#include "fakes/xen_calls.h"
#include "hypercalls/grant_calls.h"
#include "hypercalls/memory_calls.h"

namespace pvk::fakes {
namespace {

using testing::IsEmpty;

constexpr DomId kPeer = 3;
constexpr DomId kOther = 4;
constexpr GrantRef kRef = 40;
constexpr auto kReadWrite = pvk::Access::kReadWrite;
constexpr auto kReadOnly = pvk::Access::kReadOnly;

// A domain that maps the grant to write, uses it once and lets go; then it tries again.
class Peer {
 public:
  Peer(XenCalls& xen, u64 allowed_mfn) : xen_(xen), allowed_(allowed_mfn) { start(); }

  void step() {
    if (!attempt_.done()) {
      xen_.grants.step(attempt_);
      if (attempt_.done() && !attempt_.result.ok()) start();
      return;
    }
    if (!used_) {
      used_ = true;
      wrong_frame_ = wrong_frame_ || attempt_.result.mfn != allowed_;
      late_ = late_ || revoked;
      return;
    }
    xen_.grants.unmap(attempt_.result);
    start();
  }
  bool holds() const { return attempt_.done(); }
  // Finishes what it began.
  void let_go() {
    while (attempt_.at != XenGrants::Attempt::At::kCheck) step();
  }
  bool wrong_frame() const { return wrong_frame_; }
  bool late() const { return late_; }

  bool revoked = false;  // the guest was told that nobody uses the page

 private:
  void start() {
    attempt_ = {};
    attempt_.who = kPeer;
    attempt_.ref = kRef;
    attempt_.writable = true;
    used_ = false;
  }
  XenCalls& xen_;
  u64 allowed_;
  XenGrants::Attempt attempt_;
  bool used_ = false;
  bool wrong_frame_ = false;
  bool late_ = false;
};

// Every way to put up to kSteps of the peer's steps before, between and after `accesses` accesses.
class Ways {
 public:
  static constexpr unsigned kSteps = 9;

  explicit Ways(size_t accesses) : counts_(accesses + 1) {}
  unsigned at(size_t place) const { return place < counts_.size() ? counts_[place] : 0; }
  bool next() {
    for (unsigned& count : counts_) {
      ++count;
      if (total() <= kSteps) return true;
      count = 0;
    }
    return false;
  }

 private:
  unsigned total() const {
    unsigned sum = 0;
    for (const unsigned count : counts_) sum += count;
    return sum;
  }
  std::vector<unsigned> counts_;
};

struct Outcomes {
  unsigned revoked = 0;
  unsigned busy = 0;
  unsigned ways = 0;
};

class Entries : public testing::TestWithParam<u32> {
 protected:
  void SetUp() override {
    ASSERT_TRUE(AccessTrace::available());
    xen.grants.max_frames = 1;
    ASSERT_TRUE(set_grant_version(xen, GetParam()).ok());
    const u64 gfn = xen.memory.take_hole(pages());
    ASSERT_TRUE(add_to_physmap(xen, XENMAPSPACE_grant_table, 0, gfn).ok());
    if (GetParam() == 2) {
      ASSERT_TRUE(
          add_to_physmap(xen, XENMAPSPACE_grant_table, XENMAPIDX_grant_table_status, gfn + 1).ok());
    }
    window = xen.memory.at(gfn);
    entries.open(GetParam(), window, window + kPageSize);
    page = static_cast<u8*>(xen.memory.allocate());
    second = static_cast<u8*>(xen.memory.allocate());
  }
  void TearDown() override { EXPECT_THAT(xen.violations.all(), IsEmpty()); }
  static size_t pages() { return GetParam(); }
  static size_t entry_bytes() { return GetParam() == 1 ? 8 : 16; }
  u64 gfn_of(const void* address) const { return xen.memory.gfn_of(address); }
  template <class Guest>
  Outcomes try_all(size_t accesses, Guest guest);

  XenCalls xen;
  GrantEntries entries;
  u8* window = nullptr;
  u8* page = nullptr;
  u8* second = nullptr;
};

INSTANTIATE_TEST_SUITE_P(Versions, Entries, testing::Values(1u, 2u));

TEST_P(Entries, PublishIsOneStoreOrFrameBeforeHeader) {
  AccessTrace trace(window, pages());
  entries.publish(kRef, kPeer, gfn_of(page), kReadWrite);
  trace.stop();
  ASSERT_EQ(trace.accesses().size(), GetParam()) << "stores of the version";
  for (const Access& access : trace.accesses()) EXPECT_TRUE(access.write);
  // At no moment is there a valid entry with another frame.
  trace.replay([this](const std::vector<u8>& now) {
    const u8* const entry = now.data() + kRef * entry_bytes();
    u16 flags = 0;
    u64 frame = 0;
    std::memcpy(&flags, entry, sizeof(flags));
    std::memcpy(&frame, entry + entry_bytes() / 2, entry_bytes() / 2);
    EXPECT_TRUE(flags == 0 || frame == gfn_of(page));
  });
  EXPECT_EQ(xen.grants.flags(kRef), GTF_permit_access);
  EXPECT_EQ(xen.grants.domid(kRef), kPeer);
}

TEST_P(Entries, RevokeIsTwoAccesses) {
  entries.publish(kRef, kPeer, gfn_of(page), kReadOnly);
  EXPECT_EQ(xen.grants.flags(kRef), GTF_permit_access | GTF_readonly);
  AccessTrace trace(window, pages());
  EXPECT_TRUE(entries.revoke(kRef));
  trace.stop();
  EXPECT_EQ(trace.accesses().size(), 2u);
  EXPECT_EQ(xen.grants.flags(kRef), 0u);
}

TEST_P(Entries, AnUnusedEntryIsRevokedAtOnce) { EXPECT_TRUE(entries.revoke(kRef)); }

// 33 pieces: 128 KiB and the page that an odd start costs.
TEST_P(Entries, ALargeRequestTouchesFewCacheLines) {
  constexpr u32 kPieces = 33;
  for (GrantRef first = 8; first < 8 + 64; ++first) {
    AccessTrace trace(window, pages());
    for (u32 i = 0; i < kPieces; ++i) {
      entries.publish(first + i, kPeer, gfn_of(page), kReadWrite);
    }
    trace.stop();
    std::set<size_t> lines;
    for (const Access& access : trace.accesses()) lines.insert(access.offset / 64);
    EXPECT_LE(lines.size(), GetParam() == 1 ? 5u : 9u) << first;
    for (u32 i = 0; i < kPieces; ++i) EXPECT_TRUE(entries.revoke(first + i));
  }
}

// Runs `guest` once in each way; it returns whether the revoke in it succeeded. Whatever happened,
// when the peer has finished what it began the grant can be revoked.
template <class Guest>
Outcomes Entries::try_all(size_t accesses, Guest guest) {
  Outcomes outcomes;
  Ways ways(accesses);
  do {
    Peer peer(xen, xen.memory.behind(gfn_of(page)));
    size_t place = 0;
    const auto others = [&] {
      for (unsigned i = 0; i < ways.at(place); ++i) peer.step();
      ++place;
    };
    AccessTrace trace(window, pages());
    trace.after_each([&](const Access& access) {
      if (!access.foreign) others();
    });
    others();
    const bool revoked = guest(peer);
    trace.stop();
    EXPECT_GE(place, (revoked ? accesses : 3) + 1) << "every place was come to";
    EXPECT_FALSE(revoked && peer.holds());
    EXPECT_FALSE(peer.wrong_frame());
    EXPECT_FALSE(peer.late());
    peer.let_go();
    EXPECT_TRUE(entries.revoke(kRef));
    ++(revoked ? outcomes.revoked : outcomes.busy);
    ++outcomes.ways;
  } while (ways.next() && !HasFailure());
  return outcomes;
}

TEST_P(Entries, NobodyUsesAPageAfterItsRevocation) {
  const size_t accesses = GetParam() == 1 ? 3 : 4;
  const Outcomes outcomes = try_all(accesses, [this](Peer& peer) {
    entries.publish(kRef, kPeer, gfn_of(page), kReadWrite);
    return peer.revoked = entries.revoke(kRef);
  });
  EXPECT_GT(outcomes.ways, 200u);
  EXPECT_GT(outcomes.revoked, 20u);
  EXPECT_GT(outcomes.busy, 20u);
}

// The same reference goes to another domain at once: the first never gets the second's page.
TEST_P(Entries, AReferenceThatMovesOnTakesNobodyAlong) {
  const size_t accesses = GetParam() == 1 ? 4 : 6;
  const Outcomes outcomes = try_all(accesses, [this](Peer& peer) {
    entries.publish(kRef, kPeer, gfn_of(page), kReadWrite);
    peer.revoked = entries.revoke(kRef);
    if (peer.revoked) entries.publish(kRef, kOther, gfn_of(second), kReadWrite);
    return peer.revoked;
  });
  EXPECT_GT(outcomes.revoked, 100u);
  EXPECT_GT(outcomes.busy, 100u);
}

// The proof of the proof: a guest that only clears the flags is caught.
TEST_P(Entries, ARevocationThatDoesNotLookIsFound) {
  const Outcomes outcomes = [&] {
    Outcomes seen;
    Ways ways(2);
    do {
      Peer peer(xen, xen.memory.behind(gfn_of(page)));
      entries.publish(kRef, kPeer, gfn_of(page), kReadWrite);
      for (unsigned i = 0; i < ways.at(0); ++i) peer.step();
      *reinterpret_cast<u16*>(window + kRef * entry_bytes()) = 0;
      peer.revoked = true;
      for (unsigned i = 0; i < ways.at(1); ++i) peer.step();
      ++(peer.late() || peer.holds() ? seen.busy : seen.revoked);
      peer.let_go();
    } while (ways.next());
    return seen;
  }();
  EXPECT_GT(outcomes.busy, 0u);
}

}  // namespace
}  // namespace pvk::fakes
