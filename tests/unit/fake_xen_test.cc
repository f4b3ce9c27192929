// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The model hypervisor keeps Xen's rules: what a real one refuses is refused here.
#include <gtest/gtest.h>

#include <cstring>

#include "fakes/access_trace.h"
#include "unit/machine_test.h"

namespace pvk::fakes {
namespace {

class FakeGrants : public MachineTest {
 protected:
  void SetUp() override {
    page = static_cast<u8*>(machine.memory.allocate(1, Owner::kTest));
    ASSERT_EQ(machine.grants.reserve(2, &ref), 0);
  }
  void TearDown() override {
    machine.grants.release(ref, 2);
    machine.memory.free(page, 1, Owner::kTest);
    MachineTest::TearDown();
  }
  void publish(bool readonly) {
    machine.grants.publish(ref, kBackend, machine.memory.gfn_of(page), readonly);
  }
  u8* page = nullptr;
  GrantRef ref = 0;
};

TEST_F(FakeGrants, AMappingIsTheSamePageElsewhere) {
  publish(false);
  const Mapping mapping = machine.grants.map(kBackend, ref, true);
  ASSERT_TRUE(mapping.ok());
  EXPECT_NE(mapping.bytes, page);
  mapping.bytes[5] = 0x5a;
  EXPECT_EQ(page[5], 0x5a);
  EXPECT_EQ(machine.grants.flags(ref), GTF_permit_access | GTF_reading | GTF_writing);
  machine.grants.unmap(mapping);
  EXPECT_EQ(machine.grants.flags(ref), GTF_permit_access);
  EXPECT_EQ(machine.grants.revoke(ref), 0);
  EXPECT_FALSE(machine.grants.map(kBackend, ref, false).ok());
}

TEST_F(FakeGrants, RevokeIsRefusedUntilTheLastMappingGoes) {
  publish(false);
  const Mapping reader = machine.grants.map(kBackend, ref, false);
  const Mapping writer = machine.grants.map(kBackend, ref, true);
  EXPECT_EQ(machine.grants.revoke(ref), -PVK_EBUSY);
  machine.grants.unmap(writer);
  EXPECT_EQ(machine.grants.flags(ref) & (GTF_reading | GTF_writing), GTF_reading);
  EXPECT_EQ(machine.grants.revoke(ref), -PVK_EBUSY);
  machine.grants.unmap(reader);
  EXPECT_EQ(machine.grants.revoke(ref), 0);
}

TEST_F(FakeGrants, OnlyTheRightDomainInTheRightWay) {
  publish(true);
  EXPECT_FALSE(machine.grants.map(kBackend + 1, ref, false).ok());
  EXPECT_FALSE(machine.grants.map(kBackend, ref, true).ok());
  EXPECT_FALSE(machine.grants.map(kBackend, ref + 1, false).ok());
  EXPECT_EQ(machine.grants.map(kBackend, GrantTable::kEntries, false).status, GNTST_bad_gntref);
  const Mapping mapping = machine.grants.map(kBackend, ref, false);
  EXPECT_TRUE(mapping.ok());
  machine.grants.unmap(mapping);
  u8 byte = 1;
  EXPECT_FALSE(machine.grants.copy_to_guest(kBackend, ref, 0, &byte, 1));
  EXPECT_TRUE(machine.grants.copy_from_guest(kBackend, ref, kPageSize - 1, &byte, 1));
  EXPECT_FALSE(machine.grants.copy_from_guest(kBackend, ref, kPageSize, &byte, 1));
  EXPECT_EQ(byte, 0);
  EXPECT_EQ(machine.grants.revoke(ref), 0);
}

TEST_F(FakeGrants, MisuseIsAViolation) {
  publish(false);
  publish(false);
  machine.grants.release(ref, 1);
  EXPECT_EQ(machine.violations.take().size(), 2u);
  machine.memory.free(page, 1, Owner::kTest);
  EXPECT_THAT(machine.violations.take(),
              testing::ElementsAre("memory: page freed while a grant gives it to another domain"));
  EXPECT_EQ(machine.grants.revoke(ref), 0);
  machine.grants.revoke(ref);
  EXPECT_EQ(machine.violations.take().size(), 1u);
  page = static_cast<u8*>(machine.memory.allocate(1, Owner::kTest));
}

TEST_F(FakeGrants, AFullTableRefuses) {
  machine.grants.limit(4);
  GrantRef more = 0;
  EXPECT_EQ(machine.grants.reserve(3, &more), -PVK_ENOSPC);
  EXPECT_EQ(machine.grants.reserve(2, &more), 0);
  machine.grants.release(more, 2);
}

class FakeEvents : public MachineTest {
 protected:
  void SetUp() override {
    guest = machine.events.alloc_unbound(kGuest, kBackend, [this] { ++guest_ran; }).value();
    const auto bound =
        machine.events.bind_interdomain(kBackend, kGuest, guest, [this] { ++backend_ran; });
    ASSERT_TRUE(bound.has_value());
    backend = *bound;
    machine.settle();
    backend_ran = 0;  // a new binding is pending at once
  }
  void TearDown() override {
    machine.events.close(kGuest, guest);
    machine.events.close(kBackend, backend);
    MachineTest::TearDown();
  }
  Port guest = 0;
  Port backend = 0;
  int guest_ran = 0;
  int backend_ran = 0;
};

TEST_F(FakeEvents, ManySendsBeforeThePumpAreOneEvent) {
  for (int i = 0; i < 3; ++i) machine.events.send(kGuest, guest);
  EXPECT_EQ(backend_ran, 0);
  EXPECT_TRUE(machine.events.is_pending(kBackend, backend));
  machine.settle();
  EXPECT_EQ(backend_ran, 1);
  EXPECT_EQ(machine.events.sent_by(kGuest), 3u);
}

TEST_F(FakeEvents, AMaskedPortWaits) {
  machine.events.mask(kGuest, guest, true);
  machine.events.send(kBackend, backend);
  machine.settle();
  EXPECT_EQ(guest_ran, 0);
  machine.events.mask(kGuest, guest, false);
  machine.settle();
  EXPECT_EQ(guest_ran, 1);
}

TEST_F(FakeEvents, ImmediateDeliveryRunsInTheSend) {
  machine.events.set_delivery(kGuest, Delivery::kImmediate);
  machine.events.send(kBackend, backend);
  EXPECT_EQ(guest_ran, 1);
}

TEST_F(FakeEvents, NobodyElseCanBind) {
  EXPECT_FALSE(machine.events.bind_interdomain(kBackend, kGuest, guest, {}).has_value());
  EXPECT_FALSE(machine.events.bind_interdomain(kBackend, kGuest, 9999, {}).has_value());
  EXPECT_FALSE(machine.events.bind_interdomain(kBackend + 1, kGuest, guest, {}).has_value());
  machine.events.send(kGuest, 9999);
  EXPECT_EQ(machine.violations.take().size(), 1u);
}

TEST(AccessTraceTest, SeesLoadsStoresAndOthers) {
  ASSERT_TRUE(AccessTrace::available());
  Machine machine;
  auto* const page = static_cast<volatile u32*>(machine.memory.allocate(1, Owner::kTest));
  void* const plain = const_cast<u32*>(page);
  u8* const other = machine.memory.backend_view(machine.memory.gfn_of(plain), true);
  AccessTrace trace(plain, 1);
  page[1] = 7;
  const u32 seen = page[1];
  other[100] = 9;
  page[2] = seen;
  trace.stop();
  EXPECT_EQ(seen, 7u);
  ASSERT_EQ(trace.accesses().size(), 4u);
  EXPECT_TRUE(trace.accesses()[0].write);
  EXPECT_EQ(trace.accesses()[0].offset, 4u);
  EXPECT_FALSE(trace.accesses()[1].write);
  EXPECT_TRUE(trace.accesses()[2].foreign);
  EXPECT_EQ(trace.accesses()[2].changed_at, 100u);
  EXPECT_EQ(trace.loads(4, 4), 1u);
  std::vector<u8> last;
  int states = 0;
  trace.replay([&](const std::vector<u8>& state) { last = state, ++states; });
  EXPECT_EQ(states, 4);
  EXPECT_EQ(std::memcmp(last.data(), plain, kPageSize), 0);
  machine.memory.free(plain, 1, Owner::kTest);
}

}  // namespace
}  // namespace pvk::fakes
