// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Beginning on a page that somebody used before, and going on after a save and restore.
#include <gtest/gtest.h>

#include "frontends/xenbus/xs_client.h"
#include "unit/xs_test.h"

namespace pvk::fakes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;
using xs::State;

class XsReconnect : public XsTest {
 protected:
  void SetUp() override {}  // each test starts the client itself

  void start() {
    client = std::make_unique<xs::Client>(kFirstId);
    client->start(&server.page());
  }
  // What an earlier kernel left: bytes in both rings that nobody took.
  void leave_dirt(const std::string& requests, const std::string& responses) {
    xenstore_domain_interface& page = server.page();
    page.req_cons = page.req_prod = 5000;
    page.rsp_cons = page.rsp_prod = 9000;
    leave_no_zeros();
    for (const char byte : requests) page.req[MASK_XENSTORE_IDX(page.req_prod++)] = byte;
    for (const char byte : responses) page.rsp[MASK_XENSTORE_IDX(page.rsp_prod++)] = byte;
  }
};

// ---- the beginning
// ---------------------------------------------------------------------------------

TEST_F(XsReconnect, ANewPageIsSimplyUsed) {
  server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
  start();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(server.page().connection, u32{XENSTORE_CONNECTED});
  EXPECT_EQ(write("/k", "v"), 0);
  EXPECT_EQ(server.seen().size(), 1u);
}

TEST_F(XsReconnect, AUsedPageIsConnectedAnewWhereThatIsOffered) {
  server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
  leave_dirt("half a reque", std::string(700, 'r'));
  start();
  EXPECT_EQ(client->state(), State::kReconnecting);
  EXPECT_EQ(server.page().connection, u32{XENSTORE_RECONNECT});
  Ask ask(XS_WRITE, std::string("/k\0v", 4));
  client->submit(ask.request);
  EXPECT_FALSE(client->pump().moved) << "nothing but that word is looked at meanwhile";
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(read("/k"), "v");
  EXPECT_THAT(server.seen(), testing::SizeIs(2));
}

TEST_F(XsReconnect, AConnectionThatSomebodyAskedForIsWaitedFor) {
  server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
  server.page().connection = XENSTORE_RECONNECT;
  start();
  EXPECT_EQ(client->state(), State::kReconnecting);
  settle();
  EXPECT_EQ(write("/k", "v"), 0);
}

TEST_F(XsReconnect, IndexesMayStandAnywhereAfterwards) {
  server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
  leave_dirt("", "");
  start();
  xenstore_domain_interface& page = server.page();
  page.req_cons = page.req_prod = 123;
  page.rsp_cons = page.rsp_prod = ~u32{0} - 3;
  page.connection = XENSTORE_CONNECTED;
  EXPECT_EQ(write("/k", "v"), 0);
  EXPECT_EQ(read("/k"), "v");
}

TEST_F(XsReconnect, WithoutTheOfferOldRepliesArePassedOver) {
  // An earlier kernel's replies: one whole, one of which it had read the head, more to come.
  leave_dirt("", wire_bytes({{XS_READ, 7, 0, 3}, "abc"}) + "tail of another");
  server.say(XS_READ, 9, std::string(2000, 'z'));
  start();
  EXPECT_EQ(client->state(), State::kProbing);
  Ask ask(XS_WRITE, std::string("/k\0v", 4));
  client->submit(ask.request);
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(read("/k"), "v");
  EXPECT_EQ(server.seen()[1].header.type, u32{XS_RESET_WATCHES});
  EXPECT_GT(client->counters().passed_over, 2000u);
}

TEST_F(XsReconnect, TheProbeWaitsUntilOldRequestsAreTaken) {
  leave_dirt(wire_bytes({{XS_WRITE, 7, 0, 4}, std::string("/o\0v", 4)}), "");
  server.behaviour.asleep = true;
  start();
  EXPECT_FALSE(client->pump().moved);
  server.behaviour.asleep = false;
  settle();
  EXPECT_EQ(read("/o"), "v") << "what it had asked for happened";
  EXPECT_EQ(server.seen()[2].header.type, u32{XS_RESET_WATCHES});
}

TEST_F(XsReconnect, AServerWithoutResetWatchesServesAsWell) {
  leave_dirt("", "");
  server.refuse([](const WireMessage& request) {
    return request.header.type == XS_RESET_WATCHES ? ENOSYS : 0;
  });
  start();
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(write("/k", "v"), 0);
}

TEST_F(XsReconnect, IndexesOfNoSenseAreTheServersThen) {
  leave_dirt("", "");
  server.page().req_prod = 5000 + 2000;
  server.page().rsp_prod = 9000 + 5000;
  start();
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(write("/k", "v"), 0);
}

TEST_F(XsReconnect, AServerThatNeverConnectsKeepsNobodyFromGivingUp) {
  server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
  server.behaviour.ignore_reconnect = true;
  leave_dirt("", "");
  start();
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  settle();
  EXPECT_FALSE(ask.done());
  client->abandon(ask.request);
  EXPECT_EQ(client->state(), State::kReconnecting);
  server.behaviour.ignore_reconnect = false;
  settle();
  EXPECT_EQ(write("/k", "v"), 0);
}

// ---- what becomes of requests that were on the wire
// ------------------------------------------------

class XsLost : public XsReconnect {
 protected:
  void SetUp() override {
    server.offer(XENSTORE_SERVER_FEATURE_RECONNECTION);
    start();
    ASSERT_EQ(write("/k", "v"), 0);
  }

  // The server takes and does `ask`, and its answer is lost with the connection.
  void lose(Ask& ask) {
    server.behaviour.hold = true;
    client->submit(ask.request);
    settle();
    ASSERT_FALSE(ask.done());
    server.behaviour.hold = false;
    client->reconnect();
    settle();
    ASSERT_TRUE(ask.done());
  }
  // It is on the wire when the connection goes, and the server never sees it.
  void lose_unseen(Ask& ask) {
    server.behaviour.asleep = true;
    client->submit(ask.request);
    settle();
    server.behaviour.asleep = false;
    client->reconnect();
    settle();
    ASSERT_TRUE(ask.done());
  }
};

TEST_F(XsLost, ReadsAreAskedAgain) {
  Ask ask(XS_READ, std::string("/k\0", 3));
  lose(ask);
  EXPECT_EQ(ask.reply(), "v");
  EXPECT_EQ(client->counters().sent_again, 1u);
}

TEST_F(XsLost, WritesAreWrittenAgain) {
  Ask ask(XS_WRITE, std::string("/k\0w", 4));
  lose(ask);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(read("/k"), "w");
}

TEST_F(XsLost, ARemovalThatHadHappenedIsNoError) {
  Ask ask(XS_RM, std::string("/k\0", 3));
  lose(ask);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(call(XS_RM, std::string("/k\0", 3)), ENOENT) << "otherwise it is one";
}

TEST_F(XsLost, TransactionsMustStartAgain) {
  const u32 transaction = begin();
  ASSERT_EQ(write("/t", "1", transaction), 0);
  Ask commit(XS_TRANSACTION_END, std::string("T\0", 2), transaction);
  lose_unseen(commit);
  EXPECT_EQ(commit.error(), EAGAIN);
  EXPECT_EQ(read("/t"), "error " + std::to_string(ENOENT));
  EXPECT_EQ(write("/t", "2", transaction), EAGAIN);
}

TEST_F(XsLost, AnOldHandleIsNotANewTransaction) {
  const u32 old = begin();
  client->reconnect();
  settle();
  const u32 fresh = begin();
  EXPECT_NE(old, fresh);
  EXPECT_EQ(write("/t", "old", old), EAGAIN);
  EXPECT_EQ(end(fresh, true), 0);
}

TEST_F(XsLost, AnAbortOfWhatIsGoneIsDone) {
  const u32 transaction = begin();
  Ask abort(XS_TRANSACTION_END, std::string("F\0", 2), transaction);
  lose(abort);
  EXPECT_EQ(abort.error(), 0);
}

TEST_F(XsLost, ATransactionThatWasBeginningBeginsAgain) {
  Ask ask(XS_TRANSACTION_START, std::string(1, '\0'));
  lose(ask);
  ASSERT_EQ(ask.error(), 0);
  EXPECT_EQ(end(static_cast<u32>(std::stoul(ask.reply())), true), 0);
  EXPECT_EQ(server.store().open_transactions(), 0u);
}

TEST_F(XsLost, WhatMayNotHappenTwiceFails) {
  Ask ask(XS_CONTROL, std::string("print\0", 6));
  lose(ask);
  EXPECT_EQ(ask.error(), EIO);
  EXPECT_EQ(client->counters().failed, 1u);
}

TEST_F(XsLost, RequestsKeepTheirOrder) {
  server.behaviour.asleep = true;
  std::vector<std::unique_ptr<Ask>> asks;
  for (int i = 0; i < 10; ++i) {
    asks.push_back(std::make_unique<Ask>(
        XS_WRITE, std::string("/n\0", 3) + std::string(300, static_cast<char>('0' + i))));
    client->submit(asks.back()->request);
  }
  settle();
  server.behaviour.asleep = false;
  client->reconnect();
  settle();
  for (const auto& ask : asks) EXPECT_EQ(ask->error(), 0);
  EXPECT_EQ(read("/n"), std::string(300, '9'));
}

// ---- watches
// ---------------------------------------------------------------------------------------

TEST_F(XsLost, WatchesAreRegisteredAgainAndFire) {
  Look one("/a");
  Look other("/b");
  ASSERT_EQ(watch(one), 0);
  ASSERT_EQ(watch(other), 0);
  std::vector<char> path(xs::Watches::kMaxPath);
  while (client->watches().next_event(path.data()) != nullptr) {
  }
  client->reconnect();
  settle();
  EXPECT_EQ(server.watches(), 2u);
  EXPECT_THAT(events(one), ElementsAre("/a")) << "so that what changed meanwhile is looked at";
  server.store().write("/b/x", "1");
  settle();
  EXPECT_THAT(events(other), ElementsAre("/b/x"));
}

TEST_F(XsLost, AWatchThatWasBeingRegisteredIsThereOnce) {
  Look look("/a");
  client->watches().add(look.watch);
  Ask ask(XS_WATCH, std::string("/a\0", 3) + look.watch.token + '\0');
  ask.request.watch = &look.watch;
  lose(ask);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(server.watches(), 1u);
}

TEST_F(XsLost, AWatchThatWasGoingIsGone) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  client->watches().remove(look.watch);
  Ask ask(XS_UNWATCH, std::string("/a\0", 3) + look.watch.token + '\0');
  lose(ask);
  EXPECT_EQ(ask.error(), 0);
  EXPECT_EQ(server.watches(), 0u);
}

TEST_F(XsLost, AWatchThatTheServerRefusesIsCounted) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  server.refuse(
      [](const WireMessage& request) { return request.header.type == XS_WATCH ? EACCES : 0; });
  client->reconnect();
  settle();
  EXPECT_EQ(client->counters().not_watched, 1u);
  EXPECT_EQ(read("/k"), "v");
  server.refuse(nullptr);
  client->reconnect();
  settle();
  EXPECT_TRUE(server.has_watch("/a")) << "and tried at the next connection";
}

// ---- save and restore
// ------------------------------------------------------------------------------

TEST_F(XsLost, SuspendLetsWhatIsOnTheWireEndAndStartsNothing) {
  server.behaviour.asleep = true;
  Ask half(XS_WRITE, std::string("/k\0", 3) + std::string(2000, 'x'));
  Ask next(XS_READ, std::string("/k\0", 3));
  client->submit(half.request);
  client->submit(next.request);
  settle();
  client->suspend();
  EXPECT_FALSE(client->quiet());
  server.behaviour.asleep = false;
  settle();
  EXPECT_TRUE(half.done());
  EXPECT_FALSE(next.done());
  EXPECT_TRUE(client->quiet());
}

TEST_F(XsLost, ARestoredGuestFindsItsWatchesAndAsksAgain) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  events(look);
  const u32 transaction = begin();
  client->suspend();
  Ask waiting(XS_READ, std::string("/k\0", 3));
  client->submit(waiting.request);
  settle();
  server.restore();
  client->resume(&server.page());
  settle();
  EXPECT_EQ(client->state(), State::kConnected);
  EXPECT_EQ(waiting.reply(), "v");
  EXPECT_TRUE(server.has_watch("/a"));
  EXPECT_THAT(events(look), ElementsAre("/a"));
  EXPECT_EQ(write("/t", "1", transaction), EAGAIN);
}

TEST_F(XsLost, ARestoredGuestMayHaveAnotherPage) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  client->suspend();
  WireServer there;
  there.store().write("/k", "there");
  client->resume(&there.page());
  Ask ask(XS_READ, std::string("/k\0", 3));
  client->submit(ask.request);
  for (int i = 0; i < 10; ++i) {
    client->pump();
    there.process();
  }
  EXPECT_EQ(ask.reply(), "there");
  EXPECT_TRUE(there.has_watch("/a"));
  client->close();
}

TEST_F(XsLost, ASuspendThatIsCalledOffChangesNothing) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  events(look);
  const u32 transaction = begin();
  client->suspend();
  settle();
  client->resume(&server.page());
  settle();
  EXPECT_THAT(events(look), IsEmpty());
  EXPECT_EQ(server.watches(), 1u);
  EXPECT_EQ(client->counters().connections, 1u);
  EXPECT_EQ(client->counters().not_watched, 0u);
  EXPECT_EQ(write("/t", "1", transaction), 0);
  EXPECT_EQ(end(transaction, true), 0);
}

TEST_F(XsLost, AServerThatGoesOnWithThePageAndKnowsNoWatchIsToldOfThem) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  client->suspend();
  settle();
  server.forget();
  client->resume(&server.page());
  settle();
  EXPECT_TRUE(server.has_watch("/a"));
}

TEST_F(XsLost, ASuspendInTheMidstOfARequestIsSurvivedToo) {
  server.behaviour.asleep = true;
  Ask half(XS_WRITE, std::string("/k\0", 3) + std::string(2000, 'x'));
  client->submit(half.request);
  settle();
  client->suspend();
  server.behaviour.asleep = false;
  server.restore();
  client->resume(&server.page());
  settle();
  EXPECT_EQ(half.error(), 0);
  EXPECT_EQ(read("/k"), std::string(2000, 'x'));
}

}  // namespace
}  // namespace pvk::fakes
