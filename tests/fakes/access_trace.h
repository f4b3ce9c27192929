// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Every access of the guest to some pages, in order: a page fault for each, then one instruction is
// run alone and the page is closed again. So the history is what the CPU did, store by store, and
// not what somebody remembered to record. The backend has mappings of its own and goes unseen.
//
// x86-64 Linux only, one thread, not with ThreadSanitizer: there is no second view then.
#pragma once

#include <functional>
#include <vector>

#include "pvkit/types.h"

namespace pvk::fakes {

struct Access {
  size_t offset = 0;  // of the first byte, from the start of the pages
  bool write = false;
  // What somebody else wrote since the last access of the guest, all of it together.
  bool foreign = false;
  // For a write: what changed, that is from the first byte that differs to the last.
  size_t changed_at = 0;
  std::vector<u8> before;
  std::vector<u8> after;
};

class AccessTrace {
 public:
  // Traces `count` whole pages until it is stopped or destroyed. One trace at a time.
  AccessTrace(void* pages, size_t count);
  ~AccessTrace() { stop(); }
  AccessTrace(const AccessTrace&) = delete;
  AccessTrace& operator=(const AccessTrace&) = delete;
  static bool available();

  void stop();
  // Runs after each access, while the page is open: a backend that writes at the worst moment.
  void after_each(std::function<void(const Access&)> hook) { hook_ = std::move(hook); }

  const std::vector<Access>& accesses() const { return accesses_; }
  // How many loads touched [offset, offset + bytes).
  size_t loads(size_t offset, size_t bytes) const;
  // Calls `check` with the pages as they were at the start and after each change, oldest first.
  void replay(const std::function<void(const std::vector<u8>& pages)>& check) const;

 private:
  friend struct TraceSignals;
  // Fills in how the pages differ from last_, looking at [first, end), and brings last_ up to date.
  void note_change(Access& access, size_t first, size_t end);

  u8* pages_;
  size_t bytes_;
  std::vector<u8> start_;
  std::vector<u8> last_;
  std::vector<Access> accesses_;
  std::function<void(const Access&)> hook_;
  bool running_ = false;
};

}  // namespace pvk::fakes
