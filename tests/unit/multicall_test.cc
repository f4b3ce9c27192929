// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Batches of hypercalls, each entry with its own result.
#include <gtest/gtest.h>

#include "hypercalls/multicall.h"

#include "fakes/xen_calls.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/version_calls.h"

namespace pvk::fakes {
namespace {

using testing::IsEmpty;

class Batch : public testing::Test {
 protected:
  u32 add_alloc(evtchn_alloc_unbound& call) {
    call = {};
    call.dom = DOMID_SELF;
    call.remote_dom = 3;
    return batch.add(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, address_of(call))
        .value();
  }
  XenCalls xen;
  Multicall<4> batch;
};

TEST_F(Batch, IsDoneInOrderByOneCall) {
  evtchn_alloc_unbound first;
  evtchn_alloc_unbound second;
  EXPECT_EQ(add_alloc(first), 0u);
  EXPECT_EQ(add_alloc(second), 1u);
  const u32 size = batch.add(__HYPERVISOR_memory_op, XENMEM_maximum_gpfn).value();
  EXPECT_EQ(xen.all_calls(), 0u) << "nothing before the flush";
  ASSERT_TRUE(batch.flush(xen).ok());
  EXPECT_EQ(xen.calls(__HYPERVISOR_multicall, 0), 1u);
  EXPECT_EQ(first.port + 1, second.port);
  EXPECT_TRUE(batch.status(0).ok());
  EXPECT_EQ(batch.number<u64>(size).value(), xen.maximum_gfn);
  EXPECT_EQ(batch.failures(), 0u);
  EXPECT_TRUE(batch.empty());
  EXPECT_THAT(xen.violations.all(), IsEmpty());
}

TEST_F(Batch, OneThatFailsDoesNotKeepTheOthers) {
  evtchn_alloc_unbound calls[3];
  for (auto& call : calls) add_alloc(call);
  xen.faults.fail_nth(__HYPERVISOR_event_channel_op, EVTCHNOP_alloc_unbound, 2, XEN_ENOSPC);
  ASSERT_TRUE(batch.flush(xen).ok());
  EXPECT_TRUE(batch.status(0).ok());
  EXPECT_EQ(batch.status(1).error(), Error::kNoEvent);
  EXPECT_TRUE(batch.status(2).ok());
  EXPECT_EQ(batch.failures(), 1u);
}

TEST_F(Batch, WhenTheCallFailsNothingWasDone) {
  evtchn_alloc_unbound call;
  const u32 entry = add_alloc(call);
  xen.faults.fail_nth(__HYPERVISOR_multicall, 0, 1, XEN_EFAULT);
  EXPECT_EQ(batch.flush(xen).error(), Error::kBadValue);
  EXPECT_EQ(batch.status(entry).error(), Error::kNotSupported);
  EXPECT_EQ(batch.failures(), 1u);
}

TEST_F(Batch, AFullBatchTakesNoMore) {
  for (u32 i = 0; i < batch.capacity(); ++i) {
    EXPECT_TRUE(batch.add(__HYPERVISOR_xen_version, XENVER_pagesize).ok());
  }
  EXPECT_EQ(batch.add(__HYPERVISOR_xen_version, XENVER_pagesize).error(), Error::kBusy);
  ASSERT_TRUE(batch.flush(xen).ok());
  EXPECT_EQ(batch.number<u32>(3).value(), kPageSize);
  EXPECT_EQ(batch.add(__HYPERVISOR_xen_version, XENVER_pagesize).value(), 0u) << "begins anew";
}

TEST_F(Batch, AnEmptyOneIsNoCall) {
  EXPECT_TRUE(batch.flush(xen).ok());
  EXPECT_EQ(xen.all_calls(), 0u);
  EXPECT_FALSE(batch.status(0).ok()) << "there is no such entry";
}

TEST_F(Batch, ReusedEntriesKeepNothingOfTheLastBatch) {
  ASSERT_TRUE(batch.add(__HYPERVISOR_xen_version, XENVER_pagesize).ok());
  ASSERT_TRUE(batch.add(__HYPERVISOR_xen_version, XENVER_pagesize).ok());
  ASSERT_TRUE(batch.flush(xen).ok());
  ASSERT_TRUE(batch.add(__HYPERVISOR_xen_version, XENVER_version).ok());
  ASSERT_TRUE(batch.flush(xen).ok());
  EXPECT_EQ(batch.number<u32>(0).value(), xen.version);
  EXPECT_FALSE(batch.status(1).ok()) << "an entry of the batch before";
}

}  // namespace
}  // namespace pvk::fakes
