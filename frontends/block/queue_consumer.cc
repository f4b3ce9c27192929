// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The consumer's side of a queue, but for what queue_inline.h has: what is rare.
#include "frontends/block/queue.h"
#include "pvkit/memory.h"

namespace pvk::block {

Error Queue::reason_of_end() const {
  return end_.relaxed() == kGivenUp ? Error::kGone : Error::kBackendProtocol;
}

inline void Queue::copy_back(const Flight& flight) {
  const PoolEntry* const entries = data_.entries();
  u32 index = flight.data.first;
  for (u32 left = flight.segments; left != 0; --left) {
    const PoolEntry& entry = entries[index];
    index = entry.next;
    const size_t offset = reinterpret_cast<uintptr_t>(entry.wanted_at) % kPageSize;
    copy_bytes(entry.wanted_at, static_cast<const u8*>(entry.page) + offset, entry.length);
  }
}

void Queue::finish_read(Flight& flight) {
  copy_back(flight);
  flight.in_flight.set_release(0);
}

// Anything but a plain success of a device with permanent grants.
Outcome Queue::finish_unusual(Flight& flight, i16 status) {
  Outcome outcome = Outcome::kDone;
  if (status != BLKIF_RSP_OKAY) {
    consumer_.counters.errors.add_by_owner(1);
    outcome = status == BLKIF_RSP_EOPNOTSUPP ? Outcome::kUnsupported : Outcome::kFailed;
  } else if ((flight.afterwards & Flight::kCopyBack) != 0) {
    copy_back(flight);
  }
  if ((flight.afterwards & Flight::kEndGrants) != 0) {
    const u32 kept = end_grants(flight);
    consumer_.counters.grants_revoked.add_by_owner(flight.segments);
    if (kept != 0) {
      violation(consumer_.counters.parked, "pages are kept after the answer", kept);
      outcome = Outcome::kFailed;
    }
  }
  flight.in_flight.set_release(0);
  return outcome;
}

// Ends the grants of a request's data; returns how many the backend kept.
u32 Queue::end_grants(Flight& flight) {
  u32 index = flight.data.first;
  u32 kept = 0;
  for (u32 i = 0; i < flight.segments; ++i) {
    PoolEntry& entry = data_.at(index);
    index = entry.next;
    if (!data_.end_grant(entry)) ++kept;
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
