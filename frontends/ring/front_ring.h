// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The frontend's end of a shared ring (xen/io/ring.h).
//
// The page belongs to two domains. We write requests and req_prod, the backend writes responses
// (into the same slots) and rsp_prod; each side says in an event index when it wants to be woken.
// Everything the backend writes is read once, into a copy, and checked before use. Requests are
// written straight into their slot and never read back.
//
// One thread produces and one consumes at a time; the two may run at once and share no variable
// but those in the shared page.
#pragma once

#include "pvkit/atomic.h"
#include "pvkit/result.h"

namespace pvk {

template <class Request, class Response>
class FrontRing {
 public:
  union Slot {
    Request request;
    Response response;
  };

  // The layout of DEFINE_RING_TYPES, which has four indexes, 48 bytes of padding, then the slots.
  struct Shared {
    u32 req_prod;
    u32 req_event;
    u32 rsp_prod;
    u32 rsp_event;
    u8 reserved[48];
    Slot slots[1];
  };
  static_assert(offsetof(Shared, slots) == 64);

  static constexpr u32 slots_in(u32 bytes) {
    return floor_power_of_two((bytes - u32{offsetof(Shared, slots)}) / u32{sizeof(Slot)});
  }

  FrontRing() = default;
  FrontRing(void* memory, u32 bytes) { open(memory, bytes); }
  // `memory`: `bytes` zeroed bytes, not yet known to the backend.
  void open(void* memory, u32 bytes) {
    shared_ = static_cast<Shared*>(memory);
    mask_ = slots_in(bytes) - 1;
    produced_ = 0;
    published_.set_relaxed(0);
    consumed_.set_relaxed(0);
    shared_->req_event = 1;
    shared_->rsp_event = 1;
  }

  u32 size() const { return mask_ + 1; }

  // ---- producer ----------------------------------------------------------------------------

  // The slot for the next request. The caller owns fewer than size() requests in flight, so the
  // backend has answered what stood there before. Write only: the backend can write here too.
  Request& next_request() { return shared_->slots[produced_ & mask_].request; }
  void request_written() { ++produced_; }
  u32 unpublished() const { return produced_ - published_.relaxed(); }
  // For callers with more requests than slots: whether next_request() has to wait for an answer.
  // Acquire: what the consumer read of a slot was read before the slot is used again.
  bool full() const { return produced_ - consumed_.acquire() >= size(); }

  // Shows all written requests to the backend. Returns whether it asked to be woken for one of
  // them; if it did not, an event would only count against us (XSA-332: spurious events).
  [[nodiscard]] bool publish_requests() {
    const u32 before = published_.relaxed();
    published_.set_relaxed(produced_);
    publish(shared_->req_prod, produced_);  // requests are in place before the index shows them
    announce_then_look();                   // req_prod is out before we read req_event
    return produced_ - peek(shared_->req_event) < produced_ - before;
  }

  // ---- consumer ----------------------------------------------------------------------------

  // How many responses wait. More than the ring holds, or an index that ran backwards, is
  // kBackendProtocol.
  Result<u32> waiting() const {
    const u32 count =
        observe(shared_->rsp_prod) - consumed_.relaxed();  // responses are read after it
    if (count > size()) return Error::kBackendProtocol;
    return count;
  }

  // A copy of the next response; only when one waits. Each word of the slot is read once.
  Response take_response() {
    static_assert(sizeof(Response) % sizeof(u64) == 0);
    using AliasedWord [[gnu::may_alias]] = u64;
    const u32 index = consumed_.relaxed();
    const auto* slot =
        reinterpret_cast<const AliasedWord*>(&shared_->slots[index & mask_].response);
    Response copy;
    for (size_t i = 0; i < sizeof(Response) / sizeof(u64); ++i) {
      const u64 word = peek(slot[i]);
      __builtin_memcpy(reinterpret_cast<u8*>(&copy) + i * sizeof(u64), &word, sizeof(word));
    }
    consumed_.set_release(index + 1);
    return copy;
  }

  // How many published requests have no answer that was taken. A backend that answers what was not
  // published makes it absurd, so it is only a hint.
  u32 outstanding() const { return published_.relaxed() - consumed_.relaxed(); }

  // Asks for an event once `ahead` more responses are there. Returns whether some already wait:
  // then no event may come for them, and the caller consumes again.
  [[nodiscard]] bool rearm(u32 ahead = 1) {
    const u32 consumed = consumed_.relaxed();
    publish(shared_->rsp_event, consumed + ahead);
    announce_then_look();  // rsp_event is out before we look at rsp_prod for the last time
    return peek(shared_->rsp_prod) != consumed;
  }

  // Asks for no event before half of all indexes have passed. Orders nothing: who polls needs none.
  void stay_quiet() { publish(shared_->rsp_event, consumed_.relaxed() + (u32{1} << 31) - 1); }

 private:
  Shared* shared_ = nullptr;
  u32 mask_ = 0;
  alignas(64) u32 produced_ = 0;  // written by the producer only
  Atomic<u32> published_;
  alignas(64) Atomic<u32> consumed_;  // written by the consumer only
};

}  // namespace pvk
