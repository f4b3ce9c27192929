// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The model xenstore over its wire: what a client may rely on, and that it relies on no more.
#include <gtest/gtest.h>

#include <string>

#include "unit/machine_test.h"

namespace pvk::fakes {
namespace {

class FakeXenstore : public MachineTest {
 protected:
  XsClient& client() { return machine.guest_xenstore; }
};

TEST_F(FakeXenstore, ReadsWhatWasWritten) {
  EXPECT_EQ(client().write("/a/b", "value"), 0);
  EXPECT_EQ(client().read("/a/b").value, "value");
  EXPECT_EQ(client().read("/a").value, "");
  EXPECT_EQ(client().read("/a/c").error, ENOENT);
  EXPECT_EQ(client().directory("/a").value, std::string("b\0", 2));
  EXPECT_EQ(client().remove("/a"), 0);
  EXPECT_EQ(client().read("/a/b").error, ENOENT);
}

TEST_F(FakeXenstore, CarriesAValueLongerThanTheRing) {
  const std::string value(3 * XENSTORE_RING_SIZE, 'x');
  EXPECT_EQ(client().write("/long", value), 0);
  EXPECT_EQ(client().read("/long").value, value);
  EXPECT_EQ(client().write("/long", std::string(XENSTORE_PAYLOAD_MAX, 'x')), E2BIG);
}

TEST_F(FakeXenstore, TransactionsAreAllOrNothing) {
  u32 first = 0;
  u32 second = 0;
  ASSERT_EQ(client().begin(&first), 0);
  ASSERT_EQ(client().begin(&second), 0);
  EXPECT_EQ(client().write("/k", "1", first), 0);
  EXPECT_EQ(client().read("/k").error, ENOENT);
  EXPECT_EQ(client().read("/k", second).error, ENOENT);
  EXPECT_EQ(client().write("/other", "2", second), 0);
  EXPECT_EQ(client().end(first, true), 0);
  EXPECT_EQ(client().read("/k").value, "1");
  EXPECT_EQ(client().end(second, true), EAGAIN) << "it had read what changed";
  EXPECT_EQ(client().read("/other").error, ENOENT);
  EXPECT_EQ(client().end(77, true), ENOENT);
}

TEST_F(FakeXenstore, WatchesFireAtOnceAndAtEachChangeBelow) {
  std::vector<std::string> fired;
  client().watch("/dev", [&](const std::string& path) { fired.push_back(path); });
  machine.settle();
  EXPECT_THAT(fired, testing::ElementsAre("/dev"));
  machine.xenstore.store().write("/dev/0/state", "1");
  machine.xenstore.store().write("/device", "1");
  machine.settle();
  EXPECT_THAT(fired, testing::ElementsAre("/dev", "/dev/0/state"));
  client().unwatch("/dev");
  machine.xenstore.store().remove("/dev");
  machine.settle();
  EXPECT_EQ(fired.size(), 2u);
}

using Tamper = std::function<void(XsMessage&)>;
class MalformedReply : public FakeXenstore, public testing::WithParamInterface<int> {};
INSTANTIATE_TEST_SUITE_P(All, MalformedReply, testing::Range(0, 5));

TEST_P(MalformedReply, IsAnErrorAndTheNextOneWorks) {
  const Tamper kinds[] = {
      [](XsMessage& reply) { reply.header.req_id += 1; },
      [](XsMessage& reply) { reply.header.type = XS_WRITE; },
      [](XsMessage& reply) { reply.header.len += 100; },
      [](XsMessage& reply) {
        reply.body.resize(XENSTORE_PAYLOAD_MAX + 1);
        reply.header.len = 4097;
      },
      [](XsMessage& reply) {
        reply.header.type = XS_ERROR;
        reply.body = "ENONSENSE";
      },
  };
  ASSERT_EQ(client().write("/k", "v"), 0);
  machine.xenstore.tamper_with([&](const XsMessage&, XsMessage& reply) {
    kinds[GetParam()](reply);
    if (reply.header.len < 100) reply.header.len = static_cast<u32>(reply.body.size());
  });
  EXPECT_EQ(client().read("/k").error, EIO);
  machine.xenstore.tamper_with(nullptr);
  EXPECT_EQ(client().read("/k").value, "v");
}

}  // namespace
}  // namespace pvk::fakes
