// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The guest's memory: pages with frame numbers, seen by two domains at different addresses.
//
// The guest's view is where the core runs. The backend maps a frame at another address, or at a
// third one where writing faults, as a mapping of a read-only grant does. So a trap on the guest's
// view (access_trace.h) sees only what the guest does. ThreadSanitizer knows addresses, not
// frames: in its build both domains use the guest's view.
#pragma once

#include <atomic>
#include <cstddef>
#include <mutex>
#include <vector>

#include "fakes/violations.h"
#include "pvkit/types.h"

namespace pvk::fakes {

enum class Owner : u8 { kNobody, kRuntime, kTest };

class GuestMemory {
 public:
  explicit GuestMemory(Violations& violations);
  ~GuestMemory();
  GuestMemory(const GuestMemory&) = delete;
  GuestMemory& operator=(const GuestMemory&) = delete;

  // Zeroed pages at consecutive addresses; their frames are anything but consecutive. nullptr when
  // there are none. Freed pages are reused as late as possible.
  void* allocate(unsigned count, Owner owner);
  void free(void* pages, unsigned count, Owner owner);

  bool contains(const void* address) const;
  u64 gfn_of(const void* address) const;
  // Where another domain sees a frame; nullptr when the guest has no such frame in use.
  u8* backend_view(u64 gfn, bool writable);
  // Whose a frame is.
  Owner owner_of(u64 gfn);

  // A published grant pins its frame: freeing it then is a violation.
  void pin(u64 gfn);
  void unpin(u64 gfn);

  size_t in_use(Owner owner) const;

 private:
  // Relaxed atomics and no lock on the path of a grant: a lock would order threads that nothing
  // orders in reality, and so hide races from ThreadSanitizer.
  struct Page {
    std::atomic<Owner> owner = Owner::kNobody;
    std::atomic<unsigned> pins = 0;
  };

  static constexpr size_t kPages = 16384;
  size_t index_of(const void* address) const;
  Page* find(u64 gfn);
  size_t find_free(unsigned count) const;

  Violations& violations_;
  mutable std::mutex mutex_;
  std::vector<Page> pages_;
  size_t cursor_ = 0;
  u8* guest_ = nullptr;
  u8* backend_ = nullptr;
  u8* backend_readonly_ = nullptr;
};

}  // namespace pvk::fakes
