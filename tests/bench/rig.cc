// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "bench/rig.h"

#include <cstdio>
#include <cstdlib>
#include <set>

#include "kmod/blkfront/edge.h"

namespace pvk::bench {
namespace {

constexpr u32 kDepth = 32;  // as many as a ring of one page has slots
constexpr u32 kLineBytes = 64;
constexpr u32 kGrantEntryBytes = 8;  // grant_entry_v1

void must(bool held, const char* what) {
  if (held) return;
  std::fprintf(stderr, "the queue of the benchmark failed: %s\n", what);
  std::abort();
}

block::QueuePlan plan_for(const Shape& shape) {
  block::QueuePlan plan;
  plan.data_mode = shape.mode;
  plan.depth = kDepth;
  plan.max_segments = max(shape.segments, u32{11});
  plan.indirect_pages = shape.segments > 11 ? 1 : 0;
  plan.pool_entries = kDepth * plan.max_segments;
  plan.indirect_entries = kDepth * plan.indirect_pages;
  return plan;
}

// The module's own functions are called: the core is inlined into them.
pvk_blk_queue* edge(block::Queue& queue) { return reinterpret_cast<pvk_blk_queue*>(&queue); }

int no_upcall(void* /*context*/) { return 0; }

PlatformCalls difference(const PlatformCalls& after, const PlatformCalls& before) {
  return {after.published - before.published,
          after.revoked - before.revoked,
          after.frames_looked_up - before.frames_looked_up,
          after.notified - before.notified,
          after.copies - before.copies,
          after.copied_bytes - before.copied_bytes};
}

}  // namespace

Steps Cost::total() const {
  Steps sum = submit;
  return sum += publish, sum += next, sum += rearm;
}

u32 grant_lines(const std::vector<GrantRef>& references) {
  std::set<u32> lines;
  for (const GrantRef ref : references) lines.insert(ref * kGrantEntryBytes / kLineBytes);
  return static_cast<u32>(lines.size());
}

QueueRig::QueueRig(const Shape& shape) : shape_(shape) {
  static pvk_bus bus;
  platform().next_ref = shape.first_ref;
  must(queue_.open_ring(&bus, 0, no_upcall, nullptr).ok(), "open_ring");
  must(queue_.open_requests(plan_for(shape)).ok(), "open_requests");
  for (u32 i = 0; i < shape.batch * shape.segments; ++i) {
    data_.push_back(static_cast<u8*>(pvk_pages_alloc(1, 1)));
    segments_.push_back({data_.back(), kPageSize});
  }
  if (shape.small_first) {
    shape_.segments = 1;
    produce(), answer(), consume();
    shape_.segments = shape.segments;
  }
  // A tag's first use makes its chain and its pages; after that nothing is allocated.
  for (int round = 0; round < 2; ++round) produce(), answer(), consume();
}

QueueRig::~QueueRig() {
  for (u8* const page : data_) pvk_pages_free(page, 1);
}

bool QueueRig::submit(u32 tag) {
  const u64 sector = u64{tag} * 8 * shape_.segments;
  const auto* const first =
      reinterpret_cast<const pvk_blk_segment*>(&segments_[size_t{tag} * shape_.segments]);
  return pvk_blk_submit(edge(queue_), tag, static_cast<int>(shape_.operation), sector, first,
                        shape_.segments) == 0;
}

void QueueRig::produce() {
  platform().references.clear();
  for (u32 tag = 0; tag < shape_.batch; ++tag) must(submit(tag), "submit");
  pvk_blk_publish(edge(queue_));
}

void QueueRig::answer() {
  auto& ring = *static_cast<block::Queue::Ring::Shared*>(queue_.ring_pages().data());
  const u32 mask = queue_.ring_slots() - 1;
  while (answered_ != ring.req_prod) {
    auto& slot = ring.slots[answered_++ & mask];
    blkif_response response = {};
    response.id = shape_.segments > 11 ? reinterpret_cast<blkif_request_indirect&>(slot.request).id
                                       : slot.request.id;
    response.status = BLKIF_RSP_OKAY;
    slot.response = response;
  }
  ring.req_event = answered_ + 1;
  publish(ring.rsp_prod, answered_);
}

void QueueRig::consume() {
  u32 taken = 0;
  for (u32 tag = 0; pvk_blk_next(edge(queue_), &tag) >= 0;) ++taken;
  must(taken == shape_.batch && pvk_blk_rearm(edge(queue_), 1) == 0, "consume");
}

Cost QueueRig::count() {
  Cost cost;
  const PlatformCalls before = platform().calls;
  for (u32 tag = 0; tag < shape_.batch; ++tag) {
    platform().references.clear();
    must(stepped(cost.submit, [&] { return submit(tag); }), "submit");
    cost.grant_lines = max(cost.grant_lines, grant_lines(platform().references));
  }
  stepped(cost.publish, [&] { return pvk_blk_publish(edge(queue_)), 0; });
  cost.calls = difference(platform().calls, before);
  answer();
  u32 taken = 0;
  for (u32 tag = 0; stepped(cost.next, [&] { return pvk_blk_next(edge(queue_), &tag) >= 0; });)
    ++taken;
  const bool more = stepped(cost.rearm, [&] { return pvk_blk_rearm(edge(queue_), 1) != 0; });
  must(taken == shape_.batch && !more, "consume");
  cost.calls = difference(platform().calls, before);
  return cost;
}

}  // namespace pvk::bench
