// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The producer's side of a queue: requests into the ring.
#include "frontends/block/queue.h"
#include "pvkit/memory.h"

namespace pvk::block {
namespace {

constexpr u32 pages_of_descriptors(u32 segments) {
  return (segments + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
}

size_t page_offset(const void* address) { return reinterpret_cast<uintptr_t>(address) % kPageSize; }

}  // namespace

Status Queue::submit(const Request& request, const Segment* first, u32 count) {
  if (broken() || flights_ == nullptr) return Error::kGone;
  Flight& flight = flights_[request.tag];
  // Pairs with next(): the consumer has done with the record and its pages.
  if (flight.in_flight.acquire() != 0) return Error::kBadValue;
  const u32 indirect_pages = count > kDirectSegments ? pages_of_descriptors(count) : 0;
  if (flight.data.length < count || flight.indirect.length < indirect_pages || ring_may_fill_) {
    const Status status = reserve(flight, count, indirect_pages);
    if (!status.ok()) return status;
  }
  flight.segments = count;
  flight.copy_back = request.operation == Operation::kRead && copies_;
  if (indirect_pages != 0) {
    // An indirect request can only read or write (blkif.h, BLKIF_OP_INDIRECT).
    if (request.operation > Operation::kWrite) return Error::kBadValue;
    write_indirect(request, flight, first);
  } else if (request.operation >= Operation::kDiscard) {
    write_discard(request);
  } else {
    write_direct(request, flight, first);
  }
  flight.in_flight.set_release(1);  // the record is complete before the consumer may look at it
  ring_.request_written();
  return {};
}

// Off the usual path: the first uses of a tag, and a ring with fewer slots than there are tags.
Status Queue::reserve(Flight& flight, u32 segments, u32 indirect_pages) {
  Status status = {};
  if (segments > plan_.max_segments) return Error::kBadValue;
  if (ring_.full()) status = Error::kBusy;
  if (status.ok()) status = grow_or_reclaim(data_, &Flight::data, flight, segments);
  if (status.ok()) status = grow_or_reclaim(indirect_, &Flight::indirect, flight, indirect_pages);
  if (!status.ok()) producer_.counters.busy.add_by_owner(1);
  return status;
}

Status Queue::grow_or_reclaim(SegmentPool& pool, Chain Flight::*chain, Flight& flight, u32 length) {
  while (!pool.grow(flight.*chain, length).ok()) {
    if (!reclaim_one(pool, chain, flight)) return Error::kBusy;
  }
  return {};
}

// Takes the chain of some tag that is not in flight, other than the one it is wanted for.
bool Queue::reclaim_one(SegmentPool& pool, Chain Flight::*chain, const Flight& wanting) {
  for (u32 i = 0; i < plan_.depth; ++i) {
    producer_.reclaim_hand = (producer_.reclaim_hand + 1) % plan_.depth;
    Flight& idle = flights_[producer_.reclaim_hand];
    if (&idle == &wanting || (idle.*chain).length == 0) continue;
    if (idle.in_flight.acquire() != 0) continue;
    pool.give_back(idle.*chain);
    return true;
  }
  return false;
}

inline void Queue::write_direct(const Request& request, const Flight& flight,
                                const Segment* first) {
  blkif_request& slot = ring_.next_request();
  slot.operation = static_cast<u8>(request.operation);
  slot.nr_segments = static_cast<u8>(flight.segments);
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  write_segments(flight.data.first, first, flight.segments, request.operation != Operation::kRead,
                 slot.seg);
}

void Queue::write_indirect(const Request& request, const Flight& flight, const Segment* first) {
  auto& slot = reinterpret_cast<blkif_request_indirect&>(ring_.next_request());
  slot.operation = BLKIF_OP_INDIRECT;
  slot.indirect_op = static_cast<u8>(request.operation);
  slot.nr_segments = static_cast<u16>(flight.segments);
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  u32 page_index = flight.indirect.first;
  u32 index = flight.data.first;
  for (u32 done = 0, page = 0; done < flight.segments; ++page) {
    const PoolEntry& descriptors = indirect_.at(page_index);
    const u32 count = min(flight.segments - done, u32{abi::kSegmentsPerIndirectPage});
    slot.indirect_grefs[page] = descriptors.ref;
    index = write_segments(index, first + done, count, request.operation != Operation::kRead,
                           static_cast<blkif_request_segment*>(descriptors.page));
    done += count;
    page_index = descriptors.next;
  }
  producer_.counters.indirect.add_by_owner(1);
}

void Queue::write_discard(const Request& request) {
  auto& slot = reinterpret_cast<blkif_request_discard&>(ring_.next_request());
  slot.operation = BLKIF_OP_DISCARD;
  slot.flag = request.operation == Operation::kSecureDiscard ? BLKIF_DISCARD_SECURE : 0;
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  slot.nr_sectors = request.sector_count;
}

// Fills descriptors with the entries from `index` on; returns the entry after the last.
inline u32 Queue::write_segments(u32 index, const Segment* first, u32 count, bool writes,
                                 blkif_request_segment* descriptors) {
  for (u32 i = 0; i < count; ++i) {
    const Segment& segment = first[i];
    PoolEntry& entry = data_.at(index);
    const size_t offset = page_offset(segment.address);
    place_data(entry, segment, offset, writes);
    descriptors->gref = entry.ref;
    descriptors->first_sect = static_cast<u8>(offset / abi::kSectorBytes);
    descriptors->last_sect = static_cast<u8>((offset + segment.length) / abi::kSectorBytes - 1);
    ++descriptors;
    index = entry.next;
  }
  return index;
}

// Makes the segment's data reachable through the entry's reference.
inline void Queue::place_data(PoolEntry& entry, const Segment& segment, size_t offset,
                              bool writes) {
  if (!copies_) {
    entry.page = static_cast<u8*>(segment.address) - offset;
  } else if (writes) {
    copy_bytes(static_cast<u8*>(entry.page) + offset, segment.address, segment.length);
  } else {
    entry.wanted_at = segment.address;
    entry.length = segment.length;
  }
  if (data_.permanent()) return;
  grant(entry.ref, pvk_bus_backend_domid(bus_), entry.page,
        writes ? Access::kReadOnly : Access::kReadWrite);
  producer_.counters.grants_published.add_by_owner(1);
}

void Queue::publish() {
  const u32 written = ring_.unpublished();
  if (written == 0) return;
  producer_.counters.requests.add_by_owner(written);
  producer_.counters.publishes.add_by_owner(1);
  if (!ring_.publish_requests()) return;
  producer_.counters.notifications.add_by_owner(1);
  channel_.notify();
}

}  // namespace pvk::block
