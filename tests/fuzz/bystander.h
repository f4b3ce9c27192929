// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A disk of an honest backend on the machine of a play: nothing that is played may reach it.
#pragma once

#include <cstring>
#include <memory>

#include "fakes/guest_disk.h"

namespace pvk::fuzz {

class Bystander {
 public:
  void open(fakes::Machine& machine) {
    backend_ = std::make_unique<fakes::ModelBackend>(machine, kBystander, u64{64});
    disk_ = std::make_unique<fakes::GuestDisk>(machine, *backend_);
    backend_->offer();
    disk_->connect();
    data_ = disk_->buffer(2 * size_t{kPageSize});
  }
  bool works(fakes::Machine& machine) {
    machine.settle();
    if (!disk_->up()) return false;
    std::memset(data_, 0x5a, kPageSize);
    const auto write = disk_->run(block::Operation::kWrite, 8, data_, kPageSize);
    const auto read = disk_->run(block::Operation::kRead, 8, data_ + kPageSize, kPageSize);
    return write->outcome == block::Outcome::kDone && read->outcome == block::Outcome::kDone &&
           std::memcmp(data_, data_ + kPageSize, kPageSize) == 0;
  }
  void close() {
    disk_.reset();
    backend_.reset();
  }

 private:
  static constexpr u32 kBystander = (202u << 8) + 16;
  std::unique_ptr<fakes::ModelBackend> backend_;
  std::unique_ptr<fakes::GuestDisk> disk_;
  u8* data_ = nullptr;
};

}  // namespace pvk::fuzz
