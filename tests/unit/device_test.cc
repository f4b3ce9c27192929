// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A disk's life: it comes, goes, comes back, and whatever fails on the way leaves nothing behind.
#include "frontends/block/device.h"

#include <gtest/gtest.h>

#include <xen/io/xenbus.h>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

using block::Operation;
using block::Outcome;

class DeviceLife : public DiskTest {
 protected:
  void SetUp() override {
    backend->allow_indirect(32);
    backend->allow_flush();
  }
  // A write that the backend holds.
  std::shared_ptr<Io> hold_one(u64 sector = 0) {
    backend->behaviour.hold = true;
    u8* const data = disk->buffer(kPageSize);
    fill(data, kPageSize, sector);
    return disk->run(Operation::kWrite, sector, data, kPageSize);
  }
};

TEST_F(DeviceLife, ConnectsAndPublishesWhatABackendReads) {
  ASSERT_TRUE(connect());
  EXPECT_EQ(backend->state(), XenbusStateConnected);
  EXPECT_EQ(backend->frontend_state(), XenbusStateConnected);
  EXPECT_EQ(backend->frontend_key("protocol"), "x86_64-abi");
  EXPECT_EQ(backend->frontend_key("feature-persistent"), "1");
  EXPECT_EQ(backend->frontend_key("event-channel"), std::to_string(disk->queue().port()));
  EXPECT_EQ(backend->frontend_key("ring-ref"), std::to_string(disk->queue().ring_pages().ref(0)));
  EXPECT_EQ(backend->frontend_key("multi-queue-num-queues"), "");
  EXPECT_EQ(backend->frontend_key("ring-page-order"), "");
  EXPECT_EQ(disk->attached, 1u);
}

TEST_F(DeviceLife, WaitsForABackendThatComesLater) {
  disk = std::make_unique<GuestDisk>(machine, *backend, params);
  EXPECT_FALSE(disk->connect());
  EXPECT_EQ(disk->device().phase(), Phase::kWaiting);
  backend->offer();
  machine.settle();
  EXPECT_TRUE(disk->up());
}

TEST_F(DeviceLife, DetachDrainsWhatTheBackendStillAnswers) {
  ASSERT_TRUE(connect());
  const auto io = hold_one();
  ASSERT_FALSE(io->finished);
  backend->behaviour.hold = false;
  machine.add_actor(this, [this, done = false]() mutable {
    if (done || disk->up() || !backend->connected()) return false;
    backend->queue().complete_held();
    return done = true;
  });
  backend->close();
  machine.settle();
  EXPECT_TRUE(io->finished);
  EXPECT_EQ(io->outcome, Outcome::kDone);
  EXPECT_FALSE(disk->up());
  EXPECT_EQ(backend->state(), XenbusStateClosed);
  EXPECT_EQ(backend->frontend_state(), XenbusStateClosed);
}

TEST_F(DeviceLife, RemovalLeavesNothing) {
  ASSERT_TRUE(connect());
  expect_round_trip(0, 20 * kPageSize);
  disk->remove();
  machine.settle();
  EXPECT_EQ(backend->frontend_state(), XenbusStateClosed);
  machine.retry_parked();  // what the backend held until it heard of it
  EXPECT_EQ(machine.memory.in_use(Owner::kRuntime), 0u);
  EXPECT_EQ(machine.grants.reserved(), 0u);
  EXPECT_EQ(machine.events.open(kGuest), 0u);
}

TEST_F(DeviceLife, LoadsAndUnloadsAgainAndAgain) {
  for (int i = 0; i < 5; ++i) {
    if (i == 0) {
      ASSERT_TRUE(connect());
    } else {
      disk = std::make_unique<GuestDisk>(machine, *backend, params);
      ASSERT_TRUE(disk->connect()) << i;
    }
    expect_round_trip(static_cast<u64>(i) * 64, 3 * kPageSize);
    disk->remove();
    machine.settle();
    disk.reset();
  }
}

TEST_F(DeviceLife, ABackendThatGoesInOrderAndComesBackIsServedAgain) {
  ASSERT_TRUE(connect());
  expect_round_trip(0, kPageSize);
  backend->close();
  machine.settle();
  EXPECT_FALSE(disk->up());
  EXPECT_EQ(backend->state(), XenbusStateClosed);
  backend->offer();
  machine.settle();
  EXPECT_TRUE(disk->up());
  EXPECT_EQ(disk->attached, 2u);
  expect_round_trip(8, kPageSize);
}

TEST_F(DeviceLife, ABackendThatVanishesTakesNothingWithIt) {
  ASSERT_TRUE(connect());
  const auto io = hold_one();
  backend->die();
  machine.settle();
  EXPECT_TRUE(io->given_up);
  EXPECT_FALSE(disk->up());
  EXPECT_EQ(disk->device().phase(), Phase::kClosed);
}

// Gone from xenstore while it still has our pages mapped: they are kept for it.
TEST_F(DeviceLife, PagesOfAVanishedBackendStayParkedUntilItLetsGo) {
  ASSERT_TRUE(connect());
  const auto io = hold_one();
  backend->set_state(0);
  disk->poll_in_upcall = false;
  machine.guest_xenstore.dispatch();
  EXPECT_TRUE(io->given_up);
  // The ring's page, the data page; nothing else is mapped.
  EXPECT_EQ(machine.grants.parked(), 2u);
  machine.retry_parked();
  EXPECT_EQ(machine.grants.parked(), 2u);
  backend->disconnect();
  machine.retry_parked();
  EXPECT_EQ(machine.grants.parked(), 0u);
}

TEST_F(DeviceLife, AnyStateAtAnyMomentHarmsNothing) {
  for (int first = 0; first <= 9; ++first) {
    for (int second = 0; second <= 9; ++second) {
      SCOPED_TRACE(std::to_string(first) + ", then " + std::to_string(second));
      ModelBackend jumper(machine, kXvda + 32 + static_cast<u32>(first * 10 + second), 64);
      GuestDisk jumped(machine, jumper);
      if (first % 2 == 0) jumper.offer();  // a real connection to jump from
      jumped.connect();
      jumper.set_state(first);
      machine.settle();
      jumper.set_state(second);
      machine.settle();
      jumped.remove();
      machine.settle();
    }
  }
  machine.retry_parked();
  EXPECT_THAT(machine.leaks(), testing::IsEmpty());
}

TEST_F(DeviceLife, ResizeIsToldOnceAndOnlyWhenItIsOne) {
  ASSERT_TRUE(connect());
  backend->set_state(XenbusStateConnected);
  machine.settle();
  EXPECT_EQ(disk->resized_to, 0u);
  backend->write("sectors", "8192");
  backend->set_state(XenbusStateConnected);
  machine.settle();
  EXPECT_EQ(disk->resized_to, 8192u);
  EXPECT_TRUE(disk->up());
}

TEST_F(DeviceLife, ABadSizeOnResizeEndsTheDevice) {
  ASSERT_TRUE(connect());
  backend->write("sectors", "-5");
  backend->set_state(XenbusStateConnected);
  machine.settle();
  EXPECT_FALSE(disk->up());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
}

TEST_F(DeviceLife, APortThatRefusesTheDiskLeavesNothing) {
  backend->offer();
  disk = std::make_unique<GuestDisk>(machine, *backend, params);
  disk->refuse_attach = true;
  EXPECT_FALSE(disk->connect());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
  EXPECT_EQ(disk->detached, 0u);
}

TEST_F(DeviceLife, AFullGrantTableMeansFewerRequestsAtATime) {
  backend->allow_persistent();
  backend->allow_indirect(256);
  params.max_indirect_segments = 256;
  machine.grants.limit(700);
  ASSERT_TRUE(connect());
  const block::QueuePlan& plan = disk->queue().plan();
  EXPECT_EQ(plan.max_segments, 256u);
  EXPECT_LT(plan.pool_entries, block::kPoolBudget);
  EXPECT_GE(plan.pool_entries, plan.max_segments);
  expect_round_trip(0, 256 * kPageSize);
}

TEST_F(DeviceLife, AGrantTableWithoutRoomForOneRequestKeepsTheDiskDown) {
  backend->allow_persistent();
  machine.grants.limit(20);
  EXPECT_FALSE(connect());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
}

TEST_F(DeviceLife, RingPagesMayBeOfferedByTheirNumber) {
  backend->offered.early["max-ring-pages"] = "4";
  params.max_ring_page_order = 4;
  ASSERT_TRUE(connect());
  EXPECT_EQ(backend->frontend_key("num-ring-pages"), "4");
  EXPECT_EQ(backend->frontend_key("ring-page-order"), "2");
  expect_round_trip(0, 3 * kPageSize);
}

// What was told to the backend counts until it comes again, whatever is allowed meanwhile.
TEST_F(DeviceLife, AParameterCountsFromTheNextConnectionOn) {
  backend->allow_persistent();
  machine.xenstore.before_each([&](const XsMessage&) {
    const auto told =
        machine.xenstore.store().read(backend->bus().frontend + "/feature-persistent");
    if (told == "1") disk->params.feature_persistent = false;
  });
  ASSERT_TRUE(connect());
  EXPECT_EQ(backend->frontend_key("feature-persistent"), "1");
  EXPECT_EQ(disk->queue().plan().data_mode, block::DataMode::kPersistent);
  backend->disconnect();
  backend->offer();
  machine.settle();
  EXPECT_EQ(backend->frontend_key("feature-persistent"), "0");
  EXPECT_EQ(disk->queue().plan().data_mode, block::DataMode::kDirect);
  expect_round_trip(0, 3 * kPageSize);
}

TEST_F(DeviceLife, PolledQueuesComeBesidesTheOthers) {
  backend->allow_queues(8);
  params.max_queues = 2;
  params.poll_queues = 3;
  ASSERT_TRUE(connect(4));
  EXPECT_EQ(backend->queues().size(), 5u);
  EXPECT_EQ(disk->device().ring_plan().poll_queues, 3u);
}

TEST_F(DeviceLife, PublishingIsTriedAgainWhenAnotherWriterComesBetween) {
  int conflicts = 0;
  machine.xenstore.before_each([&](const XsMessage& message) {
    if (message.header.type != XS_TRANSACTION_END || conflicts == 3) return;
    ++conflicts;
    machine.xenstore.store().write(backend->bus().frontend + "/protocol", "somebody");
  });
  EXPECT_TRUE(connect());
  EXPECT_EQ(conflicts, 3);
  EXPECT_EQ(backend->frontend_key("protocol"), "x86_64-abi");
}

// A transaction can end before its commit: when the connection to xenstore is made anew.
class LostTransaction : public DeviceLife, public testing::WithParamInterface<Call> {};
INSTANTIATE_TEST_SUITE_P(At, LostTransaction, testing::Values(Call::kXsWrite, Call::kXsRemove),
                         [](const auto& one) {
                           return one.param == Call::kXsWrite ? "Write" : "Remove";
                         });

TEST_P(LostTransaction, IsBegunAgain) {
  machine.faults.fail_nth(GetParam(), 2, EAGAIN);
  EXPECT_TRUE(connect());
  EXPECT_TRUE(machine.faults.fired());
  EXPECT_EQ(backend->frontend_key("protocol"), "x86_64-abi");
  expect_round_trip(0, kPageSize);
}

TEST_F(DeviceLife, TransactionsThatAreAlwaysLostAreGivenUp) {
  machine.faults.fail_always(Call::kXsWrite, EAGAIN);
  EXPECT_FALSE(connect());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
}

TEST_F(DeviceLife, AnEndlessConflictIsGivenUp) {
  machine.xenstore.before_each([&](const XsMessage& message) {
    if (message.header.type != XS_TRANSACTION_END) return;
    machine.xenstore.store().write(backend->bus().frontend + "/protocol", "somebody");
  });
  EXPECT_FALSE(connect());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
}

// `device-type` stands in our own directory; XenServer's toolstack writes it nowhere else.
TEST_F(DeviceLife, ACdIsWhatTheToolstackCallsOne) {
  const auto say = [this](const std::string& directory, const char* type) {
    machine.xenstore.store().write(directory + "/device-type", type);
    return block::is_cd(&backend->bus()).value();
  };
  EXPECT_FALSE(say(backend->bus().frontend, "disk"));
  EXPECT_FALSE(say(backend->bus().backend, "cdrom")) << "whatever the backend writes";
  EXPECT_TRUE(say(backend->bus().frontend, "cdrom"));
  EXPECT_TRUE(say(backend->bus().backend, "disk"));
  EXPECT_FALSE(say(backend->bus().frontend, "cdrom2"));
  machine.xenstore.store().remove(backend->bus().frontend + "/device-type");
  EXPECT_FALSE(block::is_cd(&backend->bus()).value());
  EXPECT_TRUE(say(backend->bus().backend, "cdrom"));
}

struct Shape {
  u32 queues;
  u32 order;
};
class Shapes : public DiskTest, public testing::WithParamInterface<Shape> {};
INSTANTIATE_TEST_SUITE_P(All, Shapes,
                         testing::Values(Shape{1, 0}, Shape{1, 1}, Shape{1, 4}, Shape{2, 0},
                                         Shape{4, 2}));

TEST_P(Shapes, CarryData) {
  backend->allow_queues(GetParam().queues);
  backend->allow_ring_order(GetParam().order);
  params.max_ring_page_order = GetParam().order;
  ASSERT_TRUE(connect(GetParam().queues));
  ASSERT_EQ(backend->queues().size(), GetParam().queues);
  EXPECT_EQ(disk->plan().depth, 32u << GetParam().order);
  u8* const data = disk->buffer(kPageSize);
  for (u32 queue = 0; queue < GetParam().queues; ++queue) {
    // Around the ring once and a bit, all slots at a time.
    for (int round = 0; round < 2; ++round) {
      for (u32 i = 0; i < disk->plan().depth; ++i) {
        fill(data, 512, i);
        ASSERT_NE(disk->start(Operation::kRead, i, data, 512, queue), nullptr);
      }
      disk->publish(queue);
      machine.settle();
      ASSERT_EQ(disk->in_flight(), 0u);
    }
    fill(data, kPageSize, queue);
    disk->run(Operation::kWrite, queue * 8, data, kPageSize, queue);
    EXPECT_EQ(std::memcmp(backend->disk().at(queue * 8), data, kPageSize), 0);
    EXPECT_EQ(backend->queue(queue).requests_seen(), 2 * disk->plan().depth + 1);
  }
}

}  // namespace
}  // namespace pvk::fakes
