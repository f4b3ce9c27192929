// SPDX-License-Identifier: MIT OR GPL-2.0-only
// An open event channel to a backend, as a move-only handle.
#pragma once

#include "pvkit/result.h"

namespace pvk {

class EventChannel {
 public:
  EventChannel() = default;
  EventChannel(EventChannel&& other) noexcept : event_(other.event_) { other.event_ = nullptr; }
  EventChannel& operator=(EventChannel&& other) noexcept {
    if (this != &other) {
      reset();
      event_ = other.event_;
      other.event_ = nullptr;
    }
    return *this;
  }
  EventChannel(const EventChannel&) = delete;
  EventChannel& operator=(const EventChannel&) = delete;
  ~EventChannel() { reset(); }

  // Opens a channel that the backend of `bus` can bind. `upcall(context)` may run as soon as the
  // backend knows the port. kNoEvent when there is none. May sleep.
  static Result<EventChannel> open(pvk_bus* bus, pvk_upcall upcall, void* context) {
    EventChannel channel;
    if (pvk_event_open(bus, upcall, context, &channel.event_) != 0) {
      channel.event_ = nullptr;
      return Error::kNoEvent;
    }
    return channel;
  }

  bool is_open() const { return event_ != nullptr; }
  Port port() const { return pvk_event_port(event_); }
  void notify() const { pvk_event_notify(event_); }

  // After this the upcall does not run and never will. May sleep.
  void reset() {
    if (event_ != nullptr) pvk_event_close(event_);
    event_ = nullptr;
  }

 private:
  pvk_event* event_ = nullptr;
};

}  // namespace pvk
