// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fuzz/block_backend.h"

#include <memory>

#include "fakes/guest_disk.h"

namespace pvk::fuzz {
namespace {

using namespace fakes;
using block::Operation;

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  u8 one() { return empty() ? u8{0} : *at_++; }
  u64 number() {
    u64 value = 0;
    for (u8 left = one() % 9; left != 0; --left) value = value << 8 | one();
    return value;
  }
  std::string text() {
    std::string value;
    for (u8 left = one() % 40; left != 0; --left) value.push_back(static_cast<char>(one()));
    return value;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

constexpr const char* kKeys[] = {"sectors",
                                 "sector-size",
                                 "physical-sector-size",
                                 "info",
                                 "feature-persistent",
                                 "feature-flush-cache",
                                 "feature-barrier",
                                 "feature-discard",
                                 "discard-granularity",
                                 "discard-alignment",
                                 "discard-secure",
                                 "feature-max-indirect-segments",
                                 "max-ring-page-order",
                                 "multi-queue-max-queues"};

class Play {
 public:
  Play(const uint8_t* data, size_t size) : bytes_(data, size) {}

  std::string run() {
    open();
    while (!bytes_.empty()) act(bytes_.one());
    disk_.reset();
    backend_.reset();
    machine_.settle();
    machine_.retry_parked();
    return verdict();
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
    backend_->offer();
    disk_ = std::make_unique<GuestDisk>(machine_, *backend_, params, 2);
    disk_->connect();
    data_ = disk_->buffer(64 * size_t{kPageSize});
  }

  void act(u8 what) {
    switch (what % 14) {
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
    }
    machine_.settle();
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
  u8* data_ = nullptr;
};

}  // namespace

std::string play_block_backend(const uint8_t* data, size_t size) { return Play(data, size).run(); }

}  // namespace pvk::fuzz
