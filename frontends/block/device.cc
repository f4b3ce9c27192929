// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/device.h"

#include "pvkit/xenstore.h"

namespace pvk::block {
namespace {

const char* to_text(Action action) {
  switch (action) {
    case Action::kPublish: return "offering rings";
    case Action::kPublishAndAttach:
    case Action::kAttach: return "connecting";
    case Action::kRefresh: return "re-reading the size";
    case Action::kHold:
    case Action::kReopen:
    case Action::kRevive: return "waiting for the backend";
    default: return "closing";
  }
}

}  // namespace

Status Device::start() {
  phase_ = Phase::kWaiting;
  return set_state(XenbusState::kInitialising);
}

void Device::remove() {
  removing_ = true;
  handle(Event::kRemove);
  free_queues();
}

// A backend of which nothing is known just now is not gone: the device stays as it is.
void Device::backend_changed(int state) {
  unfinished_ = false;
  say_again();
  const Result<Event> event = event_of(state);
  if (event.ok()) handle(event.value());
  if (!event.ok()) ask_later();
  told_ = unfinished_;
}

void Device::ask_later() {
  if (!told_ && !removing_) {
    pvk_log(PVK_LOG_WARNING, pvk_bus_name(bus_), "xenstore does not answer; asking again");
  }
  unfinished_ = told_ = true;
}

// A backend that ends a disk that is in use says in `online` whether that is for good: a toolstack
// that detaches the disk clears it first.
Result<Event> Device::event_of(int state) const {
  if (state < 0) return Error::kNoAnswer;
  const Event event = backend_event(state);
  const bool leaves = event == Event::kBackendClosing || event == Event::kBackendClosed;
  if (!leaves || !attached_) return event;
  const Result<bool> online = XenstoreReader(bus_, Side::kBackend).equals("online", "1");
  if (!online.ok() && online.error() == Error::kNoAnswer) return online.error();
  if (!online.value_or(false)) return event;
  return event == Event::kBackendClosing ? Event::kBackendPausing : Event::kBackendPaused;
}

void Device::handle(Event event) {
  const Step step = handshake_step(phase_, event);
  const Status status = act(step.action);
  if (status.ok()) {
    phase_ = step.next;
  } else if (status.error() == Error::kNoAnswer) {
    ask_later();
  } else {
    give_up(to_text(step.action), status);
  }
}

void Device::give_up(const char* what, const Status& why) {
  pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus_), "%s failed with error %d; the device stays down", what,
          to_errno(why));
  take_down(false);
  close();
  phase_ = Phase::kFailed;
}

Status Device::act(Action action) {
  switch (action) {
    case Action::kNone: return {};
    case Action::kPublish: return publish();
    case Action::kPublishAndAttach:
      PVK_TRY(publish());
      phase_ = Phase::kPublished;
      return attach();
    case Action::kAttach: return attach();
    case Action::kRefresh: return refresh();
    case Action::kClose:
    case Action::kDetach:
      take_down(action == Action::kDetach);
      close();
      return {};
    case Action::kHold: hold(); return set_state(XenbusState::kClosed);
    case Action::kReopen:
    case Action::kRevive:
      take_back(action == Action::kReopen);
      free_queues();
      return set_state(XenbusState::kInitialising);
  }
  return {};
}

// The queues stay: a backend that closes in order answers what it has before it says Closed.
void Device::hold() {
  if (!attached_ || held_) return;
  pvk_log(PVK_LOG_WARNING, pvk_bus_name(bus_), "the backend is away; requests wait for it");
  port_.hold(port_.context);
  held_ = true;
}

void Device::take_back(bool answers) {
  if (!attached_) return;
  hold();
  port_.take_back(port_.context, answers);
  for (Queue& queue : queues()) queue.mark_broken();
}

void Device::take_down(bool answers) {
  if (!attached_) return;
  if (!answers) {
    for (Queue& queue : queues()) queue.mark_broken();
  }
  port_.detach(port_.context, answers);
  attached_ = held_ = false;
}

// Closed is said before anything is freed: the backend lets go of our pages when it hears it, and
// what it still holds when we come to free it is parked. A driver that goes may be loaded again at
// once, and must not meet the end of this connection then.
void Device::close() {
  const bool said = set_state(XenbusState::kClosed).ok();
  if (!said || (removing_ && unsaid_ != XenbusState::kUnknown)) {
    pvk_log(PVK_LOG_WARNING, pvk_bus_name(bus_), "cannot say Closed in xenstore");
  }
  if (removing_ && queue_count_ != 0) port_.wait_backend_closed(port_.context);
  free_queues();
}

}  // namespace pvk::block
