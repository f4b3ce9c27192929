// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A watchdog that Xen keeps for this domain: when it is not fed in time the domain is shut down
// with SHUTDOWN_watchdog, and the toolstack does what on_watchdog says (xen/sched.h).
#pragma once

#include "hypercalls/sched_calls.h"

namespace pvk {

class Watchdog {
 public:
  static constexpr u32 kTimers = 2;  // that Xen keeps for a domain: no header says so

  bool is_running() const { return id_ != 0; }

  // Stops all that run for this domain, before the first feed: a former kernel, or a former load of
  // ours, is not there to feed them, and they would end the domain however well this one is fed.
  template <HypercallTransport T>
  void take_over(T& transport) {
    for (u32 id = 1; id <= kTimers; ++id) {
      // one that does not run is a bad value, and one that Xen keeps to itself nobody can stop
      static_cast<void>(set_watchdog(transport, id, 0).ok());
    }
    id_ = 0;
  }

  // Starts it, or gives it `seconds` more. A restored domain has none any more, and Xen calls its
  // old number a bad value: then there is a new one.
  template <HypercallTransport T>
  Status feed(T& transport, u32 seconds) {
    if (seconds == 0) return Error::kBadValue;  // it would mean: stop
    if (id_ != 0) {
      const Status fed = set_watchdog(transport, id_, seconds);
      if (fed.ok() || fed.error() != Error::kBadValue) return fed;
      id_ = 0;
    }
    const Result<u32> started = start_watchdog(transport, seconds);
    if (!started.ok()) return started.error();
    id_ = started.value();
    return {};
  }

  template <HypercallTransport T>
  Status stop(T& transport) {
    if (id_ == 0) return {};
    const Status stopped = set_watchdog(transport, id_, 0);
    if (stopped.ok() || stopped.error() == Error::kBadValue) id_ = 0;
    return id_ == 0 ? Status{} : stopped;
  }

 private:
  u32 id_ = 0;
};

}  // namespace pvk
