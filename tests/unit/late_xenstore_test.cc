// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A xenstored that is late, or breaks off, says nothing about a backend: whatever it leaves without
// an answer is asked or said again, and a disk that works goes on meanwhile.
#include <gtest/gtest.h>

#include <xen/io/xenbus.h>

#include "unit/whole_life.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

constexpr Call kXenstoreCalls[] = {Call::kXsRead,  Call::kXsWrite, Call::kXsRemove,
                                   Call::kXsBegin, Call::kXsEnd,   Call::kXsSetState,
                                   Call::kBusState};
constexpr int kLate[] = {EINTR, EIO, EAGAIN, ENOMEM, EBUSY, ETIMEDOUT};

class LateXenstore : public HostileTest {
 protected:
  // A disk that is up, with a write that its backend has and does not answer.
  void SetUp() override {
    HostileTest::SetUp();
    ASSERT_TRUE(life.connect());
    life.backend.behaviour.hold = true;
    waiting = life.submit(Operation::kWrite, 8, kPageSize);
    ASSERT_TRUE(waiting != nullptr && !waiting->finished);
    life.disk->tries_left = 0;  // until the test says so
  }
  void TearDown() override {
    life.end();
    machine.faults.clear();
    HostileTest::TearDown();
  }
  block::Device& device() { return life.disk->device(); }
  // xenstore answers nothing from now on.
  void stall(int error = ETIMEDOUT) {
    for (const Call call : kXenstoreCalls) machine.faults.fail_always(call, error);
  }
  void answer_again() {
    machine.faults.clear();
    life.disk->tries_left = 1;
    life.backend.behaviour.hold = false;
    machine.settle();
    EXPECT_FALSE(device().unfinished());
  }
  void expect_served_as_ever() {
    EXPECT_TRUE(life.disk->up() && !life.disk->held());
    EXPECT_EQ(life.disk->attached, 1u);
    EXPECT_EQ(life.disk->detached, 0u);
    life.backend.behaviour.hold = false;
    if (life.backend.connected()) life.backend.queue().complete_held();
    machine.settle();
    ASSERT_TRUE(waiting->finished);
    EXPECT_EQ(waiting->outcome, Outcome::kDone);
    const auto next = life.submit(Operation::kRead, 8, kPageSize);
    ASSERT_TRUE(next != nullptr && next->finished);
    EXPECT_EQ(next->outcome, Outcome::kDone);
  }

  Life life{machine};
  std::shared_ptr<Io> waiting;
};

TEST_F(LateXenstore, AStateThatCannotBeReadIsNoState) {
  for (const int error : {EINTR, EIO, EAGAIN, ENOMEM, EBUSY, ETIMEDOUT, ENODEV, ENOSPC}) {
    device().backend_changed(-error);
    EXPECT_EQ(device().phase(), Phase::kConnected) << error;
    EXPECT_TRUE(device().unfinished()) << error;
  }
  answer_again();
  expect_served_as_ever();
}

TEST_F(LateXenstore, TheNewSizeIsReadLater) {
  life.backend.write("sectors", "8192");
  machine.faults.fail_always(Call::kXsRead, ETIMEDOUT);
  device().backend_changed(XenbusStateConnected);
  EXPECT_EQ(device().phase(), Phase::kConnected);
  EXPECT_TRUE(device().unfinished());
  answer_again();
  EXPECT_EQ(life.disk->resized_to, 8192u);
  expect_served_as_ever();
}

// As when the toolstack takes the directory away just then: the state will say what follows.
TEST_F(LateXenstore, ARefusedSizeChangesNothing) {
  machine.faults.fail_always(Call::kXsRead, EACCES);
  device().backend_changed(XenbusStateConnected);
  EXPECT_EQ(device().phase(), Phase::kConnected);
  EXPECT_FALSE(device().unfinished());
  machine.faults.clear();
  expect_served_as_ever();
}

TEST_F(LateXenstore, WhetherItWillBeBackIsAskedAgain) {
  for (const int state : {XenbusStateClosing, XenbusStateClosed}) {
    stall();
    device().backend_changed(state);
    EXPECT_EQ(device().phase(), Phase::kConnected);
    EXPECT_TRUE(device().unfinished());
    machine.faults.clear();
  }
  life.backend.disconnect();
  life.backend.set_state(XenbusStateClosed);
  answer_again();
  EXPECT_EQ(life.disk->holds, 1u);
  EXPECT_EQ(life.disk->carried_on, 1u);
  expect_served_as_ever();
}

TEST_F(LateXenstore, ARestoredDomainIsHeardLater) {
  life.backend.disconnect();
  life.backend.set_state(XenbusStateInitWait);
  machine.grants.empty_table();
  stall();
  device().resumed();
  EXPECT_EQ(device().phase(), Phase::kWaiting);
  EXPECT_TRUE(device().unfinished());
  EXPECT_TRUE(life.disk->held() && !waiting->finished);
  device().backend_changed(-ETIMEDOUT);
  EXPECT_TRUE(device().unfinished());
  machine.faults.clear();
  life.backend.offer();
  answer_again();
  expect_served_as_ever();
}

// Closed is what lets the toolstack detach the disk.
TEST_F(LateXenstore, TheEndOfADiskIsHeardLater) {
  stall();
  device().fail();
  EXPECT_EQ(device().phase(), Phase::kFailed);
  EXPECT_TRUE(waiting->given_up);
  machine.faults.clear();
  EXPECT_EQ(life.backend.frontend_state(), XenbusStateConnected);
  answer_again();
  EXPECT_EQ(life.backend.frontend_state(), XenbusStateClosed);
  EXPECT_EQ(device().phase(), Phase::kFailed);
}

TEST_F(LateXenstore, WhatCannotBeSaidForAnotherReasonEndsTheDisk) {
  stall();
  life.backend.disconnect();
  device().resumed();
  machine.faults.clear();
  machine.faults.fail_always(Call::kXsSetState, EACCES);
  device().backend_changed(XenbusStateInitWait);
  EXPECT_EQ(device().phase(), Phase::kFailed);
  EXPECT_EQ(life.lines("stays down"), 1u);
  EXPECT_TRUE(waiting->given_up);
}

TEST_F(LateXenstore, ALongSilenceIsOneLine) {
  stall();
  for (int i = 0; i < 100; ++i) device().backend_changed(-ETIMEDOUT);
  for (int i = 0; i < 100; ++i) device().backend_changed(XenbusStateConnected);
  EXPECT_EQ(machine.logged(PVK_LOG_WARNING, life.backend.bus().name, "xenstore"), 1u);
  answer_again();
  stall();
  device().backend_changed(-ETIMEDOUT);
  EXPECT_EQ(machine.logged(PVK_LOG_WARNING, life.backend.bus().name, "xenstore"), 2u);
  answer_again();
  expect_served_as_ever();
}

TEST_F(LateXenstore, ADriverThatGoesSaysThatItCouldNotSayIt) {
  stall();
  life.disk->remove();
  EXPECT_EQ(machine.logged(PVK_LOG_WARNING, life.backend.bus().name, "cannot say Closed"), 1u);
  EXPECT_FALSE(life.disk->up());
}

// Each question of a whole life once without an answer, for each reason: no disk is lost for it.
class OneSilence : public HostileTest, public testing::WithParamInterface<Call> {
 protected:
  bool live_with(u64 n, int error, u32 at_once) {
    bool fired = false;
    {
      Life life(machine);
      offer_everything(life, DataMode::kPersistent);
      machine.faults.fail_range(GetParam(), n, n + at_once - 1, error);
      life.connect();
      expect_up(life);
      traffic_of_every_kind(life);
      resize(life, "8192");
      expect_up(life);
      restart(life);
      traffic_of_every_kind(life);
      expect_up(life);
      EXPECT_EQ(life.disk->attached, 1u);
      EXPECT_EQ(life.disk->detached, 0u);
      for (const auto& io : life.ios) EXPECT_EQ(io->outcome, Outcome::kDone);
      fired = machine.faults.fired();
      machine.faults.clear();
      life.end();
    }
    expect_no_trace();
    return fired;
  }
  static void expect_up(Life& life) {
    ASSERT_TRUE(life.disk->up() && !life.disk->held());
    EXPECT_FALSE(life.disk->device().unfinished());
  }
};
INSTANTIATE_TEST_SUITE_P(Of, OneSilence, testing::ValuesIn(kXenstoreCalls), [](const auto& call) {
  return "call_" + std::to_string(static_cast<int>(call.param));
});

TEST_P(OneSilence, CostsNoDisk) {
  for (const int error : kLate) {
    for (const u32 at_once : {1u, 5u}) {
      u64 n = 1;
      for (bool fired = true; fired && !HasFailure(); ++n) {
        SCOPED_TRACE("error " + std::to_string(error) + " at call " + std::to_string(n) + ", " +
                     std::to_string(at_once) + " times");
        fired = live_with(n, error, at_once);
      }
      EXPECT_GT(n, 2u);
    }
  }
}

}  // namespace
}  // namespace pvk::fakes
