// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend that jumps between states as it likes: every sequence of up to four, from every phase
// of the frontend, with requests in flight all the time. No request is lost or ends twice, nothing
// leaks, and a backend that comes to its senses is served again.
#include <gtest/gtest.h>

#include <climits>

#include "unit/whole_life.h"

namespace pvk::fakes {
namespace {

using block::Operation;
using block::Outcome;

// The nine states of xenbus (Closing means that the backend will be back), Closing for good, a
// backend that was killed and starts over, a domain that has moved.
constexpr int kUnplugged = 9;
constexpr int kKilled = 10;
constexpr int kMoved = 11;
const std::vector<int> kStates = {0, 1, 2, 3, 4, 5, 6, 7, 8, kUnplugged, kKilled};
const std::vector<int> kMoves = {0, 1, 2, 3, 4, 5, 6, 7, 8, kUnplugged, kKilled, kMoved};
// Those that make a frontend do something in some phase. Sanitizers make a life ten times as long,
// so with them sequences of more than two consist of these.
const std::vector<int> kActingMoves = {1, 2, 4, 5, 6, kUnplugged, kKilled};
#if defined(__SANITIZE_ADDRESS__)
constexpr bool kSanitized = true;
#elif defined(__has_feature)
constexpr bool kSanitized = __has_feature(address_sanitizer);
#else
constexpr bool kSanitized = false;
#endif

// How long the frontend may think between two jumps.
enum class Pace : u8 { kSettled, kOneStep, kAtOnce };

class HostileStates : public HostileTest {
 protected:
  void prepare(Life& life, Phase phase) {
    life.backend.behaviour.hold = true;
    if (phase == Phase::kWaiting || phase == Phase::kPublished) {
      // By hand: a backend that followed the frontend would go on to Connected.
      for (const auto& [key, value] : life.backend.offered.late) life.backend.write(key, value);
      if (phase == Phase::kPublished) life.backend.set_state(XenbusStateInitWait);
      life.meet();
    } else {
      ASSERT_TRUE(life.connect());
      submit(life);
      if (phase == Phase::kClosed) life.backend.close();
      if (phase == Phase::kFailed) life.disk->device().fail();
      if (phase != Phase::kHeld) machine.settle();
      if (phase == Phase::kHeld) life.disk->device().backend_changed(XenbusStateClosing);
    }
    life.disk->patience = 4;
    ASSERT_EQ(life.disk->device().phase(), phase);
  }
  static void submit(Life& life) {
    if (!life.disk->up()) return;
    for (const Operation operation : {Operation::kWrite, Operation::kRead}) {
      const auto io = life.disk->start(operation, 8, data_of(life), kPageSize);
      if (io != nullptr) life.ios.push_back(io);
    }
    life.disk->publish();
  }
  static u8* data_of(Life& life) {
    return life.ios.empty() ? life.disk->buffer(kPageSize)
                            : static_cast<u8*>(life.ios[0]->segments[0].address);
  }
  void jump(Life& life, int move, Pace pace) {
    if (move == kKilled) {
      life.backend.disconnect();
      life.backend.offer();
    } else if (move == kUnplugged) {
      life.backend.close();
    } else if (move == kMoved) {
      life.disk->device().resumed();
    } else {
      life.backend.set_state(move);
    }
    if (pace == Pace::kSettled) machine.settle();
    if (pace == Pace::kOneStep) machine.step();
    submit(life);
  }
  // A life that begins in `phase` and takes these moves.
  void play(Phase phase, const std::vector<int>& moves, Pace pace) {
    {
      Life life(machine);
      prepare(life, phase);
      for (const int move : moves) jump(life, move, pace);
      machine.settle();
      const Phase now = life.disk->device().phase();
      ASSERT_TRUE(now != Phase::kFailed || phase == Phase::kFailed) << "no reason to fail";
      ASSERT_EQ(now == Phase::kConnected, life.disk->up() && !life.disk->held());
      if (now != Phase::kFailed) come_to_its_senses(life);
    }
    forget_complaints_of_the_liar();
    ASSERT_EQ(machine.leaks(), baseline);
    ASSERT_EQ(machine.violations.all(), std::vector<std::string>{});
    machine.clear_log();
  }
  void come_to_its_senses(Life& life) {
    life.backend.behaviour.hold = false;
    life.backend.disconnect();
    life.backend.write("online", "0");
    life.backend.set_state(XenbusStateClosed);
    machine.settle();
    life.backend.offer();
    machine.settle();
    ASSERT_TRUE(life.disk->up() && !life.disk->held());
    const auto io = life.disk->start(Operation::kWrite, 8, data_of(life), kPageSize);
    ASSERT_NE(io, nullptr);
    life.ios.push_back(io);
    life.disk->publish();
    machine.settle();
    ASSERT_TRUE(io->finished);
    EXPECT_EQ(io->outcome, Outcome::kDone);
    EXPECT_EQ(life.disk->in_flight(), 0u);
  }
  // All sequences of exactly `length` of these moves.
  void play_all(Phase phase, const std::vector<int>& of, size_t length, Pace pace) {
    std::vector<size_t> chosen(length, 0);
    for (;;) {
      std::vector<int> moves;
      for (const size_t index : chosen) moves.push_back(of[index]);
      SCOPED_TRACE(testing::PrintToString(moves));
      play(phase, moves, pace);
      if (HasFatalFailure()) return;
      size_t at = 0;
      while (at < length && ++chosen[at] == of.size()) chosen[at++] = 0;
      if (at == length) return;
    }
  }
};

class FromEveryPhase : public HostileStates, public testing::WithParamInterface<Phase> {};
INSTANTIATE_TEST_SUITE_P(From, FromEveryPhase,
                         testing::Values(Phase::kWaiting, Phase::kPublished, Phase::kConnected,
                                         Phase::kHeld, Phase::kClosed, Phase::kFailed),
                         [](const auto& phase) { return std::string(to_text(phase.param)); });

TEST_P(FromEveryPhase, NoStateMattersToOthers) { play_all(GetParam(), kMoves, 1, Pace::kSettled); }
TEST_P(FromEveryPhase, NoTwoStatesMatterToOthers) {
  play_all(GetParam(), kMoves, 2, Pace::kSettled);
}
TEST_P(FromEveryPhase, NoThreeStatesMatterToOthers) {
  play_all(GetParam(), kSanitized ? kActingMoves : kMoves, 3, Pace::kSettled);
}
TEST_P(FromEveryPhase, NoFourStatesMatterToOthers) {
  play_all(GetParam(), kSanitized ? kActingMoves : kStates, 4, Pace::kSettled);
}
// Jumps that the frontend only half sees, or of which it sees the last alone.
TEST_P(FromEveryPhase, NoThreeStatesInAHurryMatterToOthers) {
  play_all(GetParam(), kSanitized ? kActingMoves : kMoves, 3, Pace::kOneStep);
}
TEST_P(FromEveryPhase, NoThreeStatesAtOnceMatterToOthers) {
  play_all(GetParam(), kSanitized ? kActingMoves : kMoves, 3, Pace::kAtOnce);
}

// "Fix IO race during unplug" (2026): answers, a jump and the removal, in every order.
TEST_F(HostileStates, AnswersAndJumpsRaceWithRemoval) {
  for (const int move : kMoves) {
    for (int order = 0; order < 6; ++order) {
      SCOPED_TRACE(std::to_string(move) + " in order " + std::to_string(order));
      {
        Life life(machine);
        prepare(life, Phase::kConnected);
        life.backend.queue().process();
        std::vector<std::function<void()>> steps = {[&] {
                                                      if (life.backend.connected())
                                                        life.backend.queue().complete_held(1);
                                                    },
                                                    [&] { jump(life, move, Pace::kOneStep); },
                                                    [&] { life.disk->remove(); }};
        std::rotate(steps.begin(), steps.begin() + order % 3, steps.end());
        if (order > 2) std::swap(steps[0], steps[1]);
        for (const auto& step : steps) step();
      }
      forget_complaints_of_the_liar();
      expect_no_trace();
    }
  }
}

// Any number at all may stand there.
TEST_F(HostileStates, ANumberThatIsNoStateIsABackendThatIsGone) {
  for (const int state : {0, 9, 10, 256 + 4, 65536 + 4, INT_MAX}) {
    Life life(machine);
    prepare(life, Phase::kConnected);
    life.disk->device().backend_changed(state);
    EXPECT_EQ(life.disk->device().phase(), Phase::kClosed) << state;
    EXPECT_EQ(life.disk->in_flight(), 0u);
    life.end();
    expect_no_trace();
  }
}

}  // namespace
}  // namespace pvk::fakes
