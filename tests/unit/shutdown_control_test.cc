// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Requests of the toolstack: taken once, never against its will, and what follows from them.
#include "pvops/shutdown_control.h"

#include <gtest/gtest.h>

#include <cstring>
#include <functional>
#include <map>
#include <string>

#include "pvkit/text.h"

namespace pvk {
namespace {

// A directory with transactions that see what they began with, and fail when another wrote.
struct Store {
  std::map<std::string, std::string> nodes, seen;
  bool open = false;
  bool changed = false;
  int begins = 0;
  int commits = 0;
  bool write_fails = false;
  std::function<void()> before_end;  // what somebody else does meanwhile

  void others_write(const std::string& key, const std::string& value) {
    nodes[key] = value;
    changed = true;
  }
  Status begin() {
    EXPECT_FALSE(open);
    open = true;
    changed = false;
    ++begins;
    seen = nodes;
    return {};
  }
  Result<size_t> read(const char* key, Span<char> buffer) {
    EXPECT_TRUE(open);
    if (!seen.contains(key)) return Error::kMissing;
    const std::string& value = seen[key];
    if (value.size() > buffer.size()) return Error::kBadValue;
    std::memcpy(buffer.data(), value.data(), value.size());
    return value.size();
  }
  Status write(const char* key, const char* value) {
    EXPECT_TRUE(open);
    if (write_fails) return Error::kXenstore;
    seen[key] = value;
    return {};
  }
  Status end(bool commit) {
    EXPECT_TRUE(open);
    open = false;
    if (before_end) before_end();
    if (!commit) return {};
    if (changed) return Error::kBusy;
    ++commits;
    nodes = seen;
    return {};
  }
};

struct Taking : testing::Test {
  ~Taking() override { EXPECT_FALSE(store.open) << "a transaction was left open"; }
  // What was taken, or the error in `error`.
  std::string take() {
    char buffer[16];
    const Result<size_t> length =
        take_text(store, "shutdown", buffer, [&](Span<char> text) { return wanted(text); });
    failed = !length.ok();
    if (failed) error = length.error();
    return failed ? "failed" : std::string(buffer, length.value());
  }
  std::function<bool(Span<char>)> wanted = [](Span<char>) { return true; };
  bool failed = false;
  Error error = Error::kNoMemory;
  Store store;
};

TEST_F(Taking, EmptiesTheNode) {
  store.nodes["shutdown"] = "poweroff";
  EXPECT_EQ(take(), "poweroff");
  EXPECT_EQ(store.nodes["shutdown"], "");
  EXPECT_EQ(take(), "") << "taken once";
}

TEST_F(Taking, DoesNotWriteWhatIsEmptyAlready) {
  store.nodes["shutdown"] = "";
  EXPECT_EQ(take(), "");
  EXPECT_EQ(store.commits, 0) << "a write would fire the watch again, for ever";
}

TEST_F(Taking, AMissingNodeIsNotMade) {
  EXPECT_EQ(take(), "failed");
  EXPECT_EQ(error, Error::kMissing);
  EXPECT_TRUE(store.nodes.empty());
}

TEST_F(Taking, WhatIsWithdrawnAtThatMomentIsNotTaken) {
  store.nodes["shutdown"] = "suspend";
  store.before_end = [&] {
    if (store.begins == 1) store.others_write("shutdown", "");
  };
  EXPECT_EQ(take(), "");
  EXPECT_EQ(store.commits, 0);
}

TEST_F(Taking, TheLatestOfTwoRequestsIsTaken) {
  store.nodes["shutdown"] = "suspend";
  store.before_end = [&] {
    if (store.begins == 1) store.others_write("shutdown", "reboot");
  };
  EXPECT_EQ(take(), "reboot");
  EXPECT_EQ(store.nodes["shutdown"], "");
  EXPECT_EQ(store.begins, 2);
}

TEST_F(Taking, CollisionsAreNotForEver) {
  store.nodes["shutdown"] = "reboot";
  store.before_end = [&] { store.others_write("other", "x"); };
  EXPECT_EQ(take(), "failed");
  EXPECT_EQ(error, Error::kBusy);
  EXPECT_EQ(store.begins, kTakeTries);
}

TEST_F(Taking, ARefusedWriteIsAnErrorAndTakesNothing) {
  store.nodes["shutdown"] = "reboot";
  store.write_fails = true;
  EXPECT_EQ(take(), "failed");
  EXPECT_EQ(error, Error::kXenstore);
  EXPECT_EQ(store.nodes["shutdown"], "reboot");
}

TEST_F(Taking, WhatIsTooLongStays) {
  store.nodes["shutdown"] = std::string(100, 'x');
  EXPECT_EQ(take(), "failed");
  EXPECT_EQ(error, Error::kBadValue);
  EXPECT_EQ(store.nodes["shutdown"].size(), 100u);
}

ControlRequest parse(const std::string& word) {
  return parse_control_request({word.data(), word.size()});
}

TEST(ControlWords, AreExact) {
  EXPECT_EQ(parse("poweroff"), ControlRequest::kPoweroff);
  EXPECT_EQ(parse("halt"), ControlRequest::kPoweroff);
  EXPECT_EQ(parse("reboot"), ControlRequest::kReboot);
  EXPECT_EQ(parse("suspend"), ControlRequest::kSuspend);
  EXPECT_EQ(parse("crash"), ControlRequest::kCrash);
  EXPECT_EQ(parse(""), ControlRequest::kNone);
  for (const char* word : {"Reboot", "reboot ", "poweroff\n", "power", "s3", "suspendd"}) {
    EXPECT_EQ(parse(word), ControlRequest::kUnknown) << word;
  }
}

TEST(ControlAnswers, APoweroffThatCameToNothingIsAskedForAgain) {
  for (int i = 0; i < 3; ++i) {
    for (const ControlRequest request :
         {ControlRequest::kPoweroff, ControlRequest::kReboot, ControlRequest::kSuspend}) {
      EXPECT_TRUE(is_taken(request, false));
      EXPECT_EQ(answer_to(request, false), request) << "whatever was asked before";
    }
  }
}

TEST(ControlAnswers, WhoGoesDownDoesNothingElse) {
  for (const ControlRequest request : {ControlRequest::kPoweroff, ControlRequest::kReboot}) {
    EXPECT_TRUE(is_taken(request, true)) << "acknowledged all the same";
    EXPECT_EQ(answer_to(request, true), ControlRequest::kNone);
  }
}

TEST(ControlAnswers, WhoGoesDownIsNotSuspended) {
  EXPECT_FALSE(is_taken(ControlRequest::kSuspend, true));
  EXPECT_EQ(answer_to(ControlRequest::kSuspend, true), ControlRequest::kNone);
}

TEST(ControlAnswers, ACrashIsAlwaysOneAndNonsenseIsAlwaysSaid) {
  for (const bool going_down : {false, true}) {
    for (const ControlRequest request : {ControlRequest::kCrash, ControlRequest::kUnknown}) {
      EXPECT_TRUE(is_taken(request, going_down));
      EXPECT_EQ(answer_to(request, going_down), request);
    }
    EXPECT_FALSE(is_taken(ControlRequest::kNone, going_down));
  }
}

TEST_F(Taking, WhatIsNotWantedStays) {
  store.nodes["shutdown"] = "suspend";
  wanted = [](Span<char> text) { return !text_equal({text.data(), text.size()}, "suspend"); };
  EXPECT_EQ(take(), "");
  EXPECT_FALSE(failed);
  EXPECT_EQ(store.nodes["shutdown"], "suspend");
  store.nodes["shutdown"] = "reboot";
  EXPECT_EQ(take(), "reboot");
}

TEST_F(Taking, ASuspensionComesToAGuestWhosePoweroffWasCancelled) {
  bool going_down = false;
  wanted = [&](Span<char> text) {
    return is_taken(parse_control_request({text.data(), text.size()}), going_down);
  };
  for (const char* word : {"poweroff", "suspend", "poweroff", "reboot"}) {
    store.nodes["shutdown"] = word;
    const std::string taken = take();
    EXPECT_EQ(taken, word);
    EXPECT_EQ(answer_to(parse(taken), going_down), parse(word));
  }
  going_down = true;
  store.nodes["shutdown"] = "suspend";
  EXPECT_EQ(take(), "");
  EXPECT_EQ(store.nodes["shutdown"], "suspend") << "the toolstack withdraws it";
}

char sysrq(const std::string& text) { return parse_sysrq({text.data(), text.size()}); }

TEST(Sysrq, IsOnePrintableCharacter) {
  EXPECT_EQ(sysrq("s"), 's');
  EXPECT_EQ(sysrq("9"), '9');
  for (const std::string& text : {std::string(), std::string("ss"), std::string(" "),
                                  std::string(1, '\0'), std::string("\n"), std::string("\x80")}) {
    EXPECT_EQ(sysrq(text), '\0') << text;
  }
}

}  // namespace
}  // namespace pvk
