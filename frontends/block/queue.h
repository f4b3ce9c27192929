// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One block queue: a ring, an event channel, and the requests in flight between them.
//
// The OS drives it from two sides. Producer: prepare, add…, finish for each request, then publish
// once a batch. Consumer, at an event or a poll: next, copy_out…, retire for each response until
// there is none, then rearm. Each side is one thread at a time; the two may run at once and share
// no lock. A request's tag is its id on the ring, the index of its record and of its pages.
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
  // Makes room for requests as planned. On failure only the ring is held.
  Status open_requests(const QueuePlan& plan);
  void close();

  u32 ring_slots() const { return ring_.size(); }
  const SharedPages& ring_pages() const { return ring_pages_; }
  Port port() const { return channel_.port(); }

  // ---- producer ----

  // Starts a request. kBusy: no page or grant now, try again when one in flight has ended.
  // kGone: the queue is broken or closed. kBadValue: the tag is in flight, or no such request
  // exists. Nothing is remembered on failure.
  Status prepare(const Request& request);
  // Its data, in order, in as many calls as are handy. kBadValue when that is more than was
  // announced: then cancel().
  Status add(Span<const Segment> segments);
  // It is complete; publish() will show it to the backend.
  void finish();
  // Forget it instead.
  void cancel();
  void publish();

  // ---- consumer ----

  // The next response, or kMissing when none waits. kBackendProtocol: the backend broke the
  // protocol; it is counted, and the queue takes nothing more from it.
  Result<Completion> next();
  // Copies a read's data to where it belongs: the segments of the request, in the same order.
  void copy_out(Span<const Segment> segments);
  // Ends the request's grants and gives its tag back. kBackendProtocol: the backend has answered
  // and still holds a page.
  Status retire(u32 tag);
  // Asks for the next event. True when responses came in the meantime: consume again.
  [[nodiscard]] bool rearm() { return !broken() && ring_.rearm(); }
  // Counts an event and says whether it had a reason.
  bool count_upcall(u32 responses);

  // The next tag at or after `tag` that is in flight, or the depth. For giving up.
  u32 next_in_flight(u32 tag) const;
  // Gives the tag of an unanswered request back. For a backend that is gone.
  void give_up(u32 tag);

  // A backend that broke the protocol is not listened to any more.
  bool broken() const { return broken_.relaxed(); }
  void mark_broken() { broken_.set_relaxed(true); }

  const QueuePlan& plan() const { return plan_; }
  const ProducerCounters& producer_counters() const { return producer_.counters; }
  const ConsumerCounters& consumer_counters() const { return consumer_.counters; }
  u32 pool_pages() const { return data_.pages_allocated() + indirect_.pages_allocated(); }

 private:
  // The request that is being put together, and where the consumer's copy stands.
  struct alignas(64) Producer {
    ProducerCounters counters;
    Flight* flight = nullptr;
    blkif_request* slot = nullptr;
    blkif_request_segment* descriptors = nullptr;  // in the slot, or in an indirect page
    u32 room = 0;                                  // segments that may still be added
    u32 cursor = kNoEntry;
    u32 indirect_cursor = kNoEntry;
    u32 reclaim_hand = 0;
  };
  struct alignas(64) Consumer {
    ConsumerCounters counters;
    u32 waiting = 0;  // responses that rsp_prod promised and that are not taken yet
    u32 cursor = kNoEntry;
  };

  bool uses_indirect(const Request& request) const { return request.segments > kDirectSegments; }
  Status reserve_entries(Flight& flight, const Request& request);
  Status grow_or_reclaim(SegmentPool& pool, Chain Flight::*chain, Flight& flight, u32 length);
  bool reclaim_one(SegmentPool& pool, Chain Flight::*chain, const Flight& wanting);
  void write_data_request(const Request& request);
  void write_indirect_request(const Request& request, blkif_request_indirect& slot);
  void write_discard(const Request& request);
  void place_data(PoolEntry& entry, const Segment& segment, size_t offset, bool writes);
  void next_indirect_page();
  u32 end_grants(Flight& flight);
  Error violation(Counter& counter, const char* what, u64 value);

  pvk_bus* bus_ = nullptr;
  QueuePlan plan_;
  SharedPages ring_pages_;
  EventChannel channel_;
  Ring ring_;
  Flight* flights_ = nullptr;
  SegmentPool data_;
  SegmentPool indirect_;
  Atomic<bool> broken_;
  Producer producer_;
  Consumer consumer_;
};

}  // namespace pvk::block
