// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Servers that make no new connections, as the xenstored in C: whatever was left in the midst, an
// honest one gets the client back, and is never given a length for which it would give the guest
// up.
#include <gtest/gtest.h>

#include "frontends/xenbus/xs_client.h"
#include "unit/xs_test.h"

namespace pvk::fakes {
namespace {

using xs::Fault;
using xs::State;

const std::string kKey("/k\0", 3);

class XsProbe : public XsTest {
 protected:
  // A second goes by, with whatever it brings.
  void second() {
    client->tick(kPatience);
    settle();
  }
  u32 seconds_until_connected(u32 most = 20) {
    u32 seconds = 0;
    for (settle(); client->state() != State::kConnected && seconds < most; ++seconds) second();
    return seconds;
  }
  void expect_service() {
    EXPECT_FALSE(server.gone());
    EXPECT_EQ(client->state(), State::kConnected);
    EXPECT_FALSE(client->wants_ticks());
    EXPECT_EQ(write("/after", "works"), 0);
    EXPECT_EQ(read("/after"), "works");
  }
  // As xenstored has it when the guest comes to the page.
  void begin_with(const std::string& requests) {
    xenstore_domain_interface& page = server.page();
    page.req_cons = page.req_prod = 5000;
    page.rsp_cons = page.rsp_prod = 9000;
    leave_no_zeros();
    for (const char byte : requests) {
      if (page.req_prod - page.req_cons == xs::kRingBytes) server.process();
      page.req[MASK_XENSTORE_IDX(page.req_prod++)] = byte;
    }
    client = std::make_unique<xs::Client>(kFirstId);
    client->start(&page);
  }
  // The server sleeps: there is no room for all of the request.
  std::unique_ptr<Ask> send_half(char filler) {
    server.behaviour.asleep = true;
    auto ask = std::make_unique<Ask>(XS_WRITE, kKey + std::string(3000, filler));
    client->submit(ask->request);
    settle();
    return ask;
  }
  // It wakes up, says what nobody asked, and takes what is there.
  void break_sleeping() {
    server.say(XS_READ, 1, "");
    server.behaviour.asleep = false;
    server.process();
    client->pump();
    ASSERT_EQ(client->state(), State::kBroken);
  }
  // The answer is out, and has yet to be heard; what the client sends then is held back.
  void begin_and_abandon() {
    server.behaviour.hold = true;
    Ask late(XS_TRANSACTION_START, std::string(1, '\0'));
    client->submit(late.request);
    settle();
    client->abandon(late.request);
    server.release();
  }
  void break_connection() {
    server.say(XS_READ, 1, "");
    settle();
    ASSERT_EQ(client->state(), State::kBroken);
  }
};

// ---- a message of our own that is half sent
// ------------------------------------------------------

TEST_F(XsProbe, AHalfSentMessageIsFinishedFirst) {
  ASSERT_EQ(write("/k", "v"), 0);
  const auto ask = send_half('x');
  break_sleeping();
  client->reconnect();
  settle();
  EXPECT_EQ(client->state(), State::kConnected) << "at once";
  EXPECT_EQ(ask->error(), 0);
  EXPECT_EQ(read("/k"), std::string(3000, 'x'));
  expect_service();
}

TEST_F(XsProbe, AHalfSentMessageIsFinishedAfterASuspendThatIsCalledOff) {
  const auto ask = send_half('x');
  break_sleeping();
  client->suspend();
  client->resume(&server.page());
  settle();
  EXPECT_EQ(ask->error(), 0);
  expect_service();
}

TEST_F(XsProbe, AHalfSentMessageIsNothingToAServerThatBeginsAnew) {
  const auto ask = send_half('x');
  server.behaviour.asleep = false;
  server.restore();
  client->resume(&server.page());
  settle();
  EXPECT_EQ(ask->error(), 0);
  expect_service();
}

TEST_F(XsProbe, AMessageIsKnownToBeWholeOrNot) {
  const auto ask = send_half('x');
  client->suspend();
  EXPECT_FALSE(client->between_messages());
  server.behaviour.asleep = false;
  settle();
  EXPECT_TRUE(client->between_messages());
}

// ---- a message that nobody can finish
// ------------------------------------------------------------

struct Half {
  u32 length;  // as the header says
  u32 sent;    // of header and body
};
class LeftHalf : public XsProbe, public testing::WithParamInterface<Half> {};

std::vector<Half> halves() {
  std::vector<Half> all;
  for (const u32 length : {0u, 1u, 16u, 17u, 31u, 33u, 100u, 3000u, 4095u, 4096u}) {
    const u32 whole = xs::kHeaderBytes + length;
    for (u32 sent = 1; sent < whole; ++sent) {
      if (sent <= 24 || whole - sent <= 20) all.push_back({length, sent});
    }
  }
  return all;
}
INSTANTIATE_TEST_SUITE_P(Message, LeftHalf, testing::ValuesIn(halves()), [](const auto& one) {
  return std::to_string(one.param.sent) + "Of16And" + std::to_string(one.param.length);
});

TEST_P(LeftHalf, IsEndedByZeros) {
  const Half half = GetParam();
  const xsd_sockmsg header{XS_WRITE, 0x12345678, 0, half.length};
  begin_with(wire_bytes({header, std::string(half.length, '\xff')}).substr(0, half.sent));
  EXPECT_GT(seconds_until_connected(), 0u);
  expect_service();
}

// A message behind it is lost, and what begins in its midst must not be too long: zeros only.
TEST_P(LeftHalf, IsEndedByTheNextOwnerOfAnOwnerThatGaveUp) {
  const Half half = GetParam();
  const xsd_sockmsg header{XS_WRITE, 0x12345678, 0, half.length};
  begin_with(wire_bytes({header, std::string(half.length, '\xff')}).substr(0, half.sent));
  for (u32 i = 0; i < half.sent % 12; ++i) second();
  client->close();
  take_done();
  client = std::make_unique<xs::Client>(0x77000000);
  client->start(&server.page());
  seconds_until_connected();
  expect_service();
}

TEST_F(XsProbe, AnOwnerThatGoesInTheMidstOfAMessageIsSurvivedByTheNext) {
  const auto ask = send_half('x');
  client->abandon(ask->request);
  client->close();
  server.behaviour.asleep = false;
  client = std::make_unique<xs::Client>(0x77770000);
  client->start(&server.page());
  seconds_until_connected();
  expect_service();
}

TEST_F(XsProbe, AWholePageIsFoundAtOnce) {
  begin_with(wire_bytes({{XS_READ, 7, 0, 3}, kKey}));
  EXPECT_EQ(seconds_until_connected(), 0u);
  expect_service();
}

TEST_F(XsProbe, AnIndexThatJumpedInTheMidstOfAMessage) {
  for (const u32 jump : {1u, 5u, 16u, 100u, 700u}) {
    const auto ask = send_half('\0');
    server.page().req_cons -= jump;
    client->pump();
    ASSERT_EQ(client->state(), State::kBroken);
    EXPECT_GE(faults(Fault::kRequestIndex), 1u);
    server.behaviour.asleep = false;
    client->reconnect();
    seconds_until_connected();
    EXPECT_EQ(ask->error(), 0);
    expect_service();
  }
}

TEST_F(XsProbe, ASleepingServerIsNotFloodedWithZeros) {
  begin_with("");
  server.behaviour.asleep = true;
  for (int i = 0; i < 100; ++i) second();
  EXPECT_LE(server.page().req_prod - server.page().req_cons, xs::kHeaderBytes);
  EXPECT_TRUE(client->wants_ticks());
  server.behaviour.asleep = false;
  EXPECT_EQ(seconds_until_connected(), 0u);
  expect_service();
}

// Answers come seconds after the bytes are taken: a wrong place must not be taken for the right
// one.
TEST_F(XsProbe, ASlowServerMisleadsNobody) {
  const xsd_sockmsg header{XS_WRITE, 0x12345678, 0, 40};
  begin_with(wire_bytes({header, std::string(40, '\xff')}).substr(0, 27));
  server.behaviour.hold = true;
  for (int i = 0; i < 200; ++i) {
    if (i % 3 == 2) server.release();
    second();
    ASSERT_FALSE(server.gone());
  }
  server.behaviour.hold = false;
  server.release();
  seconds_until_connected(40);
  expect_service();
}

TEST_F(XsProbe, EventsOfOldWatchesAreNoAnswers) {
  begin_with(wire_bytes({{XS_WATCH, 7, 0, 6}, std::string("/a\0t1\0", 6)}) +
             wire_bytes({{XS_WRITE, 8, 0, 40}, std::string(11, '\xff')}).substr(0, 27));
  for (u32 i = 0; i < 20 && client->state() != State::kConnected; ++i) {
    server.store().write("/a", std::to_string(i));
    second();
  }
  expect_service();
  EXPECT_FALSE(server.has_watch("/a"));
}

// ---- what is lost
// --------------------------------------------------------------------------------

TEST_F(XsProbe, AProbeThatIsNotAnsweredIsSentAgain) {
  begin_with("");
  server.tamper_with([](const WireMessage& request, WireMessage& reply) {
    if (request.header.type == XS_RESET_WATCHES) ++reply.header.req_id;
  });
  settle();
  ASSERT_EQ(client->state(), State::kProbing);
  server.tamper_with(nullptr);
  EXPECT_GT(seconds_until_connected(), 2u);
  EXPECT_GE(server.seen(XS_RESET_WATCHES), 2u);
  expect_service();
}

TEST_F(XsProbe, TransactionsDoNotPileUpAtTheServer) {
  for (int i = 0; i < 5; ++i) {
    begin();
    break_connection();
    client->reconnect();
    seconds_until_connected();
    EXPECT_EQ(server.store().open_transactions(), 0u);
  }
  EXPECT_EQ(server.seen(XS_TRANSACTION_END), 0u) << "XS_RESET_WATCHES ends them";
  expect_service();
}

TEST_F(XsProbe, TransactionsAreEndedOneByOneWhereThatIsRefused) {
  server.refuse([](const WireMessage& request) {
    return request.header.type == XS_RESET_WATCHES ? ENOSYS : 0;
  });
  for (int i = 0; i < 5; ++i) {
    begin();
    begin_and_abandon();
    server.behaviour.hold = false;
    server.say(XS_READ, 1, "");  // before the abort of the late one goes out
    settle();
    ASSERT_EQ(client->state(), State::kBroken);
    client->reconnect();
    seconds_until_connected();
    EXPECT_EQ(server.store().open_transactions(), 0u);
  }
  expect_service();
}

// ---- the client's own requests
// -------------------------------------------------------------------

class XsOwn : public XsProbe, public testing::WithParamInterface<u32> {
 protected:
  void SetUp() override {
    server.offer(GetParam());
    XsProbe::SetUp();
  }
  void expect_silence() {
    ASSERT_EQ(client->state(), State::kConnected);
    EXPECT_TRUE(client->wants_ticks());
    for (u32 i = 0; i < kPatience; ++i) {
      second();
      ASSERT_EQ(client->state(), State::kConnected) << i;
    }
    second();
    ASSERT_EQ(client->state(), State::kBroken);
    EXPECT_EQ(faults(Fault::kSilent), 1u);
    client->reconnect();
    seconds_until_connected();
    expect_service();
    EXPECT_TRUE(client->quiet());
  }
};
INSTANTIATE_TEST_SUITE_P(Features, XsOwn, testing::Values(0, XENSTORE_SERVER_FEATURE_RECONNECTION));

TEST_P(XsOwn, ARegistrationThatIsNotAnsweredIsMadeAgain) {
  Look looks[] = {Look("/a"), Look("/b"), Look("/c")};
  for (Look& look : looks) ASSERT_EQ(watch(look), 0);
  client->suspend();
  server.restore();
  client->resume(&server.page());
  server.behaviour.hold = true;
  settle();
  server.drop_held();
  server.behaviour.hold = false;
  expect_silence();
  EXPECT_EQ(server.watches(), 3u);
}

TEST_P(XsOwn, AnAbortThatIsNotAnsweredIsGivenUp) {
  begin_and_abandon();
  settle();
  server.drop_held();
  server.behaviour.hold = false;
  expect_silence();
  EXPECT_EQ(server.store().open_transactions(), 0u);
}

TEST_P(XsOwn, EachHasItsOwnTime) {
  std::vector<std::unique_ptr<Look>> looks;
  for (u32 i = 0; i < 2 * kPatience; ++i) {
    looks.push_back(std::make_unique<Look>("/" + std::to_string(i)));
    ASSERT_EQ(watch(*looks.back()), 0);
  }
  client->suspend();
  server.restore();
  client->resume(&server.page());
  server.behaviour.hold = true;
  for (u32 i = 0; i < 2 * kPatience; ++i) {
    second();
    server.release();
  }
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(server.watches(), looks.size());
}

}  // namespace
}  // namespace pvk::fakes
