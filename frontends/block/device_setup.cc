// SPDX-License-Identifier: MIT OR GPL-2.0-only
// How a disk comes up, again after its backend was away, and what changes while it is up.
#include "frontends/block/device.h"
#include "pvkit/xenstore.h"

namespace pvk::block {

Status Device::publish() {
  free_queues();
  // The toolstack may distrust the backend of one disk; a parameter does it for all.
  const Result<u64> trusted = XenstoreReader(bus_, Side::kFrontend).number_or("trusted", 1, 1);
  PVK_TRY(trusted);
  distrusted_ = distrusted_ || trusted.value() == 0;
  params_ = next_params_;
  if (distrusted_) params_.trusted = false;
  const Result<RingOffer> offer = read_ring_offer(bus_);
  PVK_TRY(offer);
  // A disk that is in use keeps its number of queues, or has to do with fewer.
  ring_plan_ = plan_rings(offer.value(), params_, cpus_);
  if (attached_) ring_plan_.queues = min(ring_plan_.queues, os_queues_);
  PVK_TRY(open_queues());
  PVK_TRY(publish_rings(bus_, queues(), ring_plan_, params_));
  return set_state(XenbusState::kInitialised);
}

Status Device::attach() {
  const Result<DiskOffer> offer = read_disk_offer(bus_);
  PVK_TRY(offer);
  return attached_ ? carry_on(offer.value()) : come_up(offer.value());
}

Status Device::come_up(const DiskOffer& offer) {
  const QueuePlan plan = plan_queue(offer, params_, queues_[0].ring_slots());
  PVK_TRY(open_requests(plan));
  PVK_TRY(set_state(XenbusState::kConnected));
  offer_ = offer;
  os_plan_ = plan;
  os_queues_ = queue_count_;
  attached_ = true;
  if (port_.attach(port_.context, offer_, plan, queue_count_) == 0) return {};
  attached_ = false;
  return Error::kNoMemory;
}

// The disk's users know its sectors; everything else may be another backend's.
Status Device::carry_on(const DiskOffer& offer) {
  if (offer.sector_size != offer_.sector_size) {
    pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus_), "came back with sectors of %u bytes instead of %u",
            offer.sector_size, offer_.sector_size);
    return Error::kBadValue;
  }
  const u32 shared_by = (os_queues_ + queue_count_ - 1) / queue_count_;
  const QueuePlan plan = plan_queue(offer, params_, os_plan_.depth * shared_by);
  PVK_TRY(open_requests(plan));
  PVK_TRY(set_state(XenbusState::kConnected));
  offer_ = offer;
  held_ = false;
  port_.carry_on(port_.context, offer_, plan, queue_count_);
  pvk_log(PVK_LOG_INFO, pvk_bus_name(bus_), "the backend is back");
  return {};
}

Status Device::open_requests(const QueuePlan& plan) {
  for (Queue& queue : queues()) PVK_TRY(queue.open_requests(plan));
  return {};
}

Status Device::refresh() {
  // A backend that was bound again to the same rings knows of no event that went astray meanwhile.
  for (Queue& queue : queues()) queue.nudge();
  const Result<DiskOffer> offer = read_disk_offer(bus_);
  // A refusal is about xenstore. If it means that the backend has gone, its state will say so.
  if (!offer.ok() && offer.error() == Error::kXenstore) return {};
  PVK_TRY(offer);
  if (offer.value().sectors == offer_.sectors) return {};
  offer_.sectors = offer.value().sectors;
  port_.resize(port_.context, offer_.sectors);
  return {};
}

// Without an answer the device goes on as if it had been heard, and says it again later.
Status Device::set_state(XenbusState state) {
  unsaid_ = XenbusState::kUnknown;
  const int error = pvk_xs_set_state(bus_, static_cast<int>(state));
  if (error == 0) return {};
  if (xenstore_error(error) != Error::kNoAnswer) return Error::kXenstore;
  unsaid_ = state;
  ask_later();
  return {};
}

void Device::say_again() {
  if (unsaid_ == XenbusState::kUnknown) return;
  const Status said = set_state(unsaid_);
  if (said.ok()) return;
  const bool down = phase_ == Phase::kClosed || phase_ == Phase::kFailed;
  if (!down) give_up("saying its state", said);
}

int Device::upcall(void* target) {
  const auto* to = static_cast<UpcallTarget*>(target);
  return to->device->port_.upcall(to->device->port_.context, to->queue);
}

Status Device::open_queues() {
  queues_ = static_cast<Queue*>(pvk_alloc(ring_plan_.queues * sizeof(Queue)));
  targets_ = static_cast<UpcallTarget*>(pvk_alloc(ring_plan_.queues * sizeof(UpcallTarget)));
  if (queues_ == nullptr || targets_ == nullptr) {
    free_queues();
    return Error::kNoMemory;
  }
  for (u32 i = 0; i < ring_plan_.queues; ++i) {
    new (Place{&queues_[i]}) Queue;
    targets_[i] = {this, i};
    ++queue_count_;
    PVK_TRY(queues_[i].open_ring(bus_, ring_plan_.ring_page_order, upcall, &targets_[i]));
  }
  return {};
}

void Device::free_queues() {
  for (Queue& queue : queues()) queue.~Queue();
  queue_count_ = 0;
  pvk_free(queues_);
  pvk_free(targets_);
  queues_ = nullptr;
  targets_ = nullptr;
}

}  // namespace pvk::block
