// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Event channels between domains (xen/event_channel.h): a port is a domain's end of a channel, with
// a pending and a mask bit. Each port may have a handler, as a guest's upcall finds one.
#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <utility>

#include "fakes/violations.h"
#include "pvkit/types.h"

namespace pvk::fakes {

// When handlers run: inside of the send, as an interrupt on the same CPU would, or only when
// somebody calls pump() for the domain.
enum class Delivery : u8 { kPumped, kImmediate };

class EventChannels {
 public:
  using Handler = std::function<void()>;

  explicit EventChannels(Violations& violations) : violations_(violations) {}

  std::optional<Port> alloc_unbound(DomId owner, DomId remote, Handler handler);
  std::optional<Port> bind_interdomain(DomId owner, DomId remote, Port remote_port,
                                       Handler handler);
  // Waits for a handler that runs in another thread.
  void close(DomId owner, Port port);
  void send(DomId owner, Port port);
  void mask(DomId owner, Port port, bool masked);
  bool is_pending(DomId owner, Port port) const;

  void set_delivery(DomId domain, Delivery delivery);
  // Runs the handlers of the domain's pending, unmasked ports; says whether there was one.
  bool pump(DomId domain);
  // Sleeps until the domain has something to pump, or until wake().
  void wait(DomId domain);
  void wake();

  size_t open(DomId owner) const;
  u64 sent_by(DomId owner) const;

 private:
  struct End {
    DomId remote = 0;
    Port remote_port = 0;  // 0 while unbound
    bool pending = false;
    bool masked = false;
    bool running = false;
    Handler handler;
  };
  using Key = std::pair<DomId, Port>;

  Port add(DomId owner, End end);
  bool pump_one(DomId domain, std::unique_lock<std::mutex>& lock);
  std::map<Key, End>::iterator deliverable(DomId domain);

  Violations& violations_;
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::map<Key, End> ends_;
  std::map<DomId, Port> next_port_;
  std::map<DomId, Delivery> delivery_;
  std::map<DomId, u64> sent_;
  u64 wakes_ = 0;
};

}  // namespace pvk::fakes
