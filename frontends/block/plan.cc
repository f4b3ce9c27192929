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
  const u32 wanted = min(min(params.max_queues, max(cpus, 1u)), kMaxQueues);
  plan.queues = max(min(offer.max_queues, wanted), 1u);
  plan.ring_page_order =
      min(offer.max_ring_page_order, min(params.max_ring_page_order, kMaxRingOrder));
  return plan;
}

QueuePlan plan_queue(const DiskOffer& offer, const Params& params, u32 ring_slots) {
  QueuePlan plan;
  plan.data_mode = plan_data_mode(offer, params);
  plan.depth = ring_slots;
  plan.max_segments = kDirectSegments;
  const u32 indirect =
      min(min(offer.max_indirect_segments, params.max_indirect_segments), kMaxIndirectSegments);
  if (indirect > kDirectSegments) {
    plan.max_segments = indirect;
    plan.indirect_pages =
        (indirect + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
  }
  // Always room for one request of the largest size, and never more than can be in flight.
  plan.pool_entries = min(plan.depth * plan.max_segments, max(kPoolBudget, plan.max_segments));
  return plan;
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
