// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/guest_disk.h"

#include <xen/io/xenbus.h>

namespace pvk::fakes {

using block::Operation;
using block::Outcome;

GuestDisk::GuestDisk(Machine& machine, ModelBackend& backend, const block::Params& allowed,
                     u32 cpus)
    : params(allowed), machine_(machine), backend_(backend) {
  const block::DevicePort port = {
      this, attach, detach, hold, take_back, carry_on, resize, wait_backend_closed, upcall};
  device_ = std::make_unique<block::Device>(&backend.bus(), params, cpus, port);
  machine_.add_actor(this, [this] { return work(); });
}

GuestDisk::~GuestDisk() {
  machine_.remove_actor(this);
  remove();
  backend_.disconnect();
  machine_.faults.clear();
  machine_.retry_parked();
  device_.reset();
  for (const auto& [pages, count] : buffers_) machine_.memory.free(pages, count, Owner::kTest);
}

bool GuestDisk::connect() {
  watching_ = true;
  if (!device_->start().ok()) return false;
  machine_.watch_backend(backend_.bus(), [this](int state) {
    device_->set_params(params);
    device_->backend_changed(state);
  });
  machine_.settle();
  return up_;
}

void GuestDisk::remove() {
  if (!watching_) return;
  watching_ = false;
  machine_.unwatch_backend(backend_.bus());
  device_->remove();
}

u8* GuestDisk::buffer(size_t bytes, size_t offset) {
  const auto count = static_cast<unsigned>((offset + bytes + kPageSize - 1) / kPageSize);
  u8* const pages = static_cast<u8*>(machine_.memory.allocate(count, Owner::kTest));
  if (pages == nullptr) std::abort();
  buffers_.emplace_back(pages, count);
  return pages + offset;
}

GuestDisk::Where GuestDisk::where(u32 os_queue, u32 os_tag) const {
  return {os_queue % queues_, os_queue / queues_ * plan_.depth + os_tag};
}

std::shared_ptr<Io>& GuestDisk::flight(u32 queue, u32 tag) {
  return flights_[queue + tag / plan_.depth * queues_][tag % plan_.depth];
}

Status GuestDisk::submit(Io& io) {
  const Where place = where(io.os_queue, io.request.tag);
  block::Request request = io.request;
  request.tag = place.tag;
  return queue(place.queue)
      .submit(request, io.segments.data(), static_cast<u32>(io.segments.size()));
}

std::shared_ptr<Io> GuestDisk::begin(const block::Request& request,
                                     std::vector<block::Segment> segments, u32 queue) {
  const AtomicContext io_path;
  why_ = Error::kGone;
  if (!up_) return nullptr;
  why_ = Error::kBusy;
  auto& slots = flights_[queue];
  u32 tag = 0;
  while (tag < slots.size() && slots[tag] != nullptr) ++tag;
  if (tag == slots.size()) return nullptr;
  auto io = std::make_shared<Io>();
  io->request = request;
  io->request.tag = tag;
  io->os_queue = queue;
  io->segments = std::move(segments);
  if (held_) {
    waiting_.push_back(io);
  } else if (const Status status = submit(*io); !status.ok()) {
    why_ = status.error();
    return nullptr;
  }
  slots[tag] = io;
  return io;
}

std::shared_ptr<Io> GuestDisk::start(Operation operation, u64 sector, u8* data, size_t bytes,
                                     u32 queue) {
  std::vector<block::Segment> segments;
  while (bytes != 0) {
    const size_t in_page = kPageSize - reinterpret_cast<uintptr_t>(data) % kPageSize;
    const size_t here = std::min(bytes, in_page);
    segments.push_back({data, static_cast<u32>(here)});
    data += here;
    bytes -= here;
  }
  block::Request request;
  request.operation = operation;
  request.sector = sector;
  return begin(request, std::move(segments), queue);
}

void GuestDisk::publish(u32 queue) {
  const AtomicContext io_path;
  if (!held_ && queues_ != 0) this->queue(queue % queues_).publish();
}

std::shared_ptr<Io> GuestDisk::run(Operation operation, u64 sector, u8* data, size_t bytes,
                                   u32 queue) {
  auto io = start(operation, sector, data, bytes, queue);
  if (io != nullptr) publish(queue);
  machine_.settle();
  return io;
}

std::shared_ptr<Io> GuestDisk::discard(u64 sector, u64 count, bool secure) {
  block::Request request;
  request.operation = secure ? Operation::kSecureDiscard : Operation::kDiscard;
  request.sector = sector;
  request.sector_count = count;
  auto io = begin(request, {}, 0);
  if (io == nullptr) return nullptr;
  publish();
  machine_.settle();
  return io;
}

void GuestDisk::finish(Io& io, Outcome outcome) {
  if (io.finished) machine_.violations.add("port: a request ended twice");
  io.finished = true;
  io.outcome = outcome;
}

u32 GuestDisk::poll(u32 index) {
  block::Queue& queue = this->queue(index);
  u32 count = 0;
  do {
    for (;;) {
      u32 tag = 0;
      const Result<Outcome> outcome = queue.next(tag);
      if (!outcome.ok()) {
        if (outcome.error() == Error::kBackendProtocol) failing_ = true;
        break;
      }
      ++count;
      const auto io = std::move(flight(index, tag));
      if (io == nullptr) {
        machine_.violations.add("port: completion of a tag that is not in flight");
        return count;
      }
      finish(*io, outcome.value());
    }
  } while (queue.rearm());
  return count;
}

size_t GuestDisk::in_flight() const {
  size_t count = 0;
  for (const auto& slots : flights_) {
    for (const auto& io : slots) count += io != nullptr ? 1 : 0;
  }
  return count;
}

// What was taken back goes first, in the order in which it was sent.
void GuestDisk::send_waiting() {
  while (!waiting_.empty() && !held_) {
    Io& io = *waiting_.front();
    const Status status = submit(io);
    if (!status.ok() && status.error() == Error::kBusy) break;
    if (!status.ok()) {
      const auto failed = std::move(flights_[io.os_queue][io.request.tag]);
      finish(*failed, Outcome::kFailed);
    }
    waiting_.erase(waiting_.begin());
  }
  for (u32 index = 0; index < queues_ && !held_; ++index) queue(index).publish();
}

// A queue that broke in the upcall is dealt with where the device may be touched, and so is what
// xenstore did not answer.
bool GuestDisk::work() {
  if (!waiting_.empty() && !held_) {
    const size_t before = waiting_.size();
    send_waiting();
    if (waiting_.size() != before) return true;
  }
  // One that goes anyway is not given up: take_back() forgets what it did.
  if (busy_) return false;
  if (watching_ && tries_left != 0 && device_->unfinished()) {
    --tries_left;
    device_->backend_changed(machine_.backend_state(backend_.bus()));
    return true;
  }
  if (!failing_ || held_) return false;
  failing_ = false;
  device_->fail();
  return true;
}

bool GuestDisk::broken() {
  for (const block::Queue& queue : device_->queues()) {
    if (queue.broken()) return true;
  }
  return false;
}

int GuestDisk::attach(void* context, const block::DiskOffer& /*offer*/,
                      const block::QueuePlan& plan, u32 queues) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (self->refuse_attach) return -PVK_ENOMEM;
  if (self->up_) self->machine_.violations.add("port: attached twice");
  self->plan_ = plan;
  self->queues_ = queues;
  self->flights_.assign(queues, std::vector<std::shared_ptr<Io>>(plan.depth));
  self->up_ = self->serving_ = true;
  ++self->attached;
  return 0;
}

// Takes what is in flight out of the queues; what the backend did not let go of fails.
void GuestDisk::give_up_all() {
  for (u32 index = 0; index < queues_; ++index) {
    block::Queue& queue = this->queue(index);
    const u32 depth = queue.plan().depth;
    for (u32 tag = queue.next_in_flight(0); tag < depth; tag = queue.next_in_flight(tag + 1)) {
      auto& io = flight(index, tag);
      if (queue.give_up(tag)) {
        waiting_.push_back(io);
        continue;
      }
      const auto failed = std::move(io);
      failed->given_up = true;
      finish(*failed, Outcome::kFailed);
    }
  }
}

void GuestDisk::hold(void* context) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (self->held_) self->machine_.violations.add("port: held twice");
  self->held_ = true;
  ++self->holds;
}

void GuestDisk::take_back(void* context, bool answers) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->held_) self->machine_.violations.add("port: taken back without being held");
  for (u32 index = 0; answers && index < self->queues_; ++index) self->poll(index);
  self->give_up_all();
  self->failing_ = false;
  self->queues_ = 0;
}

void GuestDisk::carry_on(void* context, const block::DiskOffer& offer, const block::QueuePlan& plan,
                         u32 queues) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->held_) self->machine_.violations.add("port: carried on without being held");
  if (queues > self->flights_.size() || plan.depth < self->plan_.depth) {
    self->machine_.violations.add("port: carried on with queues that do not fit");
  }
  self->held_ = false;
  self->queues_ = queues;
  ++self->carried_on;
  resize(context, offer.sectors);
  self->send_waiting();
}

void GuestDisk::detach(void* context, bool answers) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->up_) self->machine_.violations.add("port: detached twice");
  self->up_ = false;
  ++self->detached;
  self->busy_ = true;
  for (int i = 0; answers && self->in_flight() != 0 && i < self->patience; ++i) {
    if (self->broken()) break;  // nothing is believed any more, so nothing will be answered
    self->machine_.step();
  }
  self->busy_ = false;
  self->give_up_all();
  for (const auto& io : self->waiting_) {
    const auto dropped = std::move(self->flights_[io->os_queue][io->request.tag]);
    dropped->given_up = true;
    self->finish(*dropped, Outcome::kFailed);
  }
  self->waiting_.clear();
  self->held_ = false;
  self->queues_ = 0;
  if (self->in_flight() != 0) self->machine_.violations.add("port: a request was lost");
  self->serving_ = false;
}

void GuestDisk::resize(void* context, u64 sectors) {
  static_cast<GuestDisk*>(context)->resized_to = sectors;
}

void GuestDisk::wait_backend_closed(void* context) {
  auto* const self = static_cast<GuestDisk*>(context);
  self->busy_ = true;
  for (int i = 0; i < self->patience && self->backend_.connected(); ++i) self->machine_.step();
  self->busy_ = false;
}

int GuestDisk::upcall(void* context, u32 queue) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->serving_ || queue >= self->queues_ || !self->poll_in_upcall) return 0;
  return self->queue(queue).count_upcall(self->poll(queue)) ? 1 : 0;
}

}  // namespace pvk::fakes
