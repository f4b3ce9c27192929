// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The grant references of a queue, each with the page behind it, handed out in chains.
//
// A request in flight owns a chain of entries, one a segment. With persistent grants the entry's
// page is ours and stays granted, so an entry that is used again costs no grant operation; chains
// stay with their request tag for the same reason. Pages are allocated when they are first needed.
//
// Only the producer takes and gives; the consumer reads the chains of requests in flight.
#pragma once

#include "pvkit/grant.h"
#include "pvkit/result.h"

namespace pvk::block {

struct PoolPlan {
  u32 entries = 0;
  bool own_pages = false;              // pages come with the entries, otherwise from each request
  bool permanent = false;              // granted once and for all when the page is allocated
  Access access = Access::kReadWrite;  // of permanent grants
};

struct PoolEntry {
  void* page = nullptr;
  void* wanted_at = nullptr;  // where a read's data goes, when it arrives in `page`
  u32 length = 0;             // of that, bytes
  GrantRef ref = kNoGrantRef;
  u32 next = 0;
};
static_assert(sizeof(PoolEntry) == 32);  // two to a cache line

constexpr u32 kNoEntry = ~u32{0};

struct Chain {
  u32 first = kNoEntry;
  u32 length = 0;
};

class SegmentPool {
 public:
  SegmentPool() = default;
  SegmentPool(const SegmentPool&) = delete;
  SegmentPool& operator=(const SegmentPool&) = delete;
  ~SegmentPool() { close(); }

  // Reserves the references and the first `ready` pages, so that one request can always be served.
  // On failure nothing is held. May sleep.
  Status open(const PoolPlan& plan, DomId backend, u32 ready);
  // Ends every grant and frees every page; what the backend still holds is parked.
  void close();

  // Makes `chain` at least `length` long. kBusy when no entry is left, kNoMemory when no page is;
  // the chain keeps what it got.
  Status grow(Chain& chain, u32 length);
  // Takes a whole chain back, for others to use.
  void give_back(Chain& chain);

  PoolEntry* entries() { return entries_; }
  PoolEntry& at(u32 index) { return entries_[index]; }
  const PoolEntry& at(u32 index) const { return entries_[index]; }
  bool permanent() const { return plan_.permanent; }
  DomId backend() const { return backend_; }

  // Ends the grant of one entry in use. False when the backend keeps the page: then the entry is
  // spent, its page is parked, and a new page is needed before the entry's place is used again.
  [[nodiscard]] bool end_grant(PoolEntry& entry) {
    if (revoke_or_park(entry.ref, entry.page, plan_.own_pages)) return true;
    entry.page = nullptr;
    entry.ref = kNoGrantRef;
    return false;
  }

  u32 pages_allocated() const { return allocated_; }

 private:
  Status take_fresh(bool may_sleep);
  void push_spare(u32 index);

  PoolPlan plan_;
  DomId backend_ = 0;
  PoolEntry* entries_ = nullptr;
  u32 fresh_ = 0;         // entries below this one have been handed out at least once
  u32 spare_ = kNoEntry;  // entries of no chain, linked by `next`
  u32 allocated_ = 0;
};

}  // namespace pvk::block
