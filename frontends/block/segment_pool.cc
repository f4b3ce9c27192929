// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/segment_pool.h"

namespace pvk::block {

Status SegmentPool::open(const PoolPlan& plan, DomId backend, u32 ready) {
  if (plan.entries == 0) return {};
  entries_ = static_cast<PoolEntry*>(pvk_alloc(plan.entries * sizeof(PoolEntry)));
  if (entries_ == nullptr) return Error::kNoMemory;
  GrantRef first = 0;
  if (pvk_grant_reserve(plan.entries, &first) != 0) {
    pvk_free(entries_);
    entries_ = nullptr;
    return Error::kNoGrant;
  }
  plan_ = plan;
  backend_ = backend;
  for (u32 i = 0; i < plan.entries; ++i) {
    entries_[i].ref = first + i;
    entries_[i].next = kNoEntry;
  }
  while (fresh_ < min(ready, plan.entries)) {
    const u32 index = fresh_;
    const Status status = take_fresh(true);
    if (!status.ok()) {
      close();
      return status;
    }
    push_spare(index);
  }
  return {};
}

void SegmentPool::close() {
  for (u32 i = 0; i < plan_.entries; ++i) {
    PoolEntry& entry = entries_[i];
    if (plan_.permanent && entry.page != nullptr) {
      end_and_free(entry.ref, entry.page);
      continue;
    }
    if (entry.ref != kNoGrantRef) pvk_grant_release(entry.ref, 1);
    if (plan_.own_pages && entry.page != nullptr) pvk_pages_free(entry.page, 1);
  }
  pvk_free(entries_);
  entries_ = nullptr;
  plan_ = {};
  fresh_ = 0;
  spare_ = kNoEntry;
  allocated_ = 0;
}

void SegmentPool::push_spare(u32 index) {
  entries_[index].next = spare_;
  spare_ = index;
}

// Readies the entry at fresh_, which is then nobody's until the caller links it.
Status SegmentPool::take_fresh(bool may_sleep) {
  if (fresh_ == plan_.entries) return Error::kBusy;
  PoolEntry& entry = entries_[fresh_];
  if (plan_.own_pages) {
    entry.page = pvk_pages_alloc(1, may_sleep ? 1 : 0);
    if (entry.page == nullptr) return Error::kNoMemory;
    ++allocated_;
    if (plan_.permanent) grant(entry.ref, backend_, entry.page, plan_.access);
  }
  ++fresh_;
  return {};
}

Status SegmentPool::grow(Chain& chain, u32 length) {
  while (chain.length < length) {
    if (spare_ == kNoEntry) {
      const u32 index = fresh_;
      PVK_TRY(take_fresh(false));
      push_spare(index);
    }
    const u32 index = spare_;
    spare_ = entries_[index].next;
    entries_[index].next = chain.first;
    chain.first = index;
    ++chain.length;
  }
  return {};
}

void SegmentPool::give_back(Chain& chain) {
  for (u32 index = chain.first; chain.length != 0; --chain.length) {
    const u32 next = entries_[index].next;
    push_spare(index);
    index = next;
  }
  chain = {};
}

}  // namespace pvk::block
