// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The producer's side of a queue, but for what queue_inline.h has: what is rare, or large.
#include "frontends/block/queue.h"

namespace pvk::block {

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

void Queue::grant_for(PoolEntry& entry, Operation operation) {
  grant(entry.ref, pvk_bus_backend_domid(bus_), entry.page,
        operation == Operation::kRead ? Access::kReadWrite : Access::kReadOnly);
  producer_.counters.grants_published.add_by_owner(1);
}

}  // namespace pvk::block
