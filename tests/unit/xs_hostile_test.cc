// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A xenstored that answers garbage, late, twice or never: it costs this connection at worst, is
// counted and said once, and a new connection works.
#include <gtest/gtest.h>

#include "frontends/xenbus/xs_client.h"
#include "unit/xs_test.h"

namespace pvk::fakes {
namespace {

using xs::Fault;
using xs::State;

// Servers that make new connections, and those that do not.
const u32 kFeatures[] = {XENSTORE_SERVER_FEATURE_RECONNECTION | XENSTORE_SERVER_FEATURE_ERROR,
                         XENSTORE_SERVER_FEATURE_ERROR};

std::string name_of_features(u32 features) {
  return (features & XENSTORE_SERVER_FEATURE_RECONNECTION) != 0 ? "Reconnecting" : "Probed";
}

class XsHostileBase : public XsTest {
 protected:
  virtual u32 features() const = 0;

  void SetUp() override {
    server.offer(features());
    XsTest::SetUp();
    ASSERT_EQ(write("/k", "v"), 0);
  }

  void expect_broken(Fault fault) {
    EXPECT_EQ(client->state(), State::kBroken);
    EXPECT_EQ(faults(fault), 1u) << name_of(fault);
    EXPECT_EQ(machine.logged(PVK_LOG_ERROR, name_of(fault)), 1u);
    expect_recovery();
  }
  void expect_recovery() {
    server.tamper_with(nullptr);
    server.behaviour = {};
    client->reconnect();
    settle();
    for (u32 i = 0; i < 20 && client->state() == State::kProbing; ++i) {
      client->tick(kPatience);
      settle();
    }
    EXPECT_FALSE(server.gone());
    EXPECT_EQ(client->state(), State::kConnected);
    EXPECT_EQ(read("/k"), "v");
  }
};

class XsHostile : public XsHostileBase, public testing::WithParamInterface<u32> {
 protected:
  u32 features() const override { return GetParam(); }
};
INSTANTIATE_TEST_SUITE_P(Server, XsHostile, testing::ValuesIn(kFeatures),
                         [](const auto& one) { return name_of_features(one.param); });

// The same with something else that changes from test to test.
template <class T>
class XsHostileWith : public XsHostileBase, public testing::WithParamInterface<std::tuple<u32, T>> {
 protected:
  u32 features() const override { return std::get<0>(this->GetParam()); }
  const T& what() const { return std::get<1>(this->GetParam()); }
};
template <class T>
std::string name_of_both(const testing::TestParamInfo<std::tuple<u32, T>>& one) {
  return std::get<1>(one.param).name + name_of_features(std::get<0>(one.param));
}

// ---- replies
// ---------------------------------------------------------------------------------------

struct Twist {
  const char* name;
  Fault fault;
  void (*twist)(WireMessage& reply);
};

const Twist kTwists[] = {
    {"UnknownId", Fault::kUnknownId, [](WireMessage& reply) { reply.header.req_id ^= 0x8000; }},
    {"IdZero", Fault::kUnknownId, [](WireMessage& reply) { reply.header.req_id = 0; }},
    {"NextId", Fault::kUnknownId, [](WireMessage& reply) { ++reply.header.req_id; }},
    {"WrongType", Fault::kWrongType, [](WireMessage& reply) { reply.header.type = XS_WRITE; }},
    {"NoType", Fault::kWrongType, [](WireMessage& reply) { reply.header.type = XS_INVALID; }},
    {"OneByteTooLong", Fault::kLength, [](WireMessage& reply) { reply.header.len = 4097; }},
    {"EndlessLength", Fault::kLength, [](WireMessage& reply) { reply.header.len = ~u32{0}; }},
    {"AnEventWithoutText", Fault::kBadEvent,
     [](WireMessage& reply) {
       reply.header.type = XS_WATCH_EVENT;
       reply.header.len = 0;
       reply.body.clear();
     }},
    {"AnEventWithoutToken", Fault::kBadEvent,
     [](WireMessage& reply) {
       reply.header.type = XS_WATCH_EVENT;
       reply.header.len = 3;
       reply.body = std::string("/k\0", 3);
     }},
    {"AnEventOfAnEndlessPath", Fault::kBadEvent,
     [](WireMessage& reply) {
       reply.header.type = XS_WATCH_EVENT;
       reply.body = std::string(XENSTORE_ABS_PATH_MAX + 1, 'x') + '\0' + "1" + '\0';
       reply.header.len = static_cast<u32>(reply.body.size());
     }},
};

class TwistedReply : public XsHostileWith<Twist> {};
INSTANTIATE_TEST_SUITE_P(Reply, TwistedReply,
                         testing::Combine(testing::ValuesIn(kFeatures), testing::ValuesIn(kTwists)),
                         name_of_both<Twist>);

TEST_P(TwistedReply, BreaksTheConnectionAndNoMore) {
  server.tamper_with([this](const WireMessage&, WireMessage& reply) { what().twist(reply); });
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  settle();
  EXPECT_FALSE(ask.done()) << "it waits for the next connection";
  expect_broken(what().fault);
  EXPECT_TRUE(ask.done());
  EXPECT_EQ(ask.reply(), "v") << "and is asked again there";
}

TEST_P(XsHostile, ASecondReplyToOneRequest) {
  server.tamper_with([this](const WireMessage&, WireMessage& reply) {
    reply.header.len = static_cast<u32>(reply.body.size());
    server.say(wire_bytes(reply));
  });
  EXPECT_EQ(read("/k"), "v");
  expect_broken(Fault::kUnknownId);
}

TEST_P(XsHostile, AReplyThatNobodyAskedFor) {
  server.say(XS_READ, kFirstId + 1000, "v");
  settle();
  expect_broken(Fault::kUnknownId);
}

TEST_P(XsHostile, AReplyToARequestThatIsOnlyHalfSent) {
  server.behaviour.asleep = true;
  Ask ask(XS_WRITE, std::string("/k\0", 3) + std::string(3000, 'x'));
  client->submit(ask.request);
  settle();
  server.say(XS_WRITE, ask.request.id, std::string("OK\0", 3));
  server.behaviour.asleep = false;
  settle();
  EXPECT_TRUE(ask.done());
  // Its honest reply is now one too many.
  EXPECT_EQ(client->state(), State::kBroken);
  EXPECT_EQ(faults(Fault::kUnknownId), 1u);
  client->reconnect();
  settle();
  EXPECT_EQ(read("/k"), std::string(3000, 'x')) << "nothing was torn";
}

TEST_P(XsHostile, ATransactionThatIsNoNumber) {
  for (const char* const number : {"", "x", "-1", "0", "4294967296", "1 "}) {
    server.tamper_with([&](const WireMessage& request, WireMessage& reply) {
      if (request.header.type != XS_TRANSACTION_START) return;
      reply.body = std::string(number) + '\0';
      reply.header.len = static_cast<u32>(reply.body.size());
    });
    EXPECT_EQ(call(XS_TRANSACTION_START, std::string(1, '\0')), EIO) << number;
    EXPECT_EQ(client->state(), State::kBroken);
    expect_recovery();
  }
  EXPECT_EQ(faults(Fault::kBadReply), 6u);
  EXPECT_EQ(machine.logged(PVK_LOG_ERROR, "bad_reply"), 1u) << "said once";
}

TEST_P(XsHostile, BytesThatAreNoMessage) {
  server.say(std::string(64, '\xff'));
  settle();
  expect_broken(Fault::kLength);
}

// ---- indexes
// ---------------------------------------------------------------------------------------

struct Index {
  const char* name;
  Fault fault;
  void (*move)(xenstore_domain_interface& page);
};

const Index kIndexes[] = {
    {"ResponsesBeyondTheRing", Fault::kResponseIndex,
     [](xenstore_domain_interface& page) { page.rsp_prod = page.rsp_cons + 1025; }},
    {"ResponsesBackwards", Fault::kResponseIndex,
     [](xenstore_domain_interface& page) { --page.rsp_prod; }},
    {"ResponsesHalfwayRound", Fault::kResponseIndex,
     [](xenstore_domain_interface& page) { page.rsp_prod ^= 0x80000000; }},
    {"RequestsTakenThatAreNot", Fault::kRequestIndex,
     [](xenstore_domain_interface& page) { ++page.req_cons; }},
    {"RequestsTakenBack", Fault::kRequestIndex,
     [](xenstore_domain_interface& page) { page.req_cons -= 100; }},
    {"RequestsHalfwayRound", Fault::kRequestIndex,
     [](xenstore_domain_interface& page) { page.req_cons ^= 0x80000000; }},
};

class MovedIndex : public XsHostileWith<Index> {};
INSTANTIATE_TEST_SUITE_P(Index, MovedIndex,
                         testing::Combine(testing::ValuesIn(kFeatures),
                                          testing::ValuesIn(kIndexes)),
                         name_of_both<Index>);

TEST_P(MovedIndex, BreaksTheConnectionAndNoMore) {
  what().move(server.page());
  server.behaviour.asleep = true;
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  settle();
  expect_broken(what().fault);
  EXPECT_EQ(ask.reply(), "v");
}

TEST_P(XsHostile, AnIndexThatGoesBackInTheMidstOfAMessage) {
  server.behaviour.most_at_once = 20;
  server.behaviour.hold = true;
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  settle();
  server.say(std::string(10, 'x'));  // ten bytes of a header
  server.process();
  client->pump();
  server.page().rsp_prod -= 5;
  client->pump();
  expect_broken(Fault::kResponseIndex);
}

TEST_P(XsHostile, OurOwnIndexesAreNotReadBack) {
  server.behaviour.asleep = true;
  const u32 taken = server.page().rsp_cons;
  const u32 sent = server.page().req_prod;
  server.page().rsp_cons = 77;
  server.page().req_prod = 0xdeadbeef;
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  client->pump();
  EXPECT_EQ(server.page().req_prod, sent + xs::kHeaderBytes + 3);
  server.page().rsp_cons = taken;
  server.behaviour.asleep = false;
  settle();
  EXPECT_EQ(ask.reply(), "v");
}

TEST_P(XsHostile, TheServerMaySayThatItIsThroughWithUs) {
  server.page().error = XENSTORE_ERROR_PROTO;
  settle();
  expect_broken(Fault::kServerError);
}

TEST_P(XsHostile, AnErrorThatIsTakenBackIsNone) {
  server.page().error = XENSTORE_ERROR_PROTO;
  client->reconnect();
  server.page().connection = XENSTORE_CONNECTED;  // and the word stays as it was
  settle();
  EXPECT_EQ(read("/k"), "v") << "it is about the connection before";
  server.page().error = XENSTORE_ERROR_NONE;
  EXPECT_EQ(read("/k"), "v");
}

TEST_P(XsHostile, WhatTheErrorWordSaysCountsOnlyWhenTheServerOffersIt) {
  server.page().server_features &= ~u32{XENSTORE_SERVER_FEATURE_ERROR};
  server.page().error = XENSTORE_ERROR_PROTO;
  EXPECT_EQ(read("/k"), "v");
}

// ---- late, never
// -----------------------------------------------------------------------------------

TEST_P(XsHostile, ALateReplyIsSwallowed) {
  server.behaviour.hold = true;
  auto ask = std::make_unique<Ask>(XS_READ, std::string("/k\0", 3));
  client->submit(ask->request);
  settle();
  client->abandon(ask->request);
  ask.reset();  // its memory is gone: a write into it would be seen
  EXPECT_TRUE(client->quiet());
  server.behaviour.hold = false;
  server.release();
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(client->counters().late, 1u);
  EXPECT_EQ(read("/k"), "v");
}

TEST_P(XsHostile, ALateReplyThatComesTwiceIsNot) {
  server.behaviour.hold = true;
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  settle();
  const u32 id = ask.request.id;
  client->abandon(ask.request);
  server.release();
  server.say(XS_READ, id, "v");
  settle();
  expect_broken(Fault::kUnknownId);
}

TEST_P(XsHostile, ARequestThatIsAbandonedHalfSentDoesNotTearTheStream) {
  server.behaviour.asleep = true;
  auto ask = std::make_unique<Ask>(XS_WRITE, std::string("/k\0", 3) + std::string(3000, 'x'));
  client->submit(ask->request);
  settle();
  client->abandon(ask->request);
  ask.reset();
  server.behaviour.asleep = false;
  settle();
  EXPECT_EQ(read("/k"), std::string(3000, 'x')) << "the whole of it arrived";
  EXPECT_EQ(client->counters().late, 1u);
}

TEST_P(XsHostile, ARequestThatIsAbandonedUnsentIsNeverSent) {
  server.behaviour.asleep = true;
  Ask first(XS_WRITE, std::string("/k\0", 3) + std::string(3000, 'x'));
  Ask second(XS_WRITE, std::string("/no\0"
                                   "1",
                                   5));
  client->submit(first.request);
  client->submit(second.request);
  settle();
  client->abandon(second.request);
  server.behaviour.asleep = false;
  settle();
  EXPECT_TRUE(first.done());
  EXPECT_EQ(read("/no"), "error " + std::to_string(ENOENT));
}

TEST_P(XsHostile, ARequestThatIsDoneCanBeAbandonedToo) {
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  client->pump();
  server.process();
  client->pump();
  ASSERT_TRUE(ask.done());
  client->abandon(ask.request);
  EXPECT_EQ(client->take_done(), nullptr);
  client->abandon(ask.request);  // nothing any more
  EXPECT_EQ(read("/k"), "v");
}

TEST_P(XsHostile, ATransactionBegunTooLateIsEnded) {
  server.behaviour.hold = true;
  Ask ask(XS_TRANSACTION_START, std::string(1, '\0'));
  client->submit(ask.request);
  settle();
  client->abandon(ask.request);
  server.behaviour.hold = false;
  server.release();
  settle();
  EXPECT_EQ(server.store().open_transactions(), 0u);
  EXPECT_EQ(client->open_transactions(), 0u);
}

TEST_P(XsHostile, ATransactionWhoseEndIsAbandonedUnsentIsAborted) {
  const u32 transaction = begin();
  ASSERT_EQ(write("/t", "1", transaction), 0);
  server.behaviour.asleep = true;
  Ask large(XS_WRITE, std::string("/k\0", 3) + std::string(3000, 'x'));
  Ask end(XS_TRANSACTION_END, std::string("T\0", 2), transaction);
  client->submit(large.request);
  client->submit(end.request);
  settle();
  client->abandon(end.request);
  server.behaviour.asleep = false;
  settle();
  EXPECT_EQ(server.store().open_transactions(), 0u);
  EXPECT_EQ(read("/t"), "error " + std::to_string(ENOENT));
}

TEST_P(XsHostile, AServerThatNeverAnswersIsGivenUpAfterManyRequests) {
  server.behaviour.hold = true;
  u32 given_up = 0;
  while (client->state() == State::kConnected && given_up < 1000) {
    Ask ask(XS_READ, std::string("/k\0", 3));
    client->submit(ask.request);
    settle();
    client->abandon(ask.request);
    ++given_up;
  }
  EXPECT_EQ(given_up, 65u);
  expect_broken(Fault::kSilent);
}

TEST_P(XsHostile, ABrokenClientTakesAndGivesNothing) {
  server.say(XS_READ, 1, "");
  settle();
  ASSERT_EQ(client->state(), State::kBroken);
  const u32 taken = server.page().rsp_cons;
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  server.say(XS_READ, 1, "");
  settle();
  EXPECT_EQ(server.page().rsp_cons, taken);
  EXPECT_FALSE(ask.done());
  client->abandon(ask.request);
  expect_recovery();
}

TEST_P(XsHostile, AFaultIsSaidOnceHoweverOftenItHappens) {
  for (int i = 0; i < 5; ++i) {
    server.say(XS_READ, 1, "");
    settle();
    ASSERT_EQ(client->state(), State::kBroken);
    expect_recovery();
  }
  EXPECT_EQ(faults(Fault::kUnknownId), 5u);
  EXPECT_EQ(machine.logged(PVK_LOG_ERROR, "unknown_id"), 1u);
}

}  // namespace
}  // namespace pvk::fakes
