// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The entries of a grant table (xen/grant_table.h), in either version: how access to a page begins
// and ends. No lock and no loop: an entry belongs to whoever reserved its reference, and Xen.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/grant_table.h>

#include "pvkit/atomic.h"
#include "pvkit/grant.h"

namespace pvk {

static_assert(sizeof(grant_entry_v1) == 8);
static_assert(offsetof(grant_entry_v1, domid) == 2);
static_assert(offsetof(grant_entry_v1, frame) == 4);
static_assert(sizeof(grant_entry_v2) == 16);
static_assert(offsetof(grant_entry_v2, full_page.frame) == 8);

class GrantEntries {
 public:
  constexpr GrantEntries() = default;
  // `status` is the status array of version 2, which has one u16 for each entry.
  void open(u32 version, void* shared, void* status) {
    shared_ = static_cast<u64*>(shared);
    status_ = static_cast<u16*>(status);
    version_ = version;
    end_ = ~GrantRef{0};
  }
  u32 version() const { return version_; }
  // The table ends here, though there may be references beyond: nothing is published with those,
  // and revoking them succeeds. Raised while others publish, lowered while nobody does.
  void limit(GrantRef end) { __atomic_store_n(&end_, end, __ATOMIC_RELAXED); }

  // Lets `domid` at the page, from now on. The entry must be unused. A gfn of 2^32 or more needs
  // version 2.
  void publish(GrantRef ref, DomId domid, u64 gfn, Access access) const {
    if (is_beyond(ref)) [[unlikely]]
      return;
    const u32 flags =
        access == Access::kReadOnly ? GTF_permit_access | GTF_readonly : GTF_permit_access;
    const u32 head = flags | u32{domid} << 16;
    if (version_ == 1) {
      // One store is the whole entry, so there is no order within it to keep. It is a release:
      // what the page holds is visible to who finds the grant.
      pvk::publish(shared_[ref], gfn << 32 | head);
      return;
    }
    u64* const entry = &shared_[2 * u64{ref}];
    __atomic_store_n(&entry[1], gfn, __ATOMIC_RELAXED);
    // Xen reads the header first and the frame after it, so the frame is written before: the
    // release orders it, and what the page holds, before the header that makes the entry valid.
    // The upper half is pad0.
    pvk::publish(entry[0], u64{head});
  }

  // Ends the access. False: somebody has the page mapped, or is copying from it.
  [[nodiscard]] bool revoke(GrantRef ref) const {
    if (is_beyond(ref)) [[unlikely]]
      return true;
    return version_ == 1 ? revoke_v1(ref) : revoke_v2(ref);
  }

  // Whether the entry says anything, of whoever's making.
  bool is_used(GrantRef ref) const { return (peek(*flags_of(ref)) & GTF_type_mask) != GTF_invalid; }

 private:
  static constexpr u16 kInUse = GTF_reading | GTF_writing;

  bool is_beyond(GrantRef ref) const { return ref >= __atomic_load_n(&end_, __ATOMIC_RELAXED); }

  u16* flags_of(GrantRef ref) const {
    return reinterpret_cast<u16*>(&shared_[version_ == 1 ? ref : 2 * u64{ref}]);
  }

  // Xen sets its use flags in the same word, so one compare-exchange decides: it succeeds only
  // when they are clear. It fails too when Xen sets one between the load and the exchange, and then
  // the page is in use indeed. Being a full barrier, it keeps our next use of the page after it.
  bool revoke_v1(GrantRef ref) const {
    u16* const flags = reinterpret_cast<u16*>(&shared_[ref]);
    u16 expected = static_cast<u16>(peek(*flags) & ~kInUse);
    return __atomic_compare_exchange_n(flags, &expected, u16{0}, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_RELAXED);
  }

  // Xen marks the use in the status array and then looks at the flags again; we clear the flags and
  // then look at the status. The full fence between the two makes one of us see the other's store.
  // When it is us, no new mapping is possible but the present one goes on: the entry stays invalid,
  // and asking again later is right.
  bool revoke_v2(GrantRef ref) const {
    __atomic_store_n(flags_of(ref), u16{0}, __ATOMIC_RELAXED);
    announce_then_look();
    // An acquire, so that our next use of the page comes after the other domain's last.
    return (observe(status_[ref]) & kInUse) == 0;
  }

  u64* shared_ = nullptr;
  u16* status_ = nullptr;
  u32 version_ = 1;
  GrantRef end_ = ~GrantRef{0};
};

}  // namespace pvk
