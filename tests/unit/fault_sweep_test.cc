// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Every platform call that can fail does, one at a time, in a life with everything in it: connect,
// I/O of every kind, resize, restart of the backend, removal. Nothing leaks, no request is lost,
// the disk goes on or is down with one clear line, and the driver can be loaded again.
#include <gtest/gtest.h>

#include "unit/whole_life.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

constexpr Call kEveryCall[] = {Call::kAlloc,       Call::kPagesAlloc, Call::kGrantReserve,
                               Call::kGrantRevoke, Call::kEventOpen,  Call::kXsRead,
                               Call::kXsWrite,     Call::kXsRemove,   Call::kXsBegin,
                               Call::kXsEnd,       Call::kXsSetState, Call::kBusState};
static_assert(std::size(kEveryCall) == kCalls);

// What one call met with in a whole life.
struct Fault {
  bool any = false;  // counts calls of every kind
  Call call = Call::kAlloc;
  u64 n = 1;
  int error = 0;  // 0: what the call fails with most often
};

class FaultSweep : public HostileTest, public testing::WithParamInterface<DataMode> {
 protected:
  // Whether the life was long enough for the fault to happen.
  bool live_with(const Fault& fault) {
    bool fired = false;
    {
      Life life(machine);
      offer_everything(life, GetParam());
      if (fault.any) {
        machine.faults.fail_any(fault.n);
      } else {
        machine.faults.fail_nth(fault.call, fault.n, fault.error);
      }
      live_until_removed(life);
      fired = machine.faults.fired();
      life.disk->remove();
      machine.faults.clear();
    }
    // A feature that only we believe missing: the backend goes on to use it and complains.
    if (fault.error == ENOENT) forget_complaints_of_the_liar();
    expect_no_trace();
    return fired;
  }
  void live_until_removed(Life& life) {
    life.connect();
    check(life);
    traffic_of_every_kind(life);
    check(life);
    resize(life, "8192");
    traffic_of_every_kind(life);
    check(life);
    restart(life);
    traffic_of_every_kind(life);
    check(life);
  }
  // Up and whole, or down and empty with one line that says so.
  void check(Life& life) {
    block::Device& device = life.disk->device();
    EXPECT_EQ(life.disk->up(), device.phase() == Phase::kConnected);
    EXPECT_LE(life.lines("stays down") + life.lines("is given up"), 1u);
    if (device.phase() == Phase::kFailed) {
      EXPECT_EQ(life.lines("stays down") + life.lines("is given up"), 1u);
      EXPECT_EQ(device.queues().size(), 0u);
      EXPECT_EQ(life.disk->in_flight(), 0u);
    }
  }
};

INSTANTIATE_TEST_SUITE_P(All, FaultSweep,
                         testing::Values(DataMode::kDirect, DataMode::kPersistent,
                                         DataMode::kBounce),
                         [](const auto& mode) { return std::string(block::to_text(mode.param)); });

// What is swept over is the whole of a life, and it works.
TEST_P(FaultSweep, ALifeWithoutFaultsDoesEverything) {
  Life life(machine);
  offer_everything(life, GetParam());
  live_until_removed(life);
  EXPECT_EQ(life.disk->attached, 1u);
  EXPECT_EQ(life.disk->carried_on, 1u);
  EXPECT_EQ(life.disk->resized_to, kFewSectors) << "what the backend offers when it comes back";
  EXPECT_EQ(life.ios.size(), 3 * 7 + 1u);
  for (const auto& io : life.ios) EXPECT_EQ(io->outcome, Outcome::kDone);
  EXPECT_EQ(life.backend.disk().flushes, 3u);
  EXPECT_EQ(life.backend.disk().secure_discards, 3u);
  life.end();
  expect_no_trace();
}

TEST_P(FaultSweep, EveryCallOfALifeFailsOnce) {
  Fault fault;
  fault.any = true;
  while (live_with(fault)) {
    ++fault.n;
    SCOPED_TRACE("call " + std::to_string(fault.n));
    if (HasFailure()) return;
  }
  EXPECT_GT(fault.n, 150u) << "the sweep reached few calls";
}

// One kind at a time: so that the sweep is known to reach each kind, and how far.
TEST_P(FaultSweep, EveryKindOfCallFailsAtLeastOnce) {
  for (const Call call : kEveryCall) {
    Fault fault;
    fault.call = call;
    while (live_with(fault)) ++fault.n;
    const bool used = call != Call::kGrantRevoke || GetParam() != DataMode::kPersistent;
    EXPECT_GT(fault.n, used ? 2u : 1u) << "kind " << static_cast<int>(call);
  }
}

// Other reasons than the usual one must not be mistaken for another: a commit that was lost, a
// value too long, a permission.
TEST_P(FaultSweep, EveryCallOfXenstoreFailsForEveryReason) {
  for (const Call call : {Call::kXsRead, Call::kXsWrite, Call::kXsRemove, Call::kXsBegin,
                          Call::kXsEnd, Call::kXsSetState}) {
    for (const int error : {EAGAIN, ENOMEM, ERANGE, ENOSPC, ENOENT, EACCES}) {
      Fault fault;
      fault.call = call;
      fault.error = error;
      while (live_with(fault)) ++fault.n;
      EXPECT_GT(fault.n, 1u);
    }
  }
}

// What fails for a while and then works again leaves a disk that works.
TEST_P(FaultSweep, MemoryThatComesBackServesWhatHadToWait) {
  Life life(machine);
  offer_everything(life, GetParam());
  ASSERT_TRUE(life.connect());
  machine.faults.fail_always(Call::kPagesAlloc);
  std::vector<std::shared_ptr<Io>> waiting;
  life.backend.behaviour.hold = true;
  u8* const data = life.disk->buffer(32 * kPageSize);
  while (const auto io = life.disk->start(Operation::kRead, 0, data, 32 * kPageSize)) {
    life.ios.push_back(io);
    if (life.ios.size() == 64) break;
  }
  ASSERT_GE(life.ios.size(), 1u) << "one request is always possible";
  EXPECT_TRUE(life.ios.size() == 64 || life.disk->why() == Error::kBusy);
  machine.faults.clear();
  life.backend.behaviour.hold = false;
  life.disk->publish();
  machine.settle();
  EXPECT_EQ(life.disk->in_flight(), 0u);
  const auto io = life.submit(Operation::kRead, 0, 32 * kPageSize);
  ASSERT_NE(io, nullptr);
  EXPECT_EQ(io->outcome, Outcome::kDone);
  life.end();
  expect_no_trace();
}

TEST_P(FaultSweep, EveryRevokeIsRefusedOnceOnTheWayDown) {
  u64 n = 1;
  for (bool fired = true; fired; ++n) {
    SCOPED_TRACE("revoke " + std::to_string(n));
    {
      Life life(machine);
      offer_everything(life, GetParam());
      ASSERT_TRUE(life.connect());
      life.submit(Operation::kWrite, 0, 20 * kPageSize);
      machine.faults.fail_nth(Call::kGrantRevoke, n);
      life.disk->remove();
      fired = machine.faults.fired();
      machine.faults.clear();
    }
    expect_no_trace();
  }
  EXPECT_GT(n, 4u) << "two rings of two pages";
}

}  // namespace
}  // namespace pvk::fakes
