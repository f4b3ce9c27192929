// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One block queue: a ring, an event channel, and the requests in flight between them.
//
// The OS drives it from two sides. Producer: submit for each request, then publish once a batch.
// Consumer, at an event or a poll: next for each response until there is none, then rearm. Each
// side is one thread at a time; the two may run at once and share no lock. A request's tag is its
// id on the ring, the index of its record and of its pages.
#pragma once

#include "frontends/block/counters.h"
#include "frontends/block/plan.h"
#include "frontends/block/request.h"
#include "frontends/ring/front_ring.h"
#include "pvkit/event_channel.h"

namespace pvk::block {

class Queue {
 public:
  using Ring = FrontRing<blkif_request, blkif_response>;

  Queue() = default;
  Queue(const Queue&) = delete;
  Queue& operator=(const Queue&) = delete;
  ~Queue() { close(); }

  // ---- life: one thread, nothing in flight ----

  // Shares a ring of 2^order pages and opens its channel. On failure nothing is held.
  Status open_ring(pvk_bus* bus, u32 order, pvk_upcall upcall, void* context);
  // Makes room for requests as planned, or for as many at a time as memory and grants allow; one of
  // the largest size at least. On failure only the ring is held.
  Status open_requests(const QueuePlan& wanted);
  void close();

  u32 ring_slots() const { return ring_.size(); }
  const SharedPages& ring_pages() const { return ring_pages_; }
  Port port() const { return channel_.port(); }

  // ---- producer ----

  // Puts a request into the ring, with its data in order from `first` on. The memory of a read must
  // stay until its completion. kBusy: no page, grant or slot now, try again when one in flight has
  // ended. kGone: the queue is broken or closed. kBadValue: the tag is in flight, or no such
  // request exists. Nothing is remembered on failure.
  Status submit(const Request& request, const Segment* first, u32 count);
  // Shows the backend what was submitted.
  void publish();
  // An event without a reason of ours, for a backend that may have missed one. Any thread.
  void nudge() { channel_.notify(); }

  // ---- consumer ----

  // The next response, and whose it is: its data is where the request wanted it, its grants are
  // ended and its tag is free. kMissing when none waits. kBackendProtocol: the backend broke the
  // protocol; it is counted, and the queue takes nothing more from it (broken()).
  Result<Outcome> next(u32& tag);
  // Asks for an event once `ahead` more responses are there. True when some came in the meantime:
  // consume again. Who asks for more than one needs a timer: the backend may never have so many.
  [[nodiscard]] bool rearm(u32 ahead = 1) { return !broken() && ring_.rearm(ahead); }
  // A part of what is outstanding that is worth to be waited for, at most `most`.
  u32 worth_waiting_for(u32 most) const {
    return max(min(ring_.outstanding() / kWaitedPart, most), u32{1});
  }
  // Counts an event and says whether it had a reason.
  bool count_upcall(u32 responses);

  // No events at all: for a queue that is polled. To be said again now and then.
  void stay_quiet() { ring_.stay_quiet(); }

  // The next tag at or after `tag` that is in flight, or the depth. For giving up.
  u32 next_in_flight(u32 tag) const;
  // Gives the tag of an unanswered request back, for a backend that is gone. Returns whether all of
  // its pages came back: otherwise the backend may still write to the request's memory.
  bool give_up(u32 tag);

  // A queue that is broken takes no request and no response: the backend broke the protocol, or the
  // device gave up on it.
  bool broken() const { return end_.relaxed() != kServing; }
  void mark_broken() {
    if (!broken()) end_.set_relaxed(kGivenUp);
  }

  const QueuePlan& plan() const { return plan_; }
  const ProducerCounters& producer_counters() const { return producer_.counters; }
  const ConsumerCounters& consumer_counters() const { return consumer_.counters; }
  u32 pool_pages() const { return data_.pages_allocated() + indirect_.pages_allocated(); }

 private:
  // Of the requests that the backend has, so that it never runs dry while we wait for a part.
  static constexpr u32 kWaitedPart = 4;

  struct alignas(64) Producer {
    ProducerCounters counters;
    u32 reclaim_hand = 0;
  };
  struct alignas(64) Consumer {
    ConsumerCounters counters;
    u32 waiting = 0;  // responses that rsp_prod promised and that are not taken yet
  };

  Status open_pools(const QueuePlan& plan);
  Status reserve(Flight& flight, Operation operation, u32 segments);
  Status grow_or_reclaim(SegmentPool& pool, Chain Flight::*chain, Flight& flight, u32 length);
  bool reclaim_one(SegmentPool& pool, Chain Flight::*chain, const Flight& wanting);
  Status submit_unusual(u32 tag, Operation operation, u64 sector, const Segment* first, u32 count,
                        u64 sectors);
  blkif_request& write_head(Operation operation, u64 sector, u32 count, u32 tag);
  void remember_segments(u32 index, const Segment* first, u32 count,
                         blkif_request_segment* descriptors);
  void copy_out(Flight& flight);
  void write_indirect(Operation operation, u64 sector, const Segment* first, u32 count, u32 tag);
  void write_discard(Operation operation, u64 sector, u64 sectors, u32 tag);
  u32 write_segments(u32 index, const Segment* first, u32 count, Operation operation,
                     blkif_request_segment* descriptors);
  void place_data(PoolEntry& entry, const Segment& segment, Operation operation);
  Error reason_of_end() const;
  Outcome finish_unusual(Flight& flight, i16 status);
  void finish_read(Flight& flight);
  void copy_back(const Flight& flight);
  u32 end_grants(Flight& flight);
  Error violation(Counter& counter, const char* what, u64 value);

  pvk_bus* bus_ = nullptr;
  QueuePlan plan_;
  SharedPages ring_pages_;
  EventChannel channel_;
  Ring ring_;
  Flight* flights_ = nullptr;
  bool copies_ = false;         // data goes through pages of ours
  bool ring_may_fill_ = false;  // there are more tags than slots
  u32 unusual_from_ = 0;        // segments; with fewer a request may take submit's short way
  SegmentPool data_;
  SegmentPool indirect_;
  static constexpr u8 kServing = 0, kGivenUp = 1, kBackendLied = 2;
  Atomic<u8> end_{kServing};
  Producer producer_;
  Consumer consumer_;
};

}  // namespace pvk::block

#include "frontends/block/queue_inline.h"
