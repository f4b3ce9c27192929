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

Result<Outcome> Queue::next(u32& tag) {
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

inline Outcome Queue::finish(Flight& flight, i16 status) {
  Outcome outcome = outcome_of(status);
  if (outcome != Outcome::kDone) {
    consumer_.counters.errors.add_by_owner(1);
  } else if (flight.copy_back) {
    copy_back(flight);
  }
  if (!data_.permanent() && flight.segments != 0) {
    const u32 kept = end_grants(flight);
    consumer_.counters.grants_revoked.add_by_owner(flight.segments);
    if (kept != 0) {
      violation(consumer_.counters.parked, "pages are kept after the answer", kept);
      outcome = Outcome::kFailed;
    }
  }
  flight.in_flight.set_release(0);  // the record is the producer's from here on
  return outcome;
}

inline void Queue::copy_back(const Flight& flight) {
  u32 index = flight.data.first;
  for (u32 i = 0; i < flight.segments; ++i) {
    const PoolEntry& entry = data_.at(index);
    const size_t offset = reinterpret_cast<uintptr_t>(entry.wanted_at) % kPageSize;
    copy_bytes(entry.wanted_at, static_cast<const u8*>(entry.page) + offset, entry.length);
    index = entry.next;
  }
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

bool Queue::give_up(u32 tag) {
  Flight& flight = flights_[tag];
  const u32 kept = data_.permanent() ? 0 : end_grants(flight);
  consumer_.counters.parked.add_by_owner(kept);
  flight.in_flight.set_release(0);
  return kept == 0;
}

bool Queue::count_upcall(u32 responses) {
  consumer_.counters.upcalls.add_by_owner(1);
  if (responses == 0) consumer_.counters.idle_upcalls.add_by_owner(1);
  return responses != 0;
}

}  // namespace pvk::block
