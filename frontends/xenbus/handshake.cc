// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/handshake.h"

namespace pvk {
namespace {

constexpr Phase kW = Phase::kWaiting;
constexpr Phase kP = Phase::kPublished;
constexpr Phase kC = Phase::kConnected;
constexpr Phase kH = Phase::kHeld;
constexpr Phase kX = Phase::kClosed;
constexpr Phase kF = Phase::kFailed;
using A = Action;

// Rows are phases and columns events, both in the order of their enums.
constexpr Step kSteps[kPhases][kEvents] = {
    // kWaiting. A Closed backend is one that has not noticed us yet: a driver that is loaded again
    // writes Initialising, and the backend answers InitWait.
    {
        /* Unknown       */ {kW, A::kNone},
        /* Initialising  */ {kW, A::kNone},
        /* InitWait      */ {kP, A::kPublish},
        /* Initialised   */ {kP, A::kPublish},
        /* Connected     */ {kC, A::kPublishAndAttach},
        /* Closing       */ {kX, A::kClose},
        /* Closed        */ {kW, A::kNone},
        /* Reconfiguring */ {kW, A::kNone},
        /* Reconfigured  */ {kW, A::kNone},
        /* Pausing       */ {kH, A::kHold},
        /* Paused        */ {kW, A::kNone},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kClose},
        /* Remove        */ {kX, A::kClose},
    },
    // kPublished. A backend that starts over has forgotten our rings: free them and offer again.
    {
        /* Unknown       */ {kX, A::kClose},
        /* Initialising  */ {kW, A::kReopen},
        /* InitWait      */ {kP, A::kNone},
        /* Initialised   */ {kP, A::kNone},
        /* Connected     */ {kC, A::kAttach},
        /* Closing       */ {kX, A::kClose},
        /* Closed        */ {kX, A::kClose},
        /* Reconfiguring */ {kP, A::kNone},
        /* Reconfigured  */ {kP, A::kNone},
        /* Pausing       */ {kH, A::kHold},
        /* Paused        */ {kW, A::kReopen},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kClose},
        /* Remove        */ {kX, A::kClose},
    },
    // kConnected. Closing: the backend serves what is in flight until we are Closed. Anything that
    // says it has forgotten us means that nothing in flight will be answered. InitWait: a backend
    // that
    // was bound again may join the old rings by itself at this moment and not look at new ones. It
    // has to see us Closed first.
    {
        /* Unknown       */ {kX, A::kClose},
        /* Initialising  */ {kW, A::kReopen},
        /* InitWait      */ {kH, A::kHold},
        /* Initialised   */ {kC, A::kNone},
        /* Connected     */ {kC, A::kRefresh},
        /* Closing       */ {kX, A::kDetach},
        /* Closed        */ {kX, A::kClose},
        /* Reconfiguring */ {kC, A::kNone},
        /* Reconfigured  */ {kC, A::kRefresh},
        /* Pausing       */ {kH, A::kHold},
        /* Paused        */ {kW, A::kReopen},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kClose},
        /* Remove        */ {kX, A::kDetach},
    },
    // kHeld. The backend is served again when it starts over; when it says that it will not be back
    // after all, the requests that waited fail.
    {
        /* Unknown       */ {kX, A::kClose},
        /* Initialising  */ {kW, A::kReopen},
        /* InitWait      */ {kH, A::kNone},
        /* Initialised   */ {kH, A::kNone},
        /* Connected     */ {kH, A::kNone},
        /* Closing       */ {kX, A::kClose},
        /* Closed        */ {kX, A::kClose},
        /* Reconfiguring */ {kH, A::kNone},
        /* Reconfigured  */ {kH, A::kNone},
        /* Pausing       */ {kH, A::kNone},
        /* Paused        */ {kW, A::kReopen},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kClose},
        /* Remove        */ {kX, A::kClose},
    },
    // kClosed. The backend is served again when it starts over, never because it stayed Connected.
    {
        /* Unknown       */ {kX, A::kNone},
        /* Initialising  */ {kW, A::kReopen},
        /* InitWait      */ {kP, A::kPublish},
        /* Initialised   */ {kX, A::kNone},
        /* Connected     */ {kX, A::kNone},
        /* Closing       */ {kX, A::kNone},
        /* Closed        */ {kX, A::kNone},
        /* Reconfiguring */ {kX, A::kNone},
        /* Reconfigured  */ {kX, A::kNone},
        /* Pausing       */ {kX, A::kNone},
        /* Paused        */ {kX, A::kNone},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kNone},
        /* Remove        */ {kX, A::kNone},
    },
    // kFailed. We are Closed already, so that the toolstack can detach the device. A restored
    // domain
    // has another backend, which gets its own chance.
    {
        /* Unknown       */ {kF, A::kNone},
        /* Initialising  */ {kF, A::kNone},
        /* InitWait      */ {kF, A::kNone},
        /* Initialised   */ {kF, A::kNone},
        /* Connected     */ {kF, A::kNone},
        /* Closing       */ {kF, A::kNone},
        /* Closed        */ {kF, A::kNone},
        /* Reconfiguring */ {kF, A::kNone},
        /* Reconfigured  */ {kF, A::kNone},
        /* Pausing       */ {kF, A::kNone},
        /* Paused        */ {kF, A::kNone},
        /* Resumed       */ {kW, A::kRevive},
        /* Failure       */ {kF, A::kNone},
        /* Remove        */ {kX, A::kNone},
    },
};

}  // namespace

Step handshake_step(Phase phase, Event event) {
  return kSteps[static_cast<size_t>(phase)][static_cast<size_t>(event)];
}

Event backend_event(int state) {
  if (state < 0 || state > static_cast<int>(XenbusState::kReconfigured)) {
    return Event::kBackendUnknown;
  }
  return static_cast<Event>(state);
}

const char* to_text(Phase phase) {
  constexpr const char* kNames[kPhases] = {"waiting", "published", "connected",
                                           "held",    "closed",    "failed"};
  return kNames[static_cast<size_t>(phase)];
}

}  // namespace pvk
