// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Grant references and granted pages as move-only handles.
//
// Revoking can be refused: the backend may still hold the page (xen/grant_table.h, "ending
// foreign access"). Then the page is parked (pvk_grant_park): it is neither freed nor reused until
// the backend lets go. docs/ownership.md has the policy.
#pragma once

#include "pvkit/result.h"

namespace pvk {

constexpr GrantRef kNoGrantRef = ~GrantRef{0};

enum class Access : u8 { kReadWrite, kReadOnly };

inline void grant(GrantRef ref, DomId backend, const void* page, Access access) {
  pvk_grant_publish(ref, backend, pvk_gfn(page), access == Access::kReadOnly ? 1 : 0);
}

// Ends a grant. When this returns false, the reference is gone and the caller owns the page no
// longer: they were parked. `owned`: the page is one of ours, to be freed when the backend lets go.
[[nodiscard]] inline bool revoke_or_park(GrantRef ref, void* page, bool owned) {
  if (pvk_grant_revoke(ref) == 0) return true;
  pvk_grant_park(ref, page, owned ? 1 : 0);
  return false;
}

// Ends the grant of a page of ours for good: the reference and the page are given back, now or when
// the backend lets go.
inline void end_and_free(GrantRef ref, void* page) {
  if (pvk_grant_end(ref) == 0) {
    pvk_pages_free(page, 1);
  } else {
    pvk_grant_park(ref, page, 1);
  }
}

// Zeroed pages of our own that the backend may read and write from creation to destruction:
// a shared ring. At most kMaxPages.
class SharedPages {
 public:
  static constexpr u32 kMaxPages = 16;

  SharedPages() = default;
  SharedPages(SharedPages&& other) noexcept { *this = move(other); }
  SharedPages& operator=(SharedPages&& other) noexcept;
  SharedPages(const SharedPages&) = delete;
  SharedPages& operator=(const SharedPages&) = delete;
  ~SharedPages() { reset(); }

  // kNoMemory or kNoGrant; kBadValue for a count of 0 or above kMaxPages. May sleep.
  static Result<SharedPages> create(u32 count, DomId backend);

  void* data() const { return pages_; }
  u32 count() const { return count_; }
  u32 bytes() const { return count_ * kPageSize; }
  GrantRef ref(u32 index) const { return first_ + index; }

  void reset();

 private:
  u8* pages_ = nullptr;
  GrantRef first_ = kNoGrantRef;
  u32 count_ = 0;
};

}  // namespace pvk
