// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A queue's life: what it holds, from the offer to the end.
#include "frontends/block/queue.h"

namespace pvk::block {
namespace {

PoolPlan plan_data_pool(const QueuePlan& plan) {
  PoolPlan pool;
  pool.entries = plan.pool_entries;
  pool.own_pages = plan.data_mode != DataMode::kDirect;
  pool.permanent = plan.data_mode == DataMode::kPersistent;
  return pool;
}

// Pages of segment descriptors are ours and the backend only reads them, so they are granted once.
// blkback maps every page of a persistent device for writing, these too; we never read them back.
PoolPlan plan_indirect_pool(const QueuePlan& plan) {
  PoolPlan pool;
  pool.entries = plan.indirect_entries;
  pool.own_pages = true;
  pool.permanent = true;
  const bool persistent = plan.data_mode == DataMode::kPersistent;
  pool.access = persistent ? Access::kReadWrite : Access::kReadOnly;
  return pool;
}

}  // namespace

Status Queue::open_ring(pvk_bus* bus, u32 order, pvk_upcall upcall, void* context) {
  bus_ = bus;
  Result<SharedPages> pages = SharedPages::create(1u << order, pvk_bus_backend_domid(bus));
  PVK_TRY(pages);
  // Before the channel: the upcall may run as soon as that is open.
  ring_.open(pages.value().data(), pages.value().bytes());
  Result<EventChannel> channel = EventChannel::open(bus, upcall, context);
  PVK_TRY(channel);
  ring_pages_ = move(pages.value());
  channel_ = move(channel.value());
  return {};
}

Status Queue::open_pools(const QueuePlan& plan) {
  const DomId backend = pvk_bus_backend_domid(bus_);
  PVK_TRY(data_.open(plan_data_pool(plan), backend, plan.max_segments));
  const Status status = indirect_.open(plan_indirect_pool(plan), backend, plan.indirect_pages);
  if (!status.ok()) data_.close();
  return status;
}

// Other disks may have taken what the plan wants: fewer requests at a time still do the work.
Status Queue::open_requests(const QueuePlan& wanted) {
  QueuePlan plan = wanted;
  auto* flights = static_cast<Flight*>(pvk_alloc(plan.depth * sizeof(Flight)));
  if (flights == nullptr) return Error::kNoMemory;
  for (u32 i = 0; i < plan.depth; ++i) new (Place{&flights[i]}) Flight;
  Status status = open_pools(plan);
  while (!status.ok() && shrink_pools(plan)) status = open_pools(plan);
  if (!status.ok()) {
    pvk_free(flights);
    return status;
  }
  flights_ = flights;
  plan_ = plan;
  copies_ = plan.data_mode != DataMode::kDirect;
  ring_may_fill_ = plan.depth > ring_slots();
  unusual_from_ = data_.permanent() && !ring_may_fill_ ? kDirectSegments + 1 : 0;
  return {};
}

void Queue::close() {
  channel_.reset();  // no upcall from here on
  data_.close();
  indirect_.close();
  pvk_free(flights_);
  flights_ = nullptr;
  unusual_from_ = 0;
  ring_pages_.reset();
  plan_ = {};
}

Error Queue::violation(Counter& counter, const char* what, u64 value) {
  counter.add_by_owner(1);
  if (!broken()) {
    end_.set_relaxed(kBackendLied);
    pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus_),
            "the backend broke the block protocol: %s (%llu); the device is given up", what,
            static_cast<unsigned long long>(value));
  }
  return Error::kBackendProtocol;
}

u32 Queue::next_in_flight(u32 tag) const {
  while (tag < plan_.depth && flights_[tag].in_flight.acquire() == 0) ++tag;
  return tag;
}

}  // namespace pvk::block
