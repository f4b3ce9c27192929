// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The model hypervisor with one guest in it. platform.cc answers the runtime's pvk_* calls from the
// current machine; a test makes one, drives both sides, and asks it for violations and leaks.
#pragma once

#include <atomic>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "fakes/event_channels.h"
#include "fakes/faults.h"
#include "fakes/grant_table.h"
#include "fakes/guest_memory.h"
#include "fakes/violations.h"
#include "fakes/xs_client.h"
#include "fakes/xs_server.h"

struct pvk_bus {
  std::string name;
  std::string frontend;  // the two directories
  std::string backend;
  pvk::DomId backend_domid = 0;
};

namespace pvk::fakes {

constexpr DomId kGuest = 5;
constexpr DomId kBackend = 3;  // a driver domain: nothing may count on domain 0

struct LogLine {
  int level;
  std::string device;
  std::string text;
};

// What a xenbus `state` key says; 0, unknown, for what is no number.
int state_number(const std::string& text);

class Machine {
 public:
  Machine();
  ~Machine();
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;
  static Machine& current();

  Violations violations;
  GuestMemory memory{violations};
  GrantTable grants{memory, violations};
  EventChannels events{violations};
  XsServer xenstore;
  XsClient guest_xenstore{xenstore};
  Faults faults;
  // What upcalls told the OS, which slows down a channel whose events have no reason.
  std::atomic<u64> upcalls = 0;
  std::atomic<u64> upcalls_without_work = 0;

  // ---- the runtime's own memory and time
  void* allocate(size_t bytes);
  void free(void* block);
  u64 now() { return time_.fetch_add(100) + 100; }
  void advance(u64 nanoseconds) { time_.fetch_add(nanoseconds); }

  // ---- log
  void log(LogLine line);
  std::vector<LogLine> log_lines() const;
  // How many lines at `level` or worse contain `text`.
  size_t logged(int level, const std::string& text) const;
  // The same for the lines of one device.
  size_t logged(int level, const std::string& device, const std::string& text) const;
  void clear_log();

  // ---- parked grants
  void park(GrantRef ref, void* page, bool owned);
  void retry_parked();
  u64 parked_ever() const { return parked_ever_; }

  // ---- time's arrow: events, watches and whoever else acts, until nobody has anything to do
  // `owner` only names the actor, for when it leaves.
  void add_actor(const void* owner, std::function<bool()> actor) {
    actors_.emplace_back(owner, std::move(actor));
  }
  void remove_actor(const void* owner) {
    std::erase_if(actors_, [owner](const auto& actor) { return actor.first == owner; });
  }
  bool step();
  void settle();
  // What the backend's state reads: 0 when there is none, or a negative errno.
  int backend_state(const pvk_bus& bus);
  // Calls `changed` with that now and at each change.
  void watch_backend(const pvk_bus& bus, const std::function<void(int)>& changed);
  void unwatch_backend(const pvk_bus& bus);

  // What the runtime still holds, a line each; empty is the only good answer after a test.
  std::vector<std::string> leaks() const;
  size_t blocks_in_use() const;

 private:
  struct Parked {
    void* page;
    bool owned;
  };

  mutable std::mutex mutex_;
  std::map<void*, size_t> blocks_;
  std::vector<LogLine> log_;
  std::map<GrantRef, Parked> parked_;
  std::atomic<u64> parked_ever_ = 0;
  std::atomic<u64> time_ = 1'000'000;
  std::vector<std::pair<const void*, std::function<bool()>>> actors_;
};

// While one lives, this thread may not sleep: a platform call that may is a violation. Upcalls run
// in one; a test puts one around what a port calls on the I/O path.
class AtomicContext {
 public:
  AtomicContext() { ++depth(); }
  ~AtomicContext() { --depth(); }
  AtomicContext(const AtomicContext&) = delete;
  AtomicContext& operator=(const AtomicContext&) = delete;
  static bool active() { return depth() != 0; }

 private:
  static int& depth() {
    thread_local int value = 0;
    return value;
  }
};

}  // namespace pvk::fakes
