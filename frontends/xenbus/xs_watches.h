// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The registered watches and the events that wait for them. A watch is found by its token, which
// carries a number that is never used again: an event for one that ended finds nothing.
#pragma once

#include "frontends/xenbus/xs_request.h"
#include "pvkit/result.h"

namespace pvk::xs {

class Watches {
 public:
  // Longest path of an event, its NUL included; longer ones break the protocol.
  static constexpr u32 kMaxPath = XENSTORE_ABS_PATH_MAX + 1;

  // `watch.path` and `path_length` are set; gives it its token.
  void add(Watch& watch);
  void remove(const Watch& watch);

  // An event as it came: path, NUL, token, NUL. kBadValue when it is not that, kMissing when no
  // watch has the token.
  Status arrived(Span<const char> body);
  // The next event: its watch, and its path with a NUL in `path` (kMaxPath bytes). nullptr when
  // none waits.
  Watch* next_event(char* path);
  bool waiting() const;

  // The connection is new: every watch that the old one had is to be registered again.
  void all_again();
  Watch* next_to_register();

  u64 lost() const { return lost_; }
  u64 ended() const { return ended_; }

 private:
  static constexpr u32 kQueueBytes = 16384;  // a power of two: head_ and tail_ wrap

  // What stands before each queued path.
  struct Record {
    u32 number;
    u32 length;
  };

  Watch* find(u32 number) const;
  void put(const void* bytes, u32 count);
  void get(void* bytes, u32 count);

  Watch* first_ = nullptr;
  u32 last_number_ = 0;
  u32 head_ = 0;  // bytes ever put, bytes ever taken
  u32 tail_ = 0;
  u64 lost_ = 0;   // events that did not fit and stand for one event of the watch's own path
  u64 ended_ = 0;  // events whose watch ended while they waited
  char queue_[kQueueBytes];
};

}  // namespace pvk::xs
