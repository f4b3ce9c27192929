// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The consumer's side of a queue: responses out of the ring. Nothing in them is believed.
#include "frontends/block/queue.h"
#include "pvkit/memory.h"

namespace pvk::block {
namespace {

bool known_status(i16 status) {
  return status == BLKIF_RSP_OKAY || status == BLKIF_RSP_ERROR || status == BLKIF_RSP_EOPNOTSUPP;
}

Outcome outcome_of(i16 status) {
  if (status == BLKIF_RSP_OKAY) return Outcome::kDone;
  return status == BLKIF_RSP_EOPNOTSUPP ? Outcome::kUnsupported : Outcome::kFailed;
}

}  // namespace

Result<Completion> Queue::next() {
  if (broken()) return Error::kGone;
  ConsumerCounters& counters = consumer_.counters;
  if (consumer_.waiting == 0) {
    const Result<u32> waiting = ring_.waiting();
    if (!waiting.ok()) return violation(counters.bad_index, "response index out of range", 0);
    if (waiting.value() == 0) return Error::kMissing;
    consumer_.waiting = waiting.value();
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
  counters.responses.add_by_owner(1);
  Completion completion;
  completion.tag = static_cast<u32>(response.id);
  completion.outcome = outcome_of(response.status);
  completion.copy_out = completion.outcome == Outcome::kDone &&
                        flight.operation == Operation::kRead &&
                        plan_.data_mode != DataMode::kDirect;
  if (completion.outcome != Outcome::kDone) counters.errors.add_by_owner(1);
  consumer_.cursor = flight.data.first;
  return completion;
}

void Queue::copy_out(Span<const Segment> segments) {
  for (const Segment& segment : segments) {
    const PoolEntry& entry = data_.at(consumer_.cursor);
    const size_t offset = reinterpret_cast<uintptr_t>(segment.address) % kPageSize;
    copy_bytes(segment.address, static_cast<const u8*>(entry.page) + offset, segment.length);
    consumer_.cursor = entry.next;
  }
}

Status Queue::retire(u32 tag) {
  Flight& flight = flights_[tag];
  const u32 segments = flight.segments;
  u32 kept = 0;
  if (!data_.permanent() && segments != 0) {
    kept = end_grants(flight);
    consumer_.counters.grants_revoked.add_by_owner(segments);
  }
  flight.in_flight.set_release(0);  // the record is the producer's from here on
  if (kept == 0) return {};
  return violation(consumer_.counters.parked, "pages are kept after the answer", kept);
}

// Ends the grants of a request's data; returns how many the backend kept.
u32 Queue::end_grants(Flight& flight) {
  u32 index = flight.data.first;
  u32 kept = 0;
  for (u32 i = 0; i < flight.segments; ++i) {
    const u32 next = data_.at(index).next;
    if (!data_.end_grant(index)) ++kept;
    index = next;
  }
  return kept;
}

void Queue::give_up(u32 tag) {
  Flight& flight = flights_[tag];
  if (!data_.permanent()) consumer_.counters.parked.add_by_owner(end_grants(flight));
  flight.in_flight.set_release(0);
}

bool Queue::count_upcall(u32 responses) {
  consumer_.counters.upcalls.add_by_owner(1);
  if (responses == 0) consumer_.counters.idle_upcalls.add_by_owner(1);
  return responses != 0;
}

}  // namespace pvk::block
