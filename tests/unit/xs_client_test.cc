// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The xenstore client with an honest server: what comes back, in which order, through how little
// room.
#include "frontends/xenbus/xs_client.h"

#include <gtest/gtest.h>

#include "unit/xs_test.h"

namespace pvk::fakes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class XsClientTest : public XsTest {};

TEST_F(XsClientTest, ReadsWhatWasWritten) {
  EXPECT_EQ(write("/a/b", "value"), 0);
  EXPECT_EQ(read("/a/b"), "value");
  EXPECT_EQ(read("/a"), "");
  Ask names(XS_DIRECTORY, std::string("/a\0", 3));
  EXPECT_EQ(call(names), 0);
  EXPECT_EQ(names.reply(), std::string("b\0", 2));
  EXPECT_EQ(call(XS_MKDIR, std::string("/a/c\0", 5)), 0);
  EXPECT_EQ(call(XS_RM, std::string("/a\0", 3)), 0);
  EXPECT_EQ(read("/a/b"), "error " + std::to_string(ENOENT));
}

TEST_F(XsClientTest, ABodyOfPartsArrivesWhole) {
  Ask ask(XS_WRITE, "");
  ask.request.parts[0] = {"/a", 2};
  ask.request.parts[1] = {"/", 1};
  ask.request.parts[2] = {"key", 4};
  ask.request.parts[3] = {"value", 5};
  ask.request.part_count = 4;
  EXPECT_EQ(call(ask), 0);
  EXPECT_EQ(read("/a/key"), "value");
}

TEST_F(XsClientTest, ManyRequestsAreOnTheWireAtOnce) {
  ASSERT_EQ(write("/k", "v"), 0);
  server.behaviour.hold = true;
  std::vector<std::unique_ptr<Ask>> asks;
  for (int i = 0; i < 20; ++i) {
    asks.push_back(std::make_unique<Ask>(XS_READ, std::string("/k\0", 3)));
    client->submit(asks.back()->request);
  }
  settle();
  EXPECT_EQ(server.held().size(), 20u);
  EXPECT_FALSE(client->quiet());
  server.release();
  settle();
  for (const auto& ask : asks) EXPECT_EQ(ask->reply(), "v");
  EXPECT_TRUE(client->quiet());
}

TEST_F(XsClientTest, RepliesMayComeInAnyOrder) {
  server.behaviour.hold = true;
  Ask first(XS_WRITE, std::string("/1\0"
                                  "1",
                                  4));
  Ask second(XS_READ, std::string("/nothing\0", 9));
  Ask third(XS_WRITE, std::string("/3\0"
                                  "3",
                                  4));
  for (Ask* ask : {&first, &second, &third}) client->submit(ask->request);
  settle();
  finished.clear();
  for (const size_t index : {2u, 0u, 0u}) {
    server.release(index);
    settle();
  }
  EXPECT_THAT(finished, ElementsAre(&third.request, &first.request, &second.request));
  EXPECT_EQ(first.error(), 0);
  EXPECT_EQ(second.error(), ENOENT);
}

TEST_F(XsClientTest, EveryRequestHasItsOwnId) {
  for (int i = 0; i < 3; ++i) write("/k", "v");
  std::set<u32> ids;
  for (const WireMessage& message : server.seen()) ids.insert(message.header.req_id);
  EXPECT_EQ(ids.size(), 3u);
  EXPECT_EQ(*ids.begin(), kFirstId);
}

TEST_F(XsClientTest, NoRequestHasTheIdOfAnEvent) {
  client = std::make_unique<xs::Client>(~u32{0});
  server.restore();
  client->start(&server.page());
  for (int i = 0; i < 3; ++i) write("/k", "v");
  EXPECT_EQ(server.seen()[0].header.req_id, ~u32{0});
  EXPECT_EQ(server.seen()[1].header.req_id, 1u);
}

class AnyRoom : public XsClientTest, public testing::WithParamInterface<u32> {};
INSTANTIATE_TEST_SUITE_P(Bytes, AnyRoom, testing::Values(1, 7, 15, 16, 17, 1000, 1024, ~0u));

TEST_P(AnyRoom, MessagesLargerThanTheRingPassThrough) {
  server.behaviour.most_at_once = GetParam();
  const std::string value(xs::kMaxBody - 3, 'x');
  ASSERT_EQ(write("/k", value), 0);
  EXPECT_EQ(read("/k"), value);
  ASSERT_EQ(write("/k", "short"), 0) << "the stream is in step";
  EXPECT_EQ(read("/k"), "short");
}

TEST_F(XsClientTest, IndexesWrapRound) {
  xenstore_domain_interface& page = server.page();
  page.req_cons = page.req_prod = page.rsp_cons = page.rsp_prod = ~u32{0} - 100;
  client = std::make_unique<xs::Client>(kFirstId);
  leave_no_zeros();
  client->start(&page);
  settle();  // the page is not new: a probe goes first
  ASSERT_EQ(client->state(), xs::State::kConnected);
  const std::string value(3000, 'x');
  ASSERT_EQ(write("/k", value), 0);
  EXPECT_EQ(read("/k"), value);
  EXPECT_LT(page.req_prod, 10000u);
}

TEST_F(XsClientTest, WhatIsTooLongForAMessageIsRefusedHere) {
  EXPECT_EQ(write("/k", std::string(xs::kMaxBody - 2, 'x')), E2BIG);
  Ask ask(XS_WRITE, "");
  ask.request.parts[0] = {"k", 2};
  ask.request.parts[1] = {"v", ~u32{0}};
  ask.request.part_count = 2;
  EXPECT_EQ(call(ask), E2BIG) << "lengths whose sum wraps";
  EXPECT_THAT(server.seen(), IsEmpty());
}

TEST_F(XsClientTest, AReplyThatDoesNotFitSaysSo) {
  ASSERT_EQ(write("/k", "0123456789"), 0);
  Ask ask(XS_READ, std::string("/k\0", 3), 0, 4);
  EXPECT_EQ(call(ask), ERANGE);
  EXPECT_EQ(ask.reply(), "0123");
  EXPECT_EQ(ask.request.reply_length, 10u);
  Ask exact(XS_READ, std::string("/k\0", 3), 0, 10);
  EXPECT_EQ(call(exact), 0);
  EXPECT_EQ(client->counters().cut, 1u);
}

TEST_F(XsClientTest, EveryErrorOfTheProtocolHasItsNumber) {
  int wanted = 0;
  server.refuse([&](const WireMessage&) { return wanted; });
  for (const auto& known : xsd_errors) {
    wanted = known.errnum;
    EXPECT_EQ(write("/k", "v"), known.errnum) << known.errstring;
    EXPECT_STREQ(xs::error_name(known.errnum), known.errstring);
  }
  EXPECT_EQ(client->state(), xs::State::kConnected);
}

TEST_F(XsClientTest, AnErrorOfNoKnownNameIsEio) {
  EXPECT_STREQ(xs::error_name(4000), "EIO");
  for (const std::string& name :
       {std::string("ENONSENSE\0", 10), std::string(), std::string("\0\0", 2),
        std::string("EINVALID\0", 9), std::string("EINVA")}) {
    server.tamper_with([&](const WireMessage&, WireMessage& reply) {
      reply.header.type = XS_ERROR;
      reply.body = name;
      reply.header.len = static_cast<u32>(name.size());
    });
    EXPECT_EQ(write("/k", "v"), EIO);
  }
}

TEST_F(XsClientTest, AClosedClientRefusesAndGivesBackWhatItHas) {
  server.behaviour.asleep = true;
  Ask on_the_wire(XS_READ, std::string("/k\0", 3));
  Ask behind_it(XS_WRITE, "/k" + std::string(1, '\0') + std::string(2000, 'x'));
  Ask waiting(XS_READ, std::string("/k\0", 3));
  for (Ask* ask : {&on_the_wire, &behind_it, &waiting}) client->submit(ask->request);
  settle();
  client->close();
  take_done();
  for (Ask* ask : {&on_the_wire, &behind_it, &waiting}) {
    EXPECT_TRUE(ask->done());
    EXPECT_EQ(ask->error(), ENODEV);
  }
  EXPECT_EQ(write("/k", "v"), ENODEV);
}

TEST_F(XsClientTest, APumpThatFindsNothingMovesNothing) {
  EXPECT_FALSE(client->pump().moved);
  ASSERT_EQ(write("/k", "v"), 0);
  EXPECT_FALSE(client->pump().moved);
}

TEST_F(XsClientTest, AServerThatNeverStopsTalkingDoesNotKeepUs) {
  Look look("/k");
  ASSERT_EQ(watch(look), 0);
  // A page that refills itself: what the guest has taken is there again at once.
  const WireMessage event{{XS_WATCH_EVENT, 0, 0, 5},
                          std::string("/k\0"
                                      "9\0",
                                      5)};
  const u32 begun = server.page().rsp_prod;
  xs::Client::Pumped pumped;
  for (u32 pumps = 0; pumps < 3; ++pumps) {
    for (u32 i = 0; i < xs::kRingBytes / 21; ++i) server.say(wire_bytes(event));
    server.process();
    pumped = client->pump();
    EXPECT_TRUE(pumped.moved);
  }
  EXPECT_EQ(server.page().rsp_cons, server.page().rsp_prod);
  EXPECT_GT(server.page().rsp_prod - begun, 2 * xs::kRingBytes);
  EXPECT_EQ(client->counters().events_unknown, 3 * (xs::kRingBytes / 21));
}

// ---- transactions
// ----------------------------------------------------------------------------------

TEST_F(XsClientTest, TransactionsAreAllOrNothing) {
  const u32 first = begin();
  const u32 second = begin();
  EXPECT_NE(first, second);
  EXPECT_EQ(write("/k", "1", first), 0);
  EXPECT_EQ(read("/k"), "error " + std::to_string(ENOENT));
  EXPECT_EQ(read("/k", second), "error " + std::to_string(ENOENT));
  EXPECT_EQ(end(first, true), 0);
  EXPECT_EQ(end(second, true), EAGAIN);
  EXPECT_EQ(read("/k"), "1");
  EXPECT_EQ(client->open_transactions(), 0u);
}

TEST_F(XsClientTest, ATransactionThatEndedIsNoTransaction) {
  const u32 transaction = begin();
  ASSERT_EQ(end(transaction, false), 0);
  const size_t before = server.seen().size();
  EXPECT_EQ(write("/k", "v", transaction), EAGAIN);
  EXPECT_EQ(end(transaction, true), EAGAIN);
  EXPECT_EQ(end(transaction, false), 0) << "nothing of it is left, which an abort wants";
  EXPECT_EQ(server.seen().size(), before) << "the server does not hear of them";
}

TEST_F(XsClientTest, MoreTransactionsThanAreKeptAreGivenBackToTheServer) {
  for (u32 i = 0; i < xs::Transactions::kMost; ++i) begin();
  EXPECT_EQ(call(XS_TRANSACTION_START, std::string(1, '\0')), ENOSPC);
  settle();
  EXPECT_EQ(server.store().open_transactions(), xs::Transactions::kMost);
}

// ---- watches
// ---------------------------------------------------------------------------------------

TEST_F(XsClientTest, WatchesFireAtOnceAndAtEachChangeBelow) {
  Look look("/dev");
  ASSERT_EQ(watch(look), 0);
  EXPECT_THAT(events(look), ElementsAre("/dev"));
  server.store().write("/dev/0/state", "1");
  server.store().write("/device", "1");
  settle();
  EXPECT_TRUE(client->watches().waiting());
  EXPECT_THAT(events(look), ElementsAre("/dev/0/state"));
  EXPECT_FALSE(client->watches().waiting());
}

TEST_F(XsClientTest, EachWatchGetsItsOwnEvents) {
  Look one("/a");
  Look other("/b");
  ASSERT_EQ(watch(one), 0);
  ASSERT_EQ(watch(other), 0);
  events(one);
  server.store().write("/b/x", "1");
  server.store().write("/a/x", "1");
  settle();
  std::vector<char> path(xs::Watches::kMaxPath);
  EXPECT_EQ(client->watches().next_event(path.data()), &other.watch);
  EXPECT_EQ(client->watches().next_event(path.data()), &one.watch);
  EXPECT_STREQ(path.data(), "/a/x");
  EXPECT_EQ(client->watches().next_event(path.data()), nullptr);
}

TEST_F(XsClientTest, EventsOfAWatchThatEndedGoToNobody) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  server.store().write("/a", "1");
  settle();
  client->watches().remove(look.watch);
  EXPECT_THAT(events(look), IsEmpty()) << "neither those that waited";
  server.store().write("/a", "2");
  settle();
  EXPECT_THAT(events(look), IsEmpty()) << "nor those that come";
  EXPECT_EQ(client->watches().ended(), 2u);
  EXPECT_EQ(client->counters().events_unknown, 1u);
  EXPECT_EQ(client->state(), xs::State::kConnected);
}

TEST_F(XsClientTest, AWatchThatComesLaterHasAnotherToken) {
  Look look("/a");
  ASSERT_EQ(watch(look), 0);
  const std::string token = look.watch.token;
  client->watches().remove(look.watch);
  client->watches().add(look.watch);
  EXPECT_NE(look.watch.token, token);
}

TEST_F(XsClientTest, EventsThatDoNotFitBecomeOneOfTheWatchItself) {
  Look busy("/a");
  Look calm("/b");
  ASSERT_EQ(watch(busy), 0);
  ASSERT_EQ(watch(calm), 0);
  events(busy);
  const std::string long_name = "/a/" + std::string(1000, 'x');
  for (int i = 0; i < 100; ++i) server.store().write(long_name, "1");
  settle();
  EXPECT_GT(client->watches().lost(), 50u);
  const std::vector<std::string> paths = events(busy);
  ASSERT_GT(paths.size(), 2u);
  EXPECT_EQ(paths.front(), long_name);
  EXPECT_EQ(paths.back(), "/a") << "who looks at this sees what the lost ones said";
  EXPECT_EQ(std::count(paths.begin(), paths.end(), "/a"), 1);
  server.store().write("/a/y", "1");
  settle();
  EXPECT_THAT(events(busy), ElementsAre("/a/y"));
}

}  // namespace
}  // namespace pvk::fakes
