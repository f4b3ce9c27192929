// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The producer's side of a queue: requests into the ring.
#include "frontends/block/queue.h"
#include "pvkit/memory.h"

namespace pvk::block {
namespace {

constexpr u8 wire_operation(Operation operation) {
  switch (operation) {
    case Operation::kRead: return BLKIF_OP_READ;
    case Operation::kWrite: return BLKIF_OP_WRITE;
    case Operation::kFlush: return BLKIF_OP_FLUSH_DISKCACHE;
    case Operation::kBarrierWrite: return BLKIF_OP_WRITE_BARRIER;
    case Operation::kDiscard:
    case Operation::kSecureDiscard: return BLKIF_OP_DISCARD;
  }
  return BLKIF_OP_READ;
}

constexpr u32 pages_of_descriptors(u32 segments) {
  return (segments + abi::kSegmentsPerIndirectPage - 1) / abi::kSegmentsPerIndirectPage;
}

size_t page_offset(const void* address) { return reinterpret_cast<uintptr_t>(address) % kPageSize; }

}  // namespace

Status Queue::prepare(const Request& request) {
  if (broken() || flights_ == nullptr) return Error::kGone;
  Flight& flight = flights_[request.tag];
  // Pairs with retire(): the consumer has done with the record and its pages.
  if (flight.in_flight.acquire() != 0) return Error::kBadValue;
  // An indirect request can only read or write (blkif.h, BLKIF_OP_INDIRECT).
  if (uses_indirect(request) && request.operation > Operation::kWrite) return Error::kBadValue;
  const Status status = reserve_entries(flight, request);
  if (!status.ok()) {
    producer_.counters.busy.add_by_owner(1);
    return status;
  }
  flight.operation = request.operation;
  flight.segments = 0;
  producer_.flight = &flight;
  producer_.slot = &ring_.next_request();
  producer_.room = request.segments;
  if (request.operation >= Operation::kDiscard) {
    write_discard(request);
  } else {
    write_data_request(request);
  }
  return {};
}

Status Queue::reserve_entries(Flight& flight, const Request& request) {
  if (flight.data.length < request.segments) {
    PVK_TRY(grow_or_reclaim(data_, &Flight::data, flight, request.segments));
  }
  if (!uses_indirect(request)) return {};
  return grow_or_reclaim(indirect_, &Flight::indirect, flight,
                         pages_of_descriptors(request.segments));
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

void Queue::write_data_request(const Request& request) {
  blkif_request& slot = *producer_.slot;
  producer_.cursor = producer_.flight->data.first;
  if (uses_indirect(request)) {
    write_indirect_request(request, reinterpret_cast<blkif_request_indirect&>(slot));
    return;
  }
  slot.operation = wire_operation(request.operation);
  slot.nr_segments = 0;
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  producer_.descriptors = slot.seg;
}

void Queue::write_indirect_request(const Request& request, blkif_request_indirect& slot) {
  slot.operation = BLKIF_OP_INDIRECT;
  slot.indirect_op = wire_operation(request.operation);
  slot.nr_segments = 0;
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  producer_.indirect_cursor = producer_.flight->indirect.first;
  u32 index = producer_.indirect_cursor;
  for (u32 i = 0; i < pages_of_descriptors(request.segments); ++i) {
    slot.indirect_grefs[i] = indirect_.at(index).ref;
    index = indirect_.at(index).next;
  }
  producer_.descriptors =
      static_cast<blkif_request_segment*>(indirect_.at(producer_.indirect_cursor).page);
  producer_.counters.indirect.add_by_owner(1);
}

void Queue::write_discard(const Request& request) {
  auto& slot = reinterpret_cast<blkif_request_discard&>(*producer_.slot);
  slot.operation = BLKIF_OP_DISCARD;
  slot.flag = request.operation == Operation::kSecureDiscard ? BLKIF_DISCARD_SECURE : 0;
  slot.handle = 0;
  slot.id = request.tag;
  slot.sector_number = request.sector;
  slot.nr_sectors = request.sector_count;
}

Status Queue::add(Span<const Segment> segments) {
  if (segments.size() > producer_.room) return Error::kBadValue;
  producer_.room -= static_cast<u32>(segments.size());
  Flight& flight = *producer_.flight;
  const bool writes = flight.operation != Operation::kRead;
  u32 cursor = producer_.cursor;
  u32 count = flight.segments;
  for (const Segment& segment : segments) {
    PoolEntry& entry = data_.at(cursor);
    const size_t offset = page_offset(segment.address);
    place_data(entry, segment, offset, writes);
    if (count != 0 && count % abi::kSegmentsPerIndirectPage == 0) next_indirect_page();
    blkif_request_segment& descriptor =
        producer_.descriptors[count % abi::kSegmentsPerIndirectPage];
    descriptor.gref = entry.ref;
    descriptor.first_sect = static_cast<u8>(offset / abi::kSectorBytes);
    descriptor.last_sect = static_cast<u8>((offset + segment.length) / abi::kSectorBytes - 1);
    ++count;
    cursor = entry.next;
  }
  flight.segments = count;
  producer_.cursor = cursor;
  return {};
}

// Makes the segment's data reachable through the entry's reference.
inline void Queue::place_data(PoolEntry& entry, const Segment& segment, size_t offset,
                              bool writes) {
  if (plan_.data_mode == DataMode::kDirect) {
    entry.page = static_cast<u8*>(segment.address) - offset;
  } else if (writes) {
    copy_bytes(static_cast<u8*>(entry.page) + offset, segment.address, segment.length);
  }
  if (data_.permanent()) return;
  grant(entry.ref, pvk_bus_backend_domid(bus_), entry.page,
        writes ? Access::kReadOnly : Access::kReadWrite);
  producer_.counters.grants_published.add_by_owner(1);
}

void Queue::next_indirect_page() {
  producer_.indirect_cursor = indirect_.at(producer_.indirect_cursor).next;
  producer_.descriptors =
      static_cast<blkif_request_segment*>(indirect_.at(producer_.indirect_cursor).page);
}

void Queue::finish() {
  Flight& flight = *producer_.flight;
  blkif_request& slot = *producer_.slot;
  if (flight.operation < Operation::kDiscard) {
    if (producer_.descriptors == slot.seg) {
      slot.nr_segments = static_cast<u8>(flight.segments);
    } else {
      reinterpret_cast<blkif_request_indirect&>(slot).nr_segments =
          static_cast<u16>(flight.segments);
    }
  }
  flight.in_flight.set_release(1);  // the record is complete before the consumer may look at it
  ring_.request_written();
  producer_.counters.requests.add_by_owner(1);
}

void Queue::cancel() {
  // Nothing of it was shown to the backend, so nothing of it can be held.
  if (!data_.permanent()) end_grants(*producer_.flight);
}

void Queue::publish() {
  if (!ring_.has_unpublished()) return;
  producer_.counters.publishes.add_by_owner(1);
  if (!ring_.publish_requests()) return;
  producer_.counters.notifications.add_by_owner(1);
  channel_.notify();
}

}  // namespace pvk::block
