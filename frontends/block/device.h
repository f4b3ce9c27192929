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
  // The backend goes away and may be back: submit nothing to the queues any more, let new requests
  // wait for carry_on or detach. What is in flight may still be answered.
  void (*hold)(void* context);
  // It is gone: take every request back (Queue::give_up), to wait like the new ones; those whose
  // pages were kept fail. With `answers`, first take those that wait; without, they mean nothing:
  // the domain was restored, and its memory was saved while the backend wrote to it, an answer
  // perhaps after the data that it stands for. The queues, if there are any, end now.
  void (*take_back)(void* context, bool answers);
  // It is back, perhaps another one, with new queues: go on, what waited first. Never more queues
  // than at attach, and the depth of each covers the tags of the old ones that it stands for:
  // old queue i is new queue i modulo `queues`, its tags from (i / queues) * the old depth on.
  void (*carry_on)(void* context, const DiskOffer& offer, const QueuePlan& plan, u32 queues);
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
      : bus_(bus), next_params_(params), cpus_(cpus), port_(port) {}
  Device(const Device&) = delete;
  Device& operator=(const Device&) = delete;
  // remove() comes first.
  ~Device() { free_queues(); }

  // Makes itself known to the backend.
  Status start();
  // The backend's state key reads `state` now, or cannot be read: a negative errno.
  void backend_changed(int state);
  // xenstore left something without an answer: backend_changed() is to be called again in a moment,
  // with the state of then, for as long as this is so.
  bool unfinished() const { return unfinished_; }
  // The domain was restored or has moved: nothing that it shared is shared any more.
  void resumed() { handle(Event::kResumed); }
  // What the administrator allows from the next connection on.
  void set_params(const Params& params) { next_params_ = params; }
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

  Result<Event> event_of(int state) const;
  void handle(Event event);
  Status act(Action action);
  Status set_state(XenbusState state);
  void say_again();
  void ask_later();
  void give_up(const char* what, const Status& why);
  Status publish();
  Status attach();
  Status come_up(const DiskOffer& offer);
  Status carry_on(const DiskOffer& offer);
  Status open_requests(const QueuePlan& plan);
  Status refresh();
  void hold();
  void take_back(bool answers);
  void take_down(bool answers);
  void close();
  Status open_queues();
  void free_queues();

  pvk_bus* bus_;
  Params next_params_;
  Params params_;  // of this connection, from what the backend is told until it is gone
  u32 cpus_;
  DevicePort port_;
  Phase phase_ = Phase::kWaiting;
  bool attached_ = false;  // the OS has the disk
  bool held_ = false;      // and lets new requests wait
  bool removing_ = false;
  bool distrusted_ = false;  // by the toolstack, for good
  bool unfinished_ = false;
  bool told_ = false;                           // the log was, of what is unfinished
  XenbusState unsaid_ = XenbusState::kUnknown;  // our own state, if xenstore has yet to take it
  RingPlan ring_plan_;
  DiskOffer offer_;
  QueuePlan os_plan_;  // what the OS made its tags and limits from, at attach
  u32 os_queues_ = 0;
  Queue* queues_ = nullptr;
  UpcallTarget* targets_ = nullptr;
  u32 queue_count_ = 0;
};

}  // namespace pvk::block
