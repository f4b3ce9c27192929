// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The consumer's side of a queue, but for what queue_inline.h has: what is rare.
#include "frontends/block/queue.h"

namespace pvk::block {

// Anything but a plain success of a device with permanent grants.
Outcome Queue::finish_unusual(Flight& flight, i16 status) {
  Outcome outcome = Outcome::kDone;
  if (status != BLKIF_RSP_OKAY) {
    consumer_.counters.errors.add_by_owner(1);
    outcome = status == BLKIF_RSP_EOPNOTSUPP ? Outcome::kUnsupported : Outcome::kFailed;
  }
  if (data_.permanent() || flight.segments == 0) return outcome;
  const u32 kept = end_grants(flight);
  consumer_.counters.grants_revoked.add_by_owner(flight.segments);
  if (kept == 0) return outcome;
  violation(consumer_.counters.parked, "pages are kept after the answer", kept);
  return Outcome::kFailed;
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
