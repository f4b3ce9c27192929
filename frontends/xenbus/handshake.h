// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The device handshake of xen/io/xenbus.h as one explicit machine: what a frontend does at each
// event, in each phase. A backend that starts over, or leaves and says that it will be back, keeps
// its device: requests wait. The machine only decides; frontends/block/device.cc and its like act.
#pragma once

#include "pvkit/types.h"

namespace pvk {

// enum xenbus_state of xen/io/xenbus.h.
enum class XenbusState : u8 {
  kUnknown = 0,
  kInitialising = 1,
  kInitWait = 2,
  kInitialised = 3,
  kConnected = 4,
  kClosing = 5,
  kClosed = 6,
  kReconfiguring = 7,
  kReconfigured = 8,
};

// Where the frontend stands.
enum class Phase : u8 {
  kWaiting,    // Initialising: the backend has not offered anything yet
  kPublished,  // Initialised: rings and channels are offered to the backend
  kConnected,  // Connected: the device serves its users
  kHeld,       // Closed, while requests wait for a backend that ends and said it will be back
  kClosed,     // Closed in order; a backend that comes back is served again
  kFailed,     // Closed because something made no sense; stays down until removed
};
constexpr size_t kPhases = 6;

// What can happen to it: the backend's nine states, and what this side decides.
enum class Event : u8 {
  kBackendUnknown,  // the backend's directory is gone, or its state is not one we know
  kBackendInitialising,
  kBackendInitWait,
  kBackendInitialised,
  kBackendConnected,
  kBackendClosing,
  kBackendClosed,
  kBackendReconfiguring,
  kBackendReconfigured,
  kBackendPausing,  // Closing, while its `online` key says that it will be back
  kBackendPaused,   // Closed, likewise: it waits to be asked
  kResumed,         // the domain was restored: grants and channels are those of another life
  kFailure,         // an action failed or the backend broke the protocol
  kRemove,          // the driver lets go of the device
};
constexpr size_t kEvents = 14;

enum class Action : u8 {
  kNone,
  kPublish,           // offer rings and channels, go Initialised
  kPublishAndAttach,  // the same for a backend that is Connected without waiting for us
  kAttach,            // read what the backend offers, bring the device up, go Connected
  kRefresh,           // the backend says Connected again: its size may have changed
  kClose,             // no answer will come: fail what is in flight, free everything, go Closed
  kDetach,            // the backend still answers: drain, take the device down, go Closed
  // A device that is up stays so in these; its users' requests wait and are sent again.
  kHold,    // go Closed and take what answers still come until the backend is Closed too
  kReopen,  // free what was offered, go Initialising and wait for an offer
  kRevive,  // as kReopen, in another life: no answer of the former one is believed
};

struct Step {
  Phase next;
  Action action;
};

// Total: every phase and event has an entry.
Step handshake_step(Phase phase, Event event);

// Any integer that stands in a backend's `state` key.
Event backend_event(int state);

const char* to_text(Phase phase);

}  // namespace pvk
