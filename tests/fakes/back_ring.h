// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend's end of a block ring, written from the comments of xen/io/ring.h and on purpose
// without its macros: those use plain loads, and a second reading of the protocol finds what a
// shared one hides. Pages are mapped one by one and need not be neighbours; a slot may cross two.
#pragma once

#include <atomic>
#include <cstring>
#include <vector>

#include "fakes/grant_table.h"
#include "pvkit/abi/blkif.h"

namespace pvk::fakes {

class BackRing {
 public:
  static constexpr size_t kHeader = 64;
  static constexpr size_t kSlot = sizeof(blkif_request);

  BackRing() = default;
  explicit BackRing(std::vector<Mapping> pages) : pages_(std::move(pages)) {
    size_ = floor_power_of_two(static_cast<u32>((pages_.size() * kPageSize - kHeader) / kSlot));
  }

  const std::vector<Mapping>& pages() const { return pages_; }
  u32 size() const { return size_; }

  u32 req_prod() const { return index(0).load(std::memory_order_acquire); }
  u32 req_event() const { return index(1).load(std::memory_order_relaxed); }
  void set_req_event(u32 value) const { index(1).store(value, std::memory_order_relaxed); }
  void set_rsp_prod(u32 value) const { index(2).store(value, std::memory_order_release); }
  u32 rsp_event() const { return index(3).load(std::memory_order_relaxed); }

  blkif_request request(u32 number) const {
    blkif_request copy;
    move_bytes(number, reinterpret_cast<u8*>(&copy), sizeof(copy), false);
    return copy;
  }
  void put_response(u32 number, blkif_response response) const {
    move_bytes(number, reinterpret_cast<u8*>(&response), sizeof(response), true);
  }

 private:
  std::atomic_ref<u32> index(size_t which) const {
    return std::atomic_ref<u32>(reinterpret_cast<u32*>(pages_[0].bytes)[which]);
  }
  void move_bytes(u32 number, u8* memory, size_t bytes, bool to_ring) const {
    size_t offset = kHeader + (number & (size_ - 1)) * kSlot;
    while (bytes != 0) {
      const size_t here = std::min(bytes, kPageSize - offset % kPageSize);
      u8* const at = pages_[offset / kPageSize].bytes + offset % kPageSize;
      std::memcpy(to_ring ? at : memory, to_ring ? memory : at, here);
      memory += here;
      offset += here;
      bytes -= here;
    }
  }

  std::vector<Mapping> pages_;
  u32 size_ = 0;
};

}  // namespace pvk::fakes
