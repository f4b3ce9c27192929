// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What runs for every request, inline, so that a port's own function is the whole path. Included
// by queue.h.
#pragma once

#include "pvkit/memory.h"

// The compiler finds these too large; but each has one caller in a port.
#define PVK_ALWAYS_INLINE [[gnu::always_inline]] inline

namespace pvk::block {

// ---- producer --------------------------------------------------------------------------------

constexpr u32 pages_of_descriptors(u32 segments) {
  return (segments + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
}

PVK_ALWAYS_INLINE Status Queue::submit(const Request& request, const Segment* first, u32 count) {
  if (broken() || flights_ == nullptr) return Error::kGone;
  Flight& flight = flights_[request.tag];
  // Pairs with next(): the consumer has done with the record and its pages.
  if (flight.in_flight.acquire() != 0) return Error::kBadValue;
  if (flight.data.length < count || count > kDirectSegments || ring_may_fill_) {
    PVK_TRY(reserve(flight, request.operation, count));
  }
  flight.segments = count;
  flight.copy_back = request.operation == Operation::kRead && copies_;
  if (count > kDirectSegments) {
    write_indirect(request.operation, request.sector, first, count, request.tag);
  } else if (request.operation >= Operation::kDiscard) {
    write_discard(request.operation, request.sector, request.sector_count, request.tag);
  } else {
    write_direct(request.operation, request.sector, first, count, request.tag);
  }
  flight.in_flight.set_release(1);  // the record is complete before the consumer may look at it
  ring_.request_written();
  return {};
}

// The records above are taken apart here: in memory they would cost more than the rest.
PVK_ALWAYS_INLINE void Queue::write_direct(Operation operation, u64 sector, const Segment* first,
                                           u32 count, u32 tag) {
  blkif_request& slot = ring_.next_request();
  slot.operation = static_cast<u8>(operation);
  slot.nr_segments = static_cast<u8>(count);
  slot.handle = 0;
  slot.id = tag;
  slot.sector_number = sector;
  write_segments(flights_[tag].data.first, first, count, operation, slot.seg);
}

// Fills descriptors with the entries from `index` on; returns the entry after the last.
inline u32 Queue::write_segments(u32 index, const Segment* first, u32 count, Operation operation,
                                 blkif_request_segment* descriptors) {
  for (u32 i = 0; i < count; ++i) {
    const Segment& segment = first[i];
    PoolEntry& entry = data_.at(index);
    const size_t offset = reinterpret_cast<uintptr_t>(segment.address) % kPageSize;
    place_data(entry, segment, offset, operation);
    descriptors[i].gref = entry.ref;
    descriptors[i].first_sect = static_cast<u8>(offset / abi::kSectorBytes);
    descriptors[i].last_sect = static_cast<u8>((offset + segment.length) / abi::kSectorBytes - 1);
    index = entry.next;
  }
  return index;
}

// Makes the segment's data reachable through the entry's reference.
PVK_ALWAYS_INLINE void Queue::place_data(PoolEntry& entry, const Segment& segment, size_t offset,
                                         Operation operation) {
  if (operation == Operation::kRead && copies_) {
    entry.wanted_at = segment.address;
    entry.length = segment.length;
  } else if (copies_) {
    copy_bytes(static_cast<u8*>(entry.page) + offset, segment.address, segment.length);
  } else {
    entry.page = static_cast<u8*>(segment.address) - offset;
  }
  if (!data_.permanent()) grant_for(entry, operation);
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
  if (broken()) return end_.relaxed() == kGivenUp ? Error::kGone : Error::kBackendProtocol;
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
  if (!known_status(response.status)) {
    return violation(counters.bad_status, "unknown status", static_cast<u16>(response.status));
  }
  tag = static_cast<u32>(response.id);
  return finish(flight, response.status);
}

PVK_ALWAYS_INLINE Outcome Queue::finish(Flight& flight, i16 status) {
  Outcome outcome = Outcome::kDone;
  if (status == BLKIF_RSP_OKAY && flight.copy_back) copy_back(flight);
  if (status != BLKIF_RSP_OKAY || !data_.permanent()) outcome = finish_unusual(flight, status);
  flight.in_flight.set_release(0);  // the record is the producer's from here on
  return outcome;
}

PVK_ALWAYS_INLINE void Queue::copy_back(const Flight& flight) {
  u32 index = flight.data.first;
  for (u32 i = 0; i < flight.segments; ++i) {
    const PoolEntry& entry = data_.at(index);
    const size_t offset = reinterpret_cast<uintptr_t>(entry.wanted_at) % kPageSize;
    copy_bytes(entry.wanted_at, static_cast<const u8*>(entry.page) + offset, entry.length);
    index = entry.next;
  }
}

}  // namespace pvk::block

#undef PVK_ALWAYS_INLINE
