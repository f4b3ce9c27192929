// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What an OS port is to a block device, small: tags, attach and detach, an upcall that completes
// requests. One thread; the port keeps the contract of device.h and queue.h to the letter.
#pragma once

#include <memory>
#include <vector>

#include "fakes/machine.h"
#include "fakes/model_backend.h"
#include "frontends/block/device.h"

namespace pvk::fakes {

struct Io {
  block::Request request;
  std::vector<block::Segment> segments;
  u32 os_queue = 0;
  bool finished = false;
  bool given_up = false;
  block::Outcome outcome = block::Outcome::kFailed;
};

class GuestDisk {
 public:
  GuestDisk(Machine& machine, ModelBackend& backend, const block::Params& allowed = {},
            u32 cpus = 1);
  ~GuestDisk();
  GuestDisk(const GuestDisk&) = delete;
  GuestDisk& operator=(const GuestDisk&) = delete;

  // Starts the device and lets everybody settle. Whether the disk is up then.
  bool connect();
  void remove();
  bool up() const { return up_; }
  block::Device& device() { return *device_; }
  block::Queue& queue(u32 index = 0) { return device_->queues()[index]; }
  const block::QueuePlan& plan() const { return plan_; }

  // Memory for data, at some offset into its first page, alive as long as the machine's guest.
  u8* buffer(size_t bytes, size_t offset = 0);

  // One request. Not shown to the backend before publish(). nullptr when it cannot be started now;
  // why() then says why.
  std::shared_ptr<Io> start(block::Operation operation, u64 sector, u8* data, size_t bytes,
                            u32 queue = 0);
  void publish(u32 queue = 0);
  Error why() const { return why_; }
  // Start, publish, settle; the result of the request.
  std::shared_ptr<Io> run(block::Operation operation, u64 sector, u8* data, size_t bytes,
                          u32 queue = 0);
  std::shared_ptr<Io> discard(u64 sector, u64 count, bool secure = false);
  // Takes whatever responses there are, as the upcall does.
  u32 poll(u32 queue = 0);
  size_t in_flight() const;

  // Held by the device: its requests wait.
  bool held() const { return held_; }
  // Hardware queues, as many as there were at attach.
  u32 os_queues() const { return static_cast<u32>(flights_.size()); }
  // Requests that were taken back and are not sent again yet.
  size_t waiting() const { return waiting_.size(); }

  // What the administrator allows now; told to the device before each event, as Linux does.
  block::Params params;

  // What the port was told.
  u32 attached = 0;
  u32 detached = 0;
  u32 holds = 0;
  u32 carried_on = 0;
  u64 resized_to = 0;
  bool refuse_attach = false;
  bool poll_in_upcall = true;
  int tries_left = 100;  // for what xenstore did not answer
  int patience = 1000;   // how many steps a backend has to answer or close while the disk goes

 private:
  static int attach(void* self, const block::DiskOffer& offer, const block::QueuePlan& plan,
                    u32 queues);
  static void detach(void* self, bool answers);
  static void hold(void* self);
  static void take_back(void* self, bool answers);
  static void carry_on(void* self, const block::DiskOffer& offer, const block::QueuePlan& plan,
                       u32 queues);
  static void resize(void* self, u64 sectors);
  static void wait_backend_closed(void* self);
  static int upcall(void* self, u32 queue);
  // Where an OS queue's tag stands in the device's queues.
  struct Where {
    u32 queue;
    u32 tag;
  };
  Where where(u32 os_queue, u32 os_tag) const;
  std::shared_ptr<Io>& flight(u32 queue, u32 tag);
  bool work();
  void give_up_all();
  void send_waiting();
  Status submit(Io& io);
  std::shared_ptr<Io> begin(const block::Request& request, std::vector<block::Segment> segments,
                            u32 queue);
  bool broken();
  void finish(Io& io, block::Outcome outcome);

  Machine& machine_;
  ModelBackend& backend_;
  std::unique_ptr<block::Device> device_;
  std::vector<std::vector<std::shared_ptr<Io>>> flights_;  // by OS queue, by tag
  std::vector<std::shared_ptr<Io>> waiting_;
  u32 queues_ = 0;  // of the device, now; at most as many as the OS has
  std::vector<std::pair<void*, unsigned>> buffers_;
  block::QueuePlan plan_;
  Error why_ = Error::kBusy;
  bool up_ = false;       // takes requests
  bool serving_ = false;  // takes responses
  bool held_ = false;
  bool failing_ = false;
  bool busy_ = false;  // in a call of the device: a failure has to wait
  bool watching_ = false;
};

}  // namespace pvk::fakes
