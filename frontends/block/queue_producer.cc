// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The producer's side of a queue, but for what queue_inline.h has: what is rare, or large.
#include "frontends/block/queue.h"
#include "pvkit/memory.h"

namespace pvk::block {

// All that submit does not do itself. Nothing is known here but that the queue is not broken.
Status Queue::submit_unusual(u32 tag, Operation operation, u64 sector, const Segment* first,
                             u32 count, u64 sectors) {
  if (flights_ == nullptr) return Error::kGone;
  Flight& flight = flights_[tag];
  if (flight.in_flight.acquire() != 0) return Error::kBadValue;
  if (flight.data.length < count || count > kDirectSegments || ring_may_fill_) {
    PVK_TRY(reserve(flight, operation, count));
  }
  flight.segments = count;
  flight.afterwards = operation == Operation::kRead && copies_ ? Flight::kCopyBack : 0;
  if (!data_.permanent() && count != 0) flight.afterwards |= Flight::kEndGrants;
  if (count > kDirectSegments) {
    write_indirect(operation, sector, first, count, tag);
  } else if (operation >= Operation::kDiscard) {
    write_discard(operation, sector, sectors, tag);
  } else {
    write_segments(flight.data.first, first, count, operation,
                   write_head(operation, sector, count, tag).seg);
  }
  ring_.request_written();
  flight.in_flight.set_release(1);
  return {};
}

// The data of a write goes where remember_segments wrote down that it belongs; then the record is
// the consumer's.
void Queue::copy_out(Flight& flight) {
  const PoolEntry* const entries = data_.entries();
  u32 index = flight.data.first;
  for (u32 left = flight.segments; left != 0; --left) {
    const PoolEntry& entry = entries[index];
    index = entry.next;
    const size_t offset = reinterpret_cast<uintptr_t>(entry.wanted_at) % kPageSize;
    copy_bytes(static_cast<u8*>(entry.page) + offset, entry.wanted_at, entry.length);
  }
  flight.in_flight.set_release(1);
}

// Off the usual path: the first uses of a tag, indirect requests, and a ring with fewer slots than
// there are tags.
Status Queue::reserve(Flight& flight, Operation operation, u32 segments) {
  const bool indirect = segments > kDirectSegments;
  if (segments > plan_.max_segments) return Error::kBadValue;
  // An indirect request can only read or write (blkif.h, BLKIF_OP_INDIRECT).
  if (indirect && operation > Operation::kWrite) return Error::kBadValue;
  const u32 pages = indirect ? pages_of_descriptors(segments) : 0;
  Status status = {};
  if (ring_.full()) status = Error::kBusy;
  if (status.ok()) status = grow_or_reclaim(data_, &Flight::data, flight, segments);
  if (status.ok()) status = grow_or_reclaim(indirect_, &Flight::indirect, flight, pages);
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

void Queue::write_indirect(Operation operation, u64 sector, const Segment* first, u32 count,
                           u32 tag) {
  const Flight& flight = flights_[tag];
  auto& slot = reinterpret_cast<blkif_request_indirect&>(ring_.next_request());
  slot.operation = BLKIF_OP_INDIRECT;
  slot.indirect_op = static_cast<u8>(operation);
  slot.nr_segments = static_cast<u16>(count);
  slot.handle = 0;
  slot.id = tag;
  slot.sector_number = sector;
  u32 page_index = flight.indirect.first;
  u32 index = flight.data.first;
  for (u32 done = 0, page = 0; done < count; ++page) {
    const PoolEntry& descriptors = indirect_.at(page_index);
    const u32 here = min(count - done, u32{abi::kSegmentsPerIndirectPage});
    slot.indirect_grefs[page] = descriptors.ref;
    index = write_segments(index, first + done, here, operation,
                           static_cast<blkif_request_segment*>(descriptors.page));
    done += here;
    page_index = descriptors.next;
  }
  producer_.counters.indirect.add_by_owner(1);
}

void Queue::write_discard(Operation operation, u64 sector, u64 sectors, u32 tag) {
  auto& slot = reinterpret_cast<blkif_request_discard&>(ring_.next_request());
  slot.operation = BLKIF_OP_DISCARD;
  slot.flag = operation == Operation::kSecureDiscard ? BLKIF_DISCARD_SECURE : 0;
  slot.handle = 0;
  slot.id = tag;
  slot.sector_number = sector;
  slot.nr_sectors = sectors;
}

// Descriptors from the entry at `index` on, whatever the mode; returns the entry after the last.
inline u32 Queue::write_segments(u32 index, const Segment* first, u32 count, Operation operation,
                                 blkif_request_segment* descriptors) {
  for (const Segment* const end = first + count; first != end; ++first, ++descriptors) {
    PoolEntry& entry = data_.at(index);
    place_data(entry, *first, operation);
    describe(*descriptors, entry.ref, *first);
    index = entry.next;
  }
  return index;
}

// Makes the segment's data reachable through the entry's reference.
inline void Queue::place_data(PoolEntry& entry, const Segment& segment, Operation operation) {
  const size_t offset = reinterpret_cast<uintptr_t>(segment.address) % kPageSize;
  if (!copies_) {
    entry.page = static_cast<u8*>(segment.address) - offset;
  } else if (operation == Operation::kRead) {
    entry.wanted_at = segment.address;
    entry.length = segment.length;
  } else {
    copy_bytes(static_cast<u8*>(entry.page) + offset, segment.address, segment.length);
  }
  if (data_.permanent()) return;
  grant(entry.ref, data_.backend(), entry.page,
        operation == Operation::kRead ? Access::kReadWrite : Access::kReadOnly);
  producer_.counters.grants_published.add_by_owner(1);
}

}  // namespace pvk::block
