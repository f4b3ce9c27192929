// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/guest_disk.h"

#include <xen/io/xenbus.h>

namespace pvk::fakes {

using block::Operation;
using block::Outcome;

GuestDisk::GuestDisk(Machine& machine, ModelBackend& backend, const block::Params& params, u32 cpus)
    : machine_(machine), backend_(backend) {
  const block::DevicePort port = {this, attach, detach, resize, wait_backend_closed, upcall};
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
  machine_.watch_backend(backend_.bus(), [this](int state) { device_->backend_changed(state); });
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

std::shared_ptr<Io> GuestDisk::begin(const block::Request& request, u32 queue) {
  why_ = Error::kGone;
  if (!up_) return nullptr;
  auto& slots = flights_[queue];
  for (u32 tag = 0; tag < slots.size(); ++tag) {
    if (slots[tag] != nullptr) continue;
    auto io = std::make_shared<Io>();
    io->request = request;
    io->request.tag = tag;
    const Status status = this->queue(queue).prepare(io->request);
    if (!status.ok()) {
      why_ = status.error();
      return nullptr;
    }
    slots[tag] = io;
    return io;
  }
  why_ = Error::kBusy;
  return nullptr;
}

std::shared_ptr<Io> GuestDisk::start(Operation operation, u64 sector, u8* data, size_t bytes,
                                     u32 queue) {
  const AtomicContext io_path;
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
  request.segments = static_cast<u32>(segments.size());
  auto io = begin(request, queue);
  if (io == nullptr) return nullptr;
  io->segments = std::move(segments);
  // In two calls, where there are two segments: ports add a bio at a time.
  const Span<const block::Segment> all(io->segments.data(), io->segments.size());
  const size_t half = all.size() / 2;
  if (!this->queue(queue).add(all.first(half)).ok() ||
      !this->queue(queue).add({all.data() + half, all.size() - half}).ok()) {
    machine_.violations.add("port: announced segments were refused");
  }
  this->queue(queue).finish();
  return io;
}

void GuestDisk::publish(u32 queue) {
  const AtomicContext io_path;
  this->queue(queue).publish();
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
  auto io = begin(request, 0);
  if (io == nullptr) return nullptr;
  queue().finish();
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
      const Result<block::Completion> next = queue.next();
      if (!next.ok()) {
        if (next.error() == Error::kBackendProtocol) failing_ = true;
        break;
      }
      ++count;
      const block::Completion& completion = next.value();
      const auto io = flights_[index][completion.tag];
      if (io == nullptr) {
        machine_.violations.add("port: completion of a tag that is not in flight");
        return count;
      }
      if (completion.copy_out) queue.copy_out({io->segments.data(), io->segments.size()});
      if (!queue.retire(completion.tag).ok()) failing_ = true;
      flights_[index][completion.tag] = nullptr;
      finish(*io, completion.outcome);
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

// A queue that broke in the upcall is dealt with where the device may be touched.
bool GuestDisk::work() {
  if (!failing_) return false;
  failing_ = false;
  device_->fail();
  return true;
}

int GuestDisk::attach(void* context, const block::DiskOffer& /*offer*/,
                      const block::QueuePlan& plan, u32 queues) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (self->refuse_attach) return -PVK_ENOMEM;
  if (self->up_) self->machine_.violations.add("port: attached twice");
  self->plan_ = plan;
  self->flights_.assign(queues, std::vector<std::shared_ptr<Io>>(plan.depth));
  self->up_ = self->serving_ = true;
  ++self->attached;
  return 0;
}

void GuestDisk::detach(void* context, bool answers) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->up_) self->machine_.violations.add("port: detached twice");
  self->up_ = false;
  ++self->detached;
  for (int i = 0; answers && self->in_flight() != 0 && i < 1000; ++i) self->machine_.step();
  for (u32 index = 0; index < self->flights_.size(); ++index) {
    block::Queue& queue = self->queue(index);
    for (u32 tag = queue.next_in_flight(0); tag < self->flights_[index].size();
         tag = queue.next_in_flight(tag + 1)) {
      queue.give_up(tag);
      const auto io = std::move(self->flights_[index][tag]);
      io->given_up = true;
      self->finish(*io, Outcome::kFailed);
    }
  }
  if (self->in_flight() != 0) self->machine_.violations.add("port: a request was lost");
  self->serving_ = false;
}

void GuestDisk::resize(void* context, u64 sectors) {
  static_cast<GuestDisk*>(context)->resized_to = sectors;
}

void GuestDisk::wait_backend_closed(void* context) {
  auto* const self = static_cast<GuestDisk*>(context);
  for (int i = 0; i < 1000 && self->backend_.connected(); ++i) self->machine_.step();
}

int GuestDisk::upcall(void* context, u32 queue) {
  auto* const self = static_cast<GuestDisk*>(context);
  if (!self->serving_ || !self->poll_in_upcall) return 0;
  return self->queue(queue).count_upcall(self->poll(queue)) ? 1 : 0;
}

}  // namespace pvk::fakes
