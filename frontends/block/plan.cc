// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/plan.h"

namespace pvk::block {
namespace {

DataMode plan_data_mode(const DiskOffer& offer, const Params& params) {
  // blkback keeps every grant of a persistent device mapped, so pages of the user cannot be mixed
  // in; giving persistence up costs it a map and an unmap for every page, which halves large I/O.
  if (offer.persistent && params.feature_persistent) return DataMode::kPersistent;
  return params.trusted ? DataMode::kDirect : DataMode::kBounce;
}

}  // namespace

RingPlan plan_rings(const RingOffer& offer, const Params& params, u32 cpus) {
  RingPlan plan;
  const u32 most = max(cpus, 1u);
  const u32 wanted = max(min(params.max_queues, most), 1u);
  const u32 polled = min(params.poll_queues, most);
  plan.queues = min(min(offer.max_queues, wanted + polled), kMaxQueues);
  plan.poll_queues = min(polled, plan.queues - 1);
  plan.ring_page_order =
      min(offer.max_ring_page_order, min(params.max_ring_page_order, kMaxRingOrder));
  return plan;
}

QueuePlan plan_queue(const DiskOffer& offer, const Params& params, u32 depth) {
  QueuePlan plan;
  plan.data_mode = plan_data_mode(offer, params);
  plan.depth = depth;
  plan.max_segments = kDirectSegments;
  const u32 indirect =
      min(min(offer.max_indirect_segments, params.max_indirect_segments), kMaxIndirectSegments);
  if (indirect > kDirectSegments) {
    plan.max_segments = indirect;
    plan.indirect_pages =
        (indirect + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
  }
  // Always room for one request of the largest size, and never more than can be in flight.
  plan.pool_entries = min(depth * plan.max_segments, max(kPoolBudget, plan.max_segments));
  plan.indirect_entries =
      min(depth * plan.indirect_pages, max(kIndirectBudget, plan.indirect_pages));
  return plan;
}

bool shrink_pools(QueuePlan& plan) {
  const u32 entries = max(plan.pool_entries / 2, plan.max_segments);
  const u32 indirect = max(plan.indirect_entries / 2, plan.indirect_pages);
  const bool less = entries < plan.pool_entries || indirect < plan.indirect_entries;
  plan.pool_entries = entries;
  plan.indirect_entries = indirect;
  return less;
}

const char* to_text(DataMode mode) {
  switch (mode) {
    case DataMode::kPersistent: return "persistent";
    case DataMode::kDirect: return "direct";
    case DataMode::kBounce: return "bounce";
  }
  return "?";
}

}  // namespace pvk::block
