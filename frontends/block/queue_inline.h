// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What runs for every request, inline, so that a port's own function is the whole path. Included
// by queue.h.
#pragma once

// The compiler finds these too large; but each has one caller in a port.
#define PVK_ALWAYS_INLINE [[gnu::always_inline]] inline

namespace pvk::block {

// ---- producer --------------------------------------------------------------------------------

constexpr u32 pages_of_descriptors(u32 segments) {
  return (segments + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
}

// What is usual stands here and calls nothing on its way, so that it saves no register: a request
// without an indirect page, through pages that stay granted and are there. The rest is one call.
PVK_ALWAYS_INLINE Status Queue::submit(const Request& request, const Segment* first, u32 count) {
  if (broken()) return Error::kGone;
  const bool usual = count < unusual_from_ && request.operation < Operation::kDiscard;
  if (!usual || flights_[request.tag].data.length < count) {
    return submit_unusual(request.tag, request.operation, request.sector, first, count,
                          request.sector_count);
  }
  Flight& flight = flights_[request.tag];
  // Pairs with next(): the consumer has done with the record and its pages.
  if (flight.in_flight.acquire() != 0) return Error::kBadValue;
  flight.segments = count;
  flight.afterwards = request.operation == Operation::kRead ? Flight::kCopyBack : 0;
  remember_segments(flight.data.first, first, count,
                    write_head(request.operation, request.sector, count, request.tag).seg);
  ring_.request_written();
  if (request.operation != Operation::kRead) {
    copy_out(flight);
    return {};
  }
  flight.in_flight.set_release(1);  // the record is complete before the consumer looks at it
  return {};
}

// The record above is taken apart here: in memory it would cost more than the rest.
PVK_ALWAYS_INLINE blkif_request& Queue::write_head(Operation operation, u64 sector, u32 count,
                                                   u32 tag) {
  blkif_request& slot = ring_.next_request();
  slot.operation = static_cast<u8>(operation);
  slot.nr_segments = static_cast<u8>(count);
  slot.handle = 0;
  slot.id = tag;
  slot.sector_number = sector;
  return slot;
}

// Segments are whole sectors within one page.
PVK_ALWAYS_INLINE void describe(blkif_request_segment& descriptor, GrantRef ref,
                                const Segment& segment) {
  const auto address = reinterpret_cast<uintptr_t>(segment.address);
  const auto first = static_cast<u32>(address % kPageSize / abi::kSectorBytes);
  descriptor.gref = ref;
  descriptor.first_sect = static_cast<u8>(first);
  descriptor.last_sect = static_cast<u8>(first + segment.length / abi::kSectorBytes - 1);
}

// Fills descriptors with the entries from `index` on. With pages that stay granted, all there is to
// do is to know where the data is wanted or comes from.
PVK_ALWAYS_INLINE void Queue::remember_segments(u32 index, const Segment* first, u32 count,
                                                blkif_request_segment* descriptors) {
  PoolEntry* const entries = data_.entries();
  for (; count != 0; --count, ++first, ++descriptors) {
    PoolEntry& entry = entries[index];
    entry.wanted_at = first->address;
    entry.length = first->length;
    describe(*descriptors, entry.ref, *first);
    index = entry.next;
  }
}

PVK_ALWAYS_INLINE void Queue::publish() {
  const u32 written = ring_.unpublished();
  if (written == 0) return;
  producer_.counters.requests.add_by_owner(written);
  producer_.counters.publishes.add_by_owner(1);
  if (!ring_.publish_requests()) return;
  producer_.counters.notifications.add_by_owner(1);
  channel_.notify();
}

// ---- consumer: nothing in a response is believed -----------------------------------------------

inline bool known_status(i16 status) {
  return status == BLKIF_RSP_OKAY || status == BLKIF_RSP_ERROR || status == BLKIF_RSP_EOPNOTSUPP;
}

PVK_ALWAYS_INLINE Result<Outcome> Queue::next(u32& tag) {
  if (broken()) return reason_of_end();
  ConsumerCounters& counters = consumer_.counters;
  if (consumer_.waiting == 0) {
    const Result<u32> waiting = ring_.waiting();
    if (!waiting.ok()) return violation(counters.bad_index, "response index out of range", 0);
    if (waiting.value() == 0) return Error::kMissing;
    consumer_.waiting = waiting.value();
    counters.responses.add_by_owner(waiting.value());
  }
  --consumer_.waiting;
  const blkif_response response = ring_.take_response();
  if (response.id >= plan_.depth) return violation(counters.bad_id, "unknown id", response.id);
  Flight& flight = flights_[response.id];
  if (flight.in_flight.acquire() == 0) {
    return violation(counters.idle_id, "id not in flight", response.id);
  }
  if (response.status != BLKIF_RSP_OKAY && !known_status(response.status)) {
    return violation(counters.bad_status, "unknown status", static_cast<u16>(response.status));
  }
  tag = static_cast<u32>(response.id);
  if (response.status != BLKIF_RSP_OKAY) return finish_unusual(flight, response.status);
  if (flight.afterwards == 0) {
    flight.in_flight.set_release(0);  // the record is the producer's from here on
    return Outcome::kDone;
  }
  if (flight.afterwards != Flight::kCopyBack) return finish_unusual(flight, response.status);
  finish_read(flight);
  return Outcome::kDone;
}

}  // namespace pvk::block

#undef PVK_ALWAYS_INLINE
