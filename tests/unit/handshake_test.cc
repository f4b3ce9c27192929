// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The handshake, every state and event: as a table that was written from xen/io/xenbus.h and the
// rules below it, not from the code.
#include "frontends/xenbus/handshake.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace pvk {
namespace {

struct Row {
  Phase phase;
  Event event;
  Phase next;
  Action action;
};

using P = Phase;
using E = Event;
using A = Action;

constexpr Row kRows[] = {
    {P::kWaiting, E::kBackendUnknown, P::kWaiting, A::kNone},
    {P::kWaiting, E::kBackendInitialising, P::kWaiting, A::kNone},
    {P::kWaiting, E::kBackendInitWait, P::kPublished, A::kPublish},
    {P::kWaiting, E::kBackendInitialised, P::kPublished, A::kPublish},
    {P::kWaiting, E::kBackendConnected, P::kConnected, A::kPublishAndAttach},
    {P::kWaiting, E::kBackendClosing, P::kClosed, A::kClose},
    {P::kWaiting, E::kBackendClosed, P::kWaiting, A::kNone},
    {P::kWaiting, E::kBackendReconfiguring, P::kWaiting, A::kNone},
    {P::kWaiting, E::kBackendReconfigured, P::kWaiting, A::kNone},
    {P::kWaiting, E::kBackendPausing, P::kHeld, A::kHold},
    {P::kWaiting, E::kBackendPaused, P::kWaiting, A::kNone},
    {P::kWaiting, E::kResumed, P::kWaiting, A::kRevive},
    {P::kWaiting, E::kFailure, P::kFailed, A::kClose},
    {P::kWaiting, E::kRemove, P::kClosed, A::kClose},

    {P::kPublished, E::kBackendUnknown, P::kClosed, A::kClose},
    {P::kPublished, E::kBackendInitialising, P::kWaiting, A::kReopen},
    {P::kPublished, E::kBackendInitWait, P::kPublished, A::kNone},
    {P::kPublished, E::kBackendInitialised, P::kPublished, A::kNone},
    {P::kPublished, E::kBackendConnected, P::kConnected, A::kAttach},
    {P::kPublished, E::kBackendClosing, P::kClosed, A::kClose},
    {P::kPublished, E::kBackendClosed, P::kClosed, A::kClose},
    {P::kPublished, E::kBackendReconfiguring, P::kPublished, A::kNone},
    {P::kPublished, E::kBackendReconfigured, P::kPublished, A::kNone},
    {P::kPublished, E::kBackendPausing, P::kHeld, A::kHold},
    {P::kPublished, E::kBackendPaused, P::kWaiting, A::kReopen},
    {P::kPublished, E::kResumed, P::kWaiting, A::kRevive},
    {P::kPublished, E::kFailure, P::kFailed, A::kClose},
    {P::kPublished, E::kRemove, P::kClosed, A::kClose},

    {P::kConnected, E::kBackendUnknown, P::kClosed, A::kClose},
    {P::kConnected, E::kBackendInitialising, P::kWaiting, A::kReopen},
    {P::kConnected, E::kBackendInitWait, P::kHeld, A::kHold},
    {P::kConnected, E::kBackendInitialised, P::kConnected, A::kNone},
    {P::kConnected, E::kBackendConnected, P::kConnected, A::kRefresh},
    {P::kConnected, E::kBackendClosing, P::kClosed, A::kDetach},
    {P::kConnected, E::kBackendClosed, P::kClosed, A::kClose},
    {P::kConnected, E::kBackendReconfiguring, P::kConnected, A::kNone},
    {P::kConnected, E::kBackendReconfigured, P::kConnected, A::kRefresh},
    {P::kConnected, E::kBackendPausing, P::kHeld, A::kHold},
    {P::kConnected, E::kBackendPaused, P::kWaiting, A::kReopen},
    {P::kConnected, E::kResumed, P::kWaiting, A::kRevive},
    {P::kConnected, E::kFailure, P::kFailed, A::kClose},
    {P::kConnected, E::kRemove, P::kClosed, A::kDetach},

    {P::kHeld, E::kBackendUnknown, P::kClosed, A::kClose},
    {P::kHeld, E::kBackendInitialising, P::kWaiting, A::kReopen},
    {P::kHeld, E::kBackendInitWait, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendInitialised, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendConnected, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendClosing, P::kClosed, A::kClose},
    {P::kHeld, E::kBackendClosed, P::kClosed, A::kClose},
    {P::kHeld, E::kBackendReconfiguring, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendReconfigured, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendPausing, P::kHeld, A::kNone},
    {P::kHeld, E::kBackendPaused, P::kWaiting, A::kReopen},
    {P::kHeld, E::kResumed, P::kWaiting, A::kRevive},
    {P::kHeld, E::kFailure, P::kFailed, A::kClose},
    {P::kHeld, E::kRemove, P::kClosed, A::kClose},

    {P::kClosed, E::kBackendUnknown, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendInitialising, P::kWaiting, A::kReopen},
    {P::kClosed, E::kBackendInitWait, P::kPublished, A::kPublish},
    {P::kClosed, E::kBackendInitialised, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendConnected, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendClosing, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendClosed, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendReconfiguring, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendReconfigured, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendPausing, P::kClosed, A::kNone},
    {P::kClosed, E::kBackendPaused, P::kClosed, A::kNone},
    {P::kClosed, E::kResumed, P::kWaiting, A::kRevive},
    {P::kClosed, E::kFailure, P::kFailed, A::kNone},
    {P::kClosed, E::kRemove, P::kClosed, A::kNone},

    {P::kFailed, E::kBackendUnknown, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendInitialising, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendInitWait, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendInitialised, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendConnected, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendClosing, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendClosed, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendReconfiguring, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendReconfigured, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendPausing, P::kFailed, A::kNone},
    {P::kFailed, E::kBackendPaused, P::kFailed, A::kNone},
    {P::kFailed, E::kResumed, P::kWaiting, A::kRevive},
    {P::kFailed, E::kFailure, P::kFailed, A::kNone},
    {P::kFailed, E::kRemove, P::kClosed, A::kNone},
};

class EveryStep : public testing::TestWithParam<Row> {};

TEST_P(EveryStep, IsAsWritten) {
  const Row& row = GetParam();
  const Step step = handshake_step(row.phase, row.event);
  EXPECT_EQ(step.next, row.next);
  EXPECT_EQ(step.action, row.action);
}

INSTANTIATE_TEST_SUITE_P(Table, EveryStep, testing::ValuesIn(kRows), [](const auto& row) {
  return std::string(to_text(row.param.phase)) + "_event_" +
         std::to_string(static_cast<int>(row.param.event));
});

TEST(Handshake, TheTableAboveIsComplete) {
  std::set<std::pair<Phase, Event>> cells;
  for (const Row& row : kRows) cells.insert({row.phase, row.event});
  EXPECT_EQ(cells.size(), kPhases * kEvents);
}

template <class Check>
void for_all(Check check) {
  for (size_t phase = 0; phase < kPhases; ++phase) {
    for (size_t event = 0; event < kEvents; ++event) {
      const auto from = static_cast<Phase>(phase);
      SCOPED_TRACE(std::string(to_text(from)) + ", event " + std::to_string(event));
      check(from, static_cast<Event>(event), handshake_step(from, static_cast<Event>(event)));
    }
  }
}

TEST(Handshake, AConnectedDeviceIsNeverLeftWithoutTakingItDownOrHoldingIt) {
  for_all([](Phase from, Event, Step step) {
    if (from != Phase::kConnected || step.next == Phase::kConnected) return;
    EXPECT_TRUE(step.action == Action::kDetach || step.action == Action::kClose ||
                step.action == Action::kHold || step.action == Action::kReopen ||
                step.action == Action::kRevive);
  });
}

TEST(Handshake, NothingIsAttachedTwice) {
  for_all([](Phase from, Event, Step step) {
    if (step.action == Action::kAttach || step.action == Action::kPublishAndAttach) {
      EXPECT_NE(from, Phase::kConnected);
      EXPECT_EQ(step.next, Phase::kConnected);
    }
  });
}

TEST(Handshake, OnlyRemovalOrAnotherLifeEndsAFailure) {
  for_all([](Phase from, Event event, Step step) {
    if (from != Phase::kFailed || event == Event::kRemove) return;
    if (event == Event::kResumed) return;
    EXPECT_EQ(step.next, Phase::kFailed);
  });
}

TEST(Handshake, AnyTextForAStateIsAnEvent) {
  for (int state = 0; state <= 8; ++state) {
    EXPECT_EQ(backend_event(state), static_cast<Event>(state));
  }
  for (const int state : {-1, 9, 10, 255, -2147483647, 2147483647}) {
    EXPECT_EQ(backend_event(state), Event::kBackendUnknown) << state;
  }
}

}  // namespace
}  // namespace pvk
