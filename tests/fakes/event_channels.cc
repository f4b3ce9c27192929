// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/event_channels.h"

namespace pvk::fakes {

Port EventChannels::add(DomId owner, End end) {
  // Different ranges by domain, so that one domain's port number is no good to the other.
  const Port port = 10 + 100u * owner + next_port_[owner]++;
  ends_.emplace(Key{owner, port}, std::move(end));
  return port;
}

std::optional<Port> EventChannels::alloc_unbound(DomId owner, DomId remote, Handler handler) {
  const std::lock_guard lock(mutex_);
  End end;
  end.remote = remote;
  end.handler = std::move(handler);
  return add(owner, std::move(end));
}

std::optional<Port> EventChannels::bind_interdomain(DomId owner, DomId remote, Port remote_port,
                                                    Handler handler) {
  const std::lock_guard lock(mutex_);
  const auto other = ends_.find({remote, remote_port});
  if (other == ends_.end() || other->second.remote != owner || other->second.remote_port != 0) {
    return std::nullopt;
  }
  End end;
  end.remote = remote;
  end.remote_port = remote_port;
  end.handler = std::move(handler);
  end.pending = true;  // Xen makes a new binding pending: a send before it may have been lost
  const Port port = add(owner, std::move(end));
  other->second.remote_port = port;
  return port;
}

void EventChannels::close(DomId owner, Port port) {
  std::unique_lock lock(mutex_);
  const auto found = ends_.find({owner, port});
  if (found == ends_.end()) {
    violations_.add("event: close of a port that is not open");
    return;
  }
  changed_.wait(lock, [&] { return !found->second.running; });
  const auto other = ends_.find({found->second.remote, found->second.remote_port});
  if (other != ends_.end()) other->second.remote_port = 0;
  ends_.erase(found);
}

void EventChannels::send(DomId owner, Port port) {
  std::unique_lock lock(mutex_);
  const auto found = ends_.find({owner, port});
  if (found == ends_.end()) {
    violations_.add("event: send on a port that is not open");
    return;
  }
  ++sent_[owner];
  const DomId remote = found->second.remote;
  const auto other = ends_.find({remote, found->second.remote_port});
  if (other == ends_.end()) return;  // the other side is not there (yet): Xen drops the event
  other->second.pending = true;
  changed_.notify_all();
  if (delivery_[remote] == Delivery::kImmediate) {
    while (pump_one(remote, lock)) {
    }
  }
}

void EventChannels::mask(DomId owner, Port port, bool masked) {
  const std::lock_guard lock(mutex_);
  const auto found = ends_.find({owner, port});
  if (found != ends_.end()) found->second.masked = masked;
  changed_.notify_all();
}

bool EventChannels::is_pending(DomId owner, Port port) const {
  const std::lock_guard lock(mutex_);
  const auto found = ends_.find({owner, port});
  return found != ends_.end() && found->second.pending;
}

void EventChannels::set_delivery(DomId domain, Delivery delivery) {
  const std::lock_guard lock(mutex_);
  delivery_[domain] = delivery;
}

std::map<EventChannels::Key, EventChannels::End>::iterator EventChannels::deliverable(
    DomId domain) {
  for (auto at = ends_.lower_bound({domain, 0}); at != ends_.end(); ++at) {
    if (at->first.first != domain) break;
    const End& end = at->second;
    if (end.pending && !end.masked && !end.running && end.handler) return at;
  }
  return ends_.end();
}

bool EventChannels::pump_one(DomId domain, std::unique_lock<std::mutex>& lock) {
  const auto found = deliverable(domain);
  if (found == ends_.end()) return false;
  End& end = found->second;
  end.pending = false;
  end.running = true;  // never twice at once, and close() waits
  lock.unlock();
  end.handler();
  lock.lock();
  end.running = false;
  changed_.notify_all();
  return true;
}

bool EventChannels::pump(DomId domain) {
  std::unique_lock lock(mutex_);
  return pump_one(domain, lock);
}

void EventChannels::wait(DomId domain) {
  std::unique_lock lock(mutex_);
  const u64 wakes = wakes_;
  changed_.wait(lock, [&] { return wakes_ != wakes || deliverable(domain) != ends_.end(); });
}

void EventChannels::wake() {
  const std::lock_guard lock(mutex_);
  ++wakes_;
  changed_.notify_all();
}

size_t EventChannels::open(DomId owner) const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const auto& end : ends_) count += end.first.first == owner ? 1 : 0;
  return count;
}

u64 EventChannels::sent_by(DomId owner) const {
  const std::lock_guard lock(mutex_);
  const auto found = sent_.find(owner);
  return found == sent_.end() ? 0 : found->second;
}

}  // namespace pvk::fakes
