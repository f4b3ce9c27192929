// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One virtual disk: its queues, and its way through the xenbus handshake.
#pragma once

#include "frontends/block/publish.h"
#include "frontends/xenbus/handshake.h"

namespace pvk::block {

// What the OS does for a device. Plain functions: the OS is C.
struct DevicePort {
  void* context;
  // The disk is up: give it to its users. I/O may start before this returns.
  int (*attach)(void* context, const DiskOffer& offer, const QueuePlan& plan, u32 queues);
  // Take the disk from its users and return when nothing is in flight. With `answers` the backend
  // still serves; otherwise the OS gives up what is in flight (Queue::give_up).
  void (*detach)(void* context, bool answers);
  // The medium's size has changed, in sectors of 512 bytes.
  void (*resize)(void* context, u64 sectors);
  // Wait, within reason, until the backend is Closed or gone, so that it can be met again.
  void (*wait_backend_closed)(void* context);
  // An event for a queue; returns whether there was work.
  int (*upcall)(void* context, u32 queue);
};

// Used by one thread at a time but for the queues themselves, which I/O uses between the port's
// attach and detach.
class Device {
 public:
  Device(pvk_bus* bus, const Params& params, u32 cpus, const DevicePort& port)
      : bus_(bus), params_(params), cpus_(cpus), port_(port) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  // remove() comes first.
  ~Device() { free_queues(); }

  // Makes itself known to the backend.
  Status start();
  // The backend's state key reads `state` now.
  void backend_changed(int state) { handle(backend_event(state)); }
  // A queue broke, or the OS cannot go on with the disk.
  void fail() { handle(Event::kFailure); }
  void remove();

  Phase phase() const { return phase_; }
  Span<Queue> queues() { return {queues_, queue_count_}; }
  const DiskOffer& offer() const { return offer_; }
  const RingPlan& ring_plan() const { return ring_plan_; }

 private:
  struct UpcallTarget {
    Device* device;
    u32 queue;
  };
  static int upcall(void* target);

  void handle(Event event);
  Status act(Action action);
  Status publish();
  Status attach();
  Status refresh();
  void take_down(bool answers);
  void close();
  Status open_queues();
  void free_queues();

  pvk_bus* bus_;
  Params params_;
  u32 cpus_;
  DevicePort port_;
  Phase phase_ = Phase::kWaiting;
  bool attached_ = false;
  bool removing_ = false;
  RingPlan ring_plan_;
  DiskOffer offer_;
  Queue* queues_ = nullptr;
  UpcallTarget* targets_ = nullptr;
  u32 queue_count_ = 0;
};

}  // namespace pvk::block
