// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/device.h"

namespace pvk::block {
namespace {

Status set_state(pvk_bus* bus, XenbusState state) {
  return pvk_xs_set_state(bus, static_cast<int>(state)) == 0 ? Status{} : Status{Error::kXenstore};
}

const char* to_text(Action action) {
  switch (action) {
    case Action::kPublish:
    case Action::kRestart: return "offering rings";
    case Action::kPublishAndAttach:
    case Action::kAttach: return "connecting";
    case Action::kRefresh: return "re-reading the size";
    default: return "closing";
  }
}

}  // namespace

Status Device::start() {
  phase_ = Phase::kWaiting;
  return set_state(bus_, XenbusState::kInitialising);
}

void Device::remove() {
  removing_ = true;
  handle(Event::kRemove);
  free_queues();
}

void Device::handle(Event event) {
  const Step step = handshake_step(phase_, event);
  const Status status = act(step.action);
  if (status.ok()) {
    phase_ = step.next;
    return;
  }
  pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus_), "%s failed with error %d; the device stays down",
          to_text(step.action), to_errno(status));
  take_down(false);
  close();
  phase_ = Phase::kFailed;
}

Status Device::act(Action action) {
  switch (action) {
    case Action::kNone: return {};
    case Action::kPublish: return publish();
    case Action::kPublishAndAttach: PVK_TRY(publish()); return attach();
    case Action::kAttach: return attach();
    case Action::kRefresh: return refresh();
    case Action::kClose: close(); return {};
    case Action::kDetach:
      take_down(true);
      close();
      return {};
    case Action::kAbandon:
      take_down(false);
      close();
      return {};
    case Action::kReopen:
      take_down(false);
      free_queues();
      return set_state(bus_, XenbusState::kInitialising);
    case Action::kRestart: take_down(false); return publish();
  }
  return {};
}

Status Device::publish() {
  free_queues();
  const Result<RingOffer> offer = read_ring_offer(bus_);
  PVK_TRY(offer);
  ring_plan_ = plan_rings(offer.value(), params_, cpus_);
  PVK_TRY(open_queues());
  PVK_TRY(publish_rings(bus_, queues(), ring_plan_, params_));
  return set_state(bus_, XenbusState::kInitialised);
}

Status Device::attach() {
  const Result<DiskOffer> offer = read_disk_offer(bus_);
  PVK_TRY(offer);
  offer_ = offer.value();
  const QueuePlan plan = plan_queue(offer_, params_, queues_[0].ring_slots());
  for (Queue& queue : queues()) PVK_TRY(queue.open_requests(plan));
  PVK_TRY(set_state(bus_, XenbusState::kConnected));
  attached_ = true;
  if (port_.attach(port_.context, offer_, plan, queue_count_) == 0) return {};
  attached_ = false;
  return Error::kNoMemory;
}

Status Device::refresh() {
  const Result<DiskOffer> offer = read_disk_offer(bus_);
  PVK_TRY(offer);
  if (offer.value().sectors == offer_.sectors) return {};
  offer_.sectors = offer.value().sectors;
  port_.resize(port_.context, offer_.sectors);
  return {};
}

void Device::take_down(bool answers) {
  if (!attached_) return;
  if (!answers) {
    for (Queue& queue : queues()) queue.mark_broken();
  }
  port_.detach(port_.context, answers);
  attached_ = false;
}

// Closed is said before anything is freed: the backend lets go of our pages when it hears it, and
// what it still holds when we come to free it is parked. A driver that goes may be loaded again at
// once, and must not meet the end of this connection then.
void Device::close() {
  const Status status = set_state(bus_, XenbusState::kClosed);
  if (!status.ok()) pvk_log(PVK_LOG_WARNING, pvk_bus_name(bus_), "cannot say Closed in xenstore");
  if (removing_ && queue_count_ != 0) port_.wait_backend_closed(port_.context);
  free_queues();
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
