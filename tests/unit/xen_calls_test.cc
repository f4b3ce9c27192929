// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The model hypervisor behaves like Xen where the guest's side relies on it.
#include <gtest/gtest.h>

#include "fakes/xen_calls.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/hvm_calls.h"
#include "hypercalls/memory_calls.h"
#include "hypercalls/sched_calls.h"
#include "hypercalls/vcpu_calls.h"

namespace pvk::fakes {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

class Xen : public testing::Test {
 protected:
  void TearDown() override { EXPECT_THAT(xen.violations.all(), IsEmpty()); }
  // Maps shared_info where the guest sees it, with 64-bit words.
  shared_info* map_shared_info() {
    EXPECT_TRUE(set_param(xen, HVM_PARAM_CALLBACK_IRQ, 1).ok());
    const u64 gfn = xen.memory.take_hole(1);
    EXPECT_TRUE(add_to_physmap(xen, XENMAPSPACE_shared_info, 0, gfn).ok());
    return reinterpret_cast<shared_info*>(xen.memory.at(gfn));
  }
  XenCalls xen;
};

TEST_F(Xen, MemoryUnderASharedPageIsGivenBack) {
  void* const page = xen.memory.allocate();
  const u64 gfn = xen.memory.gfn_of(page);
  const u64 before = current_reservation(xen).value();
  ASSERT_TRUE(add_to_physmap(xen, XENMAPSPACE_shared_info, 0, gfn).ok());
  EXPECT_EQ(current_reservation(xen).value(), before - 1);
  ASSERT_TRUE(remove_from_physmap(xen, gfn).ok());
  EXPECT_EQ(current_reservation(xen).value(), before - 1) << "nothing is there now";
  xen.memory.free(page);
  EXPECT_THAT(xen.violations.take(), ElementsAre("freed a page that has no memory behind it"));
  u64 gfns[] = {gfn};
  EXPECT_EQ(populate_physmap(xen, Span<u64>(gfns)).value(), 1u);
  EXPECT_EQ(current_reservation(xen).value(), before);
}

TEST_F(Xen, AHoleCostsNoMemory) {
  const u64 before = current_reservation(xen).value();
  const shared_info* const info = map_shared_info();
  EXPECT_EQ(current_reservation(xen).value(), before);
  EXPECT_NE(info->wc_sec, 0u);
}

TEST_F(Xen, SharedInfoIsIn32BitLayoutUntilA64BitCallerLatches) {
  const u64 gfn = xen.memory.take_hole(1);
  ASSERT_TRUE(add_to_physmap(xen, XENMAPSPACE_shared_info, 0, gfn).ok());
  const auto* const info = reinterpret_cast<const shared_info*>(xen.memory.at(gfn));
  EXPECT_EQ(info->wc_sec, 0u);
  ASSERT_TRUE(set_param(xen, HVM_PARAM_CALLBACK_IRQ, 0).ok());
  EXPECT_EQ(info->wc_sec, xen.vcpus.wallclock);
}

TEST_F(Xen, AnEventSetsBitsAndCallsUpOnce) {
  shared_info* const info = map_shared_info();
  ASSERT_TRUE(set_upcall_vector(xen, 0, 0x23).ok());
  EXPECT_EQ(xen.vcpus.upcalls, 1u) << "the vector comes at once";
  const Port port = alloc_unbound(xen, 3).value();
  const Port theirs = xen.events.remote_bind(3, port);
  xen.events.remote_send(3, theirs);
  xen.events.remote_send(3, theirs);
  EXPECT_EQ(xen.vcpus.upcalls, 2u);
  EXPECT_EQ(info->vcpu_info[0].evtchn_upcall_pending, 1);
  EXPECT_EQ(info->vcpu_info[0].evtchn_pending_sel, 1u << port / 64);
  EXPECT_EQ(info->evtchn_pending[port / 64], u64{1} << port % 64);
  ASSERT_TRUE(send_event(xen, port).ok());
  EXPECT_EQ(xen.events.received(3, theirs), 1u);
}

TEST_F(Xen, AMaskedEventWaitsForUnmask) {
  shared_info* const info = map_shared_info();
  const Port port = alloc_unbound(xen, 3).value();
  ASSERT_TRUE(bind_vcpu(xen, port, 2).ok());
  const Port theirs = xen.events.remote_bind(3, port);
  info->evtchn_mask[port / 64] |= u64{1} << port % 64;
  xen.events.remote_send(3, theirs);
  EXPECT_EQ(xen.vcpus.upcalls, 0u);
  ASSERT_TRUE(unmask_event(xen, port).ok());
  EXPECT_EQ(xen.vcpus.upcalls, 1u);
  EXPECT_EQ(info->vcpu_info[2].evtchn_upcall_pending, 1);
  EXPECT_EQ(info->evtchn_mask[port / 64], 0u);
}

// What unmask() of two_level.h is for: who opened the port by himself asks in vain.
TEST_F(Xen, UnmaskRaisesAnUpcallOnlyForAPortThatWasMasked) {
  shared_info* const info = map_shared_info();
  const Port port = alloc_unbound(xen, 3).value();
  const Port theirs = xen.events.remote_bind(3, port);
  info->evtchn_mask[port / 64] |= u64{1} << port % 64;
  xen.events.remote_send(3, theirs);
  info->evtchn_mask[port / 64] = 0;
  ASSERT_TRUE(unmask_event(xen, port).ok());
  EXPECT_EQ(xen.vcpus.upcalls, 0u);
  EXPECT_EQ(info->vcpu_info[0].evtchn_pending_sel, 0u);
}

TEST_F(Xen, LoopbackLeavesTheNewPortPending) {
  const shared_info* const info = map_shared_info();
  const Port first = alloc_unbound(xen, DOMID_SELF).value();
  const Port second = bind_interdomain(xen, DOMID_SELF, first).value();
  EXPECT_EQ(info->evtchn_pending[0], u64{1} << second);
  ASSERT_TRUE(send_event(xen, second).ok());
  EXPECT_EQ(info->evtchn_pending[0], u64{1} << second | u64{1} << first);
  ASSERT_TRUE(close_event(xen, second).ok());
  EXPECT_EQ(event_status(xen, first).value().status, u32{EVTCHNSTAT_unbound});
}

TEST_F(Xen, FifoLinksEventsOfAQueue) {
  map_shared_info();
  void* const control_page = xen.memory.allocate();
  void* const array_page = xen.memory.allocate();
  EXPECT_EQ(init_control(xen, 0, xen.memory.gfn_of(control_page), 0).value(), 17);
  ASSERT_TRUE(expand_array(xen, xen.memory.gfn_of(array_page)).ok());
  const auto* const control = static_cast<const evtchn_fifo_control_block*>(control_page);
  const u32* const words = static_cast<const u32*>(array_page);
  const Port first = alloc_unbound(xen, 3).value();
  const Port second = alloc_unbound(xen, 3).value();
  xen.events.remote_send(3, xen.events.remote_bind(3, first));
  xen.events.remote_send(3, xen.events.remote_bind(3, second));
  EXPECT_EQ(control->ready, 1u << EVTCHN_FIFO_PRIORITY_DEFAULT);
  EXPECT_EQ(control->head[EVTCHN_FIFO_PRIORITY_DEFAULT], first);
  EXPECT_EQ(words[first] & EVTCHN_FIFO_LINK_MASK, second);
  EXPECT_EQ(words[second] >> EVTCHN_FIFO_LINKED, 5u) << "pending and linked";
  EXPECT_EQ(xen.vcpus.upcalls, 1u);
  EXPECT_EQ(init_control(xen, 0, xen.memory.gfn_of(control_page), 0).error(), Error::kBadValue);
  EXPECT_EQ(xen.violations.take().size(), 1u) << "one control block a vCPU";
}

// The last port of a queue moves to another one: what comes to the first is not linked behind it.
TEST_F(Xen, FifoForgetsATailThatHasMoved) {
  map_shared_info();
  void* const array_page = xen.memory.allocate();
  const evtchn_fifo_control_block* control[2];
  for (u32 vcpu = 0; vcpu < 2; ++vcpu) {
    void* const page = xen.memory.allocate();
    ASSERT_TRUE(init_control(xen, vcpu, xen.memory.gfn_of(page), 0).ok());
    control[vcpu] = static_cast<const evtchn_fifo_control_block*>(page);
  }
  ASSERT_TRUE(expand_array(xen, xen.memory.gfn_of(array_page)).ok());
  u32* const words = static_cast<u32*>(array_page);
  const Port moving = alloc_unbound(xen, 3).value();
  const Port staying = alloc_unbound(xen, 3).value();
  const Port to_moving = xen.events.remote_bind(3, moving);
  xen.events.remote_send(3, to_moving);
  words[moving] = 0;  // vCPU 0 has taken it
  ASSERT_TRUE(bind_vcpu(xen, moving, 1).ok());
  xen.events.remote_send(3, to_moving);
  EXPECT_EQ(control[1]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], moving);
  xen.events.remote_send(3, xen.events.remote_bind(3, staying));
  EXPECT_EQ(control[0]->head[EVTCHN_FIFO_PRIORITY_DEFAULT], staying);
  EXPECT_EQ(words[moving] & EVTCHN_FIFO_LINK_MASK, 0u);
}

TEST_F(Xen, WhoComesNextSeesThatTheDomainHasFifo) {
  map_shared_info();
  EXPECT_FALSE(fifo_is_on(xen));
  void* const control_page = xen.memory.allocate();
  ASSERT_TRUE(init_control(xen, 0, xen.memory.gfn_of(control_page), 0).ok());
  EXPECT_TRUE(fifo_is_on(xen));
  EXPECT_EQ(xen.events.fifo().pages(), 0u) << "asking adds no page";
  ASSERT_TRUE(reset_events(xen).ok());
  EXPECT_FALSE(fifo_is_on(xen));
  EXPECT_EQ(xen.violations.take().size(), 3u) << "Xen refuses the question each time";
}

TEST_F(Xen, AXenThatDoesNotKnowFifoHasNone) {
  for (const long error : {XEN_ENOSYS, XEN_EPERM}) {
    xen.faults.clear();
    xen.faults.fail_always(__HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, error);
    EXPECT_FALSE(fifo_is_on(xen));
  }
  xen.faults.clear();
  xen.faults.fail_always(__HYPERVISOR_event_channel_op, EVTCHNOP_expand_array, XEN_ENOSPC);
  EXPECT_TRUE(fifo_is_on(xen)) << "no room for one more page";
}

TEST_F(Xen, RegisteredVcpuInfoIsUsed) {
  map_shared_info();
  auto* const place = static_cast<vcpu_info*>(xen.memory.allocate());
  EXPECT_EQ(register_vcpu_info(xen, 1, xen.memory.gfn_of(place), 0).error(), Error::kBadValue);
  EXPECT_EQ(xen.violations.take().size(), 1u) << "another vCPU that is up";
  xen.current_vcpu = 1;
  ASSERT_TRUE(register_vcpu_info(xen, 1, xen.memory.gfn_of(place), 0).ok());
  EXPECT_EQ(place->evtchn_upcall_pending, 1) << "all is pending at first";
  place->evtchn_upcall_pending = 0;
  place->evtchn_pending_sel = 0;
  const Port port = bind_ipi(xen, 1).value();
  ASSERT_TRUE(send_event(xen, port).ok());
  EXPECT_EQ(place->evtchn_pending_sel, 1u);
  EXPECT_EQ(register_vcpu_info(xen, 1, xen.memory.gfn_of(place), 64).error(), Error::kBadValue);
  EXPECT_EQ(xen.violations.take().size(), 1u) << "once a vCPU";
}

TEST_F(Xen, AVcpuThatIsDownCanBeGivenItsRecord) {
  map_shared_info();
  auto* const place = static_cast<vcpu_info*>(xen.memory.allocate());
  ASSERT_TRUE(vcpu_down(xen, 2).ok());
  EXPECT_TRUE(register_vcpu_info(xen, 2, xen.memory.gfn_of(place), 0).ok());
}

TEST_F(Xen, TimersRaiseTheirVirq) {
  map_shared_info();
  const Port port = bind_virq(xen, VIRQ_TIMER, 0).value();
  ASSERT_TRUE(set_singleshot_timer(xen, 0, xen.now + 500).ok());
  xen.advance(499);
  EXPECT_FALSE(xen.events.is_pending(port));
  xen.advance(1);
  EXPECT_TRUE(xen.events.is_pending(port));
  EXPECT_EQ(set_singleshot_timer(xen, 0, xen.now - 1).error(), Error::kTooLate);
}

TEST_F(Xen, ARestoredDomainHasNothingOfTheOldOne) {
  map_shared_info();
  const Port port = alloc_unbound(xen, 3).value();
  xen.on_suspend = [this] { xen.restore(); };
  EXPECT_FALSE(shutdown_domain(xen, SHUTDOWN_suspend).value());
  EXPECT_EQ(xen.events.state(port), u32{EVTCHNSTAT_closed});
  EXPECT_FALSE(xen.vcpus.is_wide());
  EXPECT_EQ(xen.memory.find(xen.vcpus.shared_info_page()), XenMemory::kNothing);
  EXPECT_EQ(xen.params[HVM_PARAM_STORE_EVTCHN], 1u);
  xen.suspend_is_cancelled = true;
  EXPECT_TRUE(shutdown_domain(xen, SHUTDOWN_suspend).value());
}

TEST_F(Xen, ACallThatIsMadeToFailChangesNothing) {
  xen.faults.fail_nth(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, 2, XEN_ENOSPC);
  EXPECT_TRUE(alloc_unbound(xen, 3).ok());
  EXPECT_FALSE(xen.faults.fired());
  EXPECT_EQ(alloc_unbound(xen, 3).error(), Error::kNoEvent);
  EXPECT_TRUE(xen.faults.fired());
  EXPECT_EQ(xen.events.open(), 3u) << "two of the toolstack's and one";
}

TEST_F(Xen, WhatIsRefusedIsAViolation) {
  EXPECT_FALSE(send_event(xen, 99).ok());
  EXPECT_FALSE(close_event(xen, 0).ok());
  EXPECT_FALSE(set_param(xen, HVM_PARAM_STORE_PFN, 1).ok());
  EXPECT_FALSE(set_upcall_vector(xen, 0, 15).ok());
  EXPECT_FALSE(remove_from_physmap(xen, XenMemory::kRam).ok());
  EXPECT_EQ(xen.violations.take().size(), 5u);
}

}  // namespace
}  // namespace pvk::fakes
