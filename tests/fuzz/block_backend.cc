// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fuzz/block_backend.h"

#include <memory>

#include "fakes/guest_disk.h"
#include "fuzz/bystander.h"
#include "fuzz/bytes.h"

namespace pvk::fuzz {
namespace {

using namespace fakes;
using block::Operation;

class Play {
 public:
  Play(const uint8_t* data, size_t size) : bytes_(data, size) {}

  std::string run() {
    bystander_.open(machine_);
    open();
    while (!bytes_.empty()) act(bytes_.one());
    machine_.faults.clear();
    const bool unharmed = bystander_.works(machine_);
    disk_.reset();
    backend_.reset();
    bystander_.close();
    machine_.settle();
    machine_.retry_parked();
    return unharmed ? verdict() : "the other disk was harmed";
  }

 private:
  void open() {
    const u8 features = bytes_.one();
    if ((features & 1) != 0) backend_->allow_persistent();
    if ((features & 2) != 0) backend_->allow_indirect(64);
    if ((features & 4) != 0) backend_->allow_queues(2);
    if ((features & 8) != 0) backend_->allow_ring_order(1);
    if ((features & 16) != 0) backend_->allow_discard();
    if ((features & 32) != 0) backend_->allow_flush();
    block::Params params;
    params.trusted = (features & 64) != 0;
    params.max_ring_page_order = 1;
    params.max_indirect_segments = 64;
    for (u8 left = bytes_.one() % 4; left != 0; --left) {
      const char* const key = kKeys[bytes_.one() % std::size(kKeys)];
      backend_->offered.early[key] = backend_->offered.late[key] = bytes_.text();
    }
    backend_->behaviour.hold = (features & 128) != 0;
    params_ = params;
    backend_->offer();
    load();
  }
  // The driver comes, or comes again.
  void load() {
    disk_.reset();
    disk_ = std::make_unique<GuestDisk>(machine_, *backend_, params_, 2);
    disk_->patience = 20;
    disk_->connect();
    data_ = disk_->buffer(64 * size_t{kPageSize});
  }

  void act(u8 what) {
    act_as_a_backend(what % 26);
    act_as_a_worse_backend(what % 26);
    act_as_the_guest(what % 26);
    if (patient_) {
      machine_.settle();
    } else {
      machine_.step();
    }
  }

  void act_as_a_backend(unsigned what) {
    switch (what) {
      case 0: submit(Operation::kRead); break;
      case 1: submit(Operation::kWrite); break;
      case 2: submit(Operation::kFlush); break;
      case 3: disk_->discard(bytes_.one(), bytes_.one()); break;
      case 4: answer(); break;
      case 5: index(); break;
      case 6:
        if (ModelQueue* queue = any_queue()) queue->complete_held(1 + bytes_.one() % 4);
        break;
      case 7: backend_->set_state(bytes_.one() % 10); break;
      case 8: backend_->write(kKeys[bytes_.one() % std::size(kKeys)], bytes_.text()); break;
      case 9: backend_->disconnect(); break;
      case 10: backend_->offer(); break;
      case 11: backend_->behaviour.keep_grants = bytes_.one() % 2 != 0; break;
      case 12:
        if (ModelQueue* queue = any_queue()) queue->notify();
        break;
      case 13: machine_.retry_parked(); break;
      default: break;
    }
  }

  void act_as_a_worse_backend(unsigned what) {
    switch (what) {
      case 14: vanish(); break;
      case 16: twist(bytes_.one() % 4); break;
      case 17:
        backend_->behaviour.order = static_cast<Order>(bytes_.one() % 3);
        backend_->behaviour.batch = bytes_.one() % 4;
        backend_->behaviour.hold = bytes_.one() % 2 != 0;
        break;
      case 18:
        backend_->write("sectors", bytes_.text());
        backend_->set_state(4);
        break;
      case 20: scribble(); break;
      case 21: ask_for_events(); break;
      case 24: leave(bytes_.one() % 2 == 0); break;
      default: break;
    }
  }
  void act_as_the_guest(unsigned what) {
    switch (what) {
      case 15: {
        const auto call = static_cast<Call>(bytes_.one() % kCalls);
        machine_.faults.fail_nth(call, u64{1} + bytes_.one() % 16);
        break;
      }
      case 19: load(); break;
      case 22: patient_ = bytes_.one() % 2 == 0; break;
      case 23: disk_->device().fail(); break;
      case 25: disk_->device().resumed(); break;
      default: break;
    }
  }

  void leave(bool to_come_back) {
    if (to_come_back) {
      backend_->pause();
    } else {
      backend_->close();
    }
  }
  void ask_for_events() {
    ModelQueue* const queue = any_queue();
    if (queue != nullptr) queue->ring().set_req_event(static_cast<u32>(bytes_.number()));
  }
  // A key, or everything.
  void vanish() {
    const size_t which = bytes_.one() % (std::size(kKeys) + 1);
    if (which == std::size(kKeys)) {
      backend_->die();
    } else {
      machine_.xenstore.store().remove(backend_->bus().backend + "/" + kKeys[which]);
    }
  }
  // What becomes of answers on their way: as they are, lost, another status, another id.
  void twist(u8 how) {
    backend_->behaviour.tamper = nullptr;
    if (how == 0) return;
    backend_->behaviour.tamper = [how](blkif_response& response) {
      if (how == 2) response.status = static_cast<i16>(response.status - 1);
      if (how == 3) response.id ^= 1;
      return how != 1;
    };
  }
  // A response that stands in its slot before its index says so.
  void scribble() {
    ModelQueue* const queue = any_queue();
    if (queue == nullptr) return;
    blkif_response response{};
    response.id = bytes_.number();
    response.status = static_cast<i16>(bytes_.number());
    queue->ring().put_response(bytes_.one(), response);
  }

  void submit(Operation operation) {
    if (!disk_->up()) return;
    const u32 queue = bytes_.one() % disk_->os_queues();
    const size_t most = disk_->plan().max_segments;
    const size_t pages = operation == Operation::kFlush ? 0 : 1 + bytes_.one() % most;
    if (disk_->start(operation, bytes_.one(), data_, pages * kPageSize, queue) != nullptr) {
      disk_->publish(queue);
    }
  }
  ModelQueue* any_queue() {
    if (!backend_->connected()) return nullptr;
    return &backend_->queue(bytes_.one() % backend_->queues().size());
  }
  void answer() {
    ModelQueue* const queue = any_queue();
    if (queue == nullptr) return;
    blkif_response response{};
    response.id = bytes_.number();
    response.operation = bytes_.one();
    const int status = bytes_.one();
    response.status = static_cast<i16>(status < 128 ? status : status - 256);
    queue->push_raw(response);
  }
  void index() {
    ModelQueue* const queue = any_queue();
    if (queue == nullptr) return;
    queue->show_index(queue->produced() + static_cast<u32>(bytes_.number()));
    queue->notify();
  }

  // A backend that lies about answers also miscounts what it was asked, so its own complaints about
  // the frontend mean nothing here. Memory, grants, events, sleeping and lost requests do.
  std::string verdict() const {
    for (const std::string& violation : machine_.violations.all()) {
      if (!violation.starts_with("blkif:") && !violation.starts_with("xenbus:")) return violation;
    }
    const auto leaks = machine_.leaks();
    return leaks.empty() ? "" : "left behind: " + leaks.front();
  }

  Bytes bytes_;
  Machine machine_;
  std::unique_ptr<ModelBackend> backend_ =
      std::make_unique<ModelBackend>(machine_, 202u << 8, u64{512});
  std::unique_ptr<GuestDisk> disk_;
  Bystander bystander_;
  block::Params params_;
  bool patient_ = true;  // everybody comes to rest between two actions
  u8* data_ = nullptr;
};

}  // namespace

std::string play_block_backend(const uint8_t* data, size_t size) { return Play(data, size).run(); }

}  // namespace pvk::fuzz
