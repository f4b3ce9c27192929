// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The ring side of the model backend's queue: taking, answering, events.
#include "fakes/model_queue.h"

#include <algorithm>

namespace pvk::fakes {

ModelQueue::ModelQueue(Machine& machine, Disk& disk, const Behaviour& behaviour, BackRing ring)
    : machine_(machine),
      disk_(disk),
      behaviour_(behaviour),
      ring_(std::move(ring)),
      random_(behaviour.seed) {}

ModelQueue::~ModelQueue() {
  if (port_ != 0) machine_.events.close(kBackend, port_);
  for (Pending& pending : pending_) unmap(pending);
  for (const auto& persistent : persistent_) machine_.grants.unmap(persistent.second);
  for (const Mapping& kept : kept_) machine_.grants.unmap(kept);
  for (const Mapping& page : ring_.pages()) machine_.grants.unmap(page);
}

bool ModelQueue::bind(Port frontend_port) {
  const auto port =
      machine_.events.bind_interdomain(kBackend, kGuest, frontend_port, [this] { process(); });
  if (port.has_value()) port_ = *port;
  return port.has_value();
}

void ModelQueue::wrong(const std::string& what) { machine_.violations.add("blkif: " + what); }

void ModelQueue::process() {
  for (;;) {
    take_all();
    if (!behaviour_.hold) complete_held();
    // ring.h, the final check: ask for an event, then look once more.
    ring_.set_req_event(req_consumed_ + 1);
    std::atomic_thread_fence(std::memory_order_seq_cst);
    if (ring_.req_prod() == req_consumed_) return;
  }
}

bool ModelQueue::take_all() {
  const u32 produced = ring_.req_prod();
  const u32 waiting = produced - req_consumed_;
  // Every request keeps its slot until it is answered.
  if (waiting > ring_.size() || waiting + pending_.size() > ring_.size()) {
    wrong("more requests than the ring holds, or req_prod moved backwards");
    req_consumed_ = produced;
    return false;
  }
  for (; req_consumed_ != produced; ++req_consumed_) {
    const blkif_request request = ring_.request(req_consumed_);
    ++requests_seen_;
    ids_.push_back(request.id);
    for (const Pending& other : pending_) {
      if (other.id == request.id) wrong("id in flight twice: " + std::to_string(request.id));
    }
    pending_.push_back(decode(request));
  }
  return waiting != 0;
}

size_t ModelQueue::pick() {
  switch (behaviour_.order) {
    case Order::kInOrder: return 0;
    case Order::kReversed: return pending_.size() - 1;
    case Order::kRandom: return random_() % pending_.size();
  }
  return 0;
}

void ModelQueue::complete_held(size_t count) {
  for (; count != 0 && !pending_.empty(); --count) {
    const auto chosen = pending_.begin() + static_cast<std::ptrdiff_t>(pick());
    Pending pending = std::move(*chosen);
    pending_.erase(chosen);
    execute(pending);
    unmap(pending);  // before the answer: the frontend takes its pages back then
    blkif_response response{};
    response.id = pending.id;
    response.operation = pending.operation;
    response.status = pending.status;
    if (behaviour_.tamper && !behaviour_.tamper(response)) continue;
    ring_.put_response(rsp_produced_++, response);
    if (behaviour_.batch != 0 && rsp_produced_ - rsp_shown_ >= behaviour_.batch) show_responses();
  }
  show_responses();
}

void ModelQueue::show_responses() {
  if (rsp_produced_ == rsp_shown_) return;
  const u32 before = std::exchange(rsp_shown_, rsp_produced_);
  ring_.set_rsp_prod(rsp_produced_);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (rsp_produced_ - ring_.rsp_event() < rsp_produced_ - before) notify();
}

void ModelQueue::start_at(u32 index) {
  req_consumed_ = rsp_produced_ = rsp_shown_ = index;
  ring_.set_rsp_prod(index);
  ring_.set_req_event(index + 1);
}

void ModelQueue::push_raw(const blkif_response& response) {
  ring_.put_response(rsp_produced_++, response);
  rsp_shown_ = rsp_produced_;
  ring_.set_rsp_prod(rsp_produced_);
  notify();
}

}  // namespace pvk::fakes
