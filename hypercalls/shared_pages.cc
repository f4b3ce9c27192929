// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvkit/grant.h"

namespace pvk {

SharedPages& SharedPages::operator=(SharedPages&& other) noexcept {
  if (this == &other) return *this;
  reset();
  pages_ = other.pages_;
  first_ = other.first_;
  count_ = other.count_;
  other.pages_ = nullptr;
  other.count_ = 0;
  return *this;
}

Result<SharedPages> SharedPages::create(u32 count, DomId backend) {
  if (count == 0 || count > kMaxPages) return Error::kBadValue;
  SharedPages shared;
  shared.count_ = count;
  if (pvk_grant_reserve(count, &shared.first_) != 0) {
    shared.count_ = 0;
    return Error::kNoGrant;
  }
  shared.pages_ = static_cast<u8*>(pvk_pages_alloc(count, 1));
  if (shared.pages_ == nullptr) {
    pvk_grant_release(shared.first_, count);
    shared.count_ = 0;
    return Error::kNoMemory;
  }
  for (u32 i = 0; i < count; ++i) {
    grant(shared.ref(i), backend, shared.pages_ + i * size_t{kPageSize}, Access::kReadWrite);
  }
  return shared;
}

void SharedPages::reset() {
  for (u32 i = 0; i < count_; ++i) end_and_free(ref(i), pages_ + i * size_t{kPageSize});
  pages_ = nullptr;
  count_ = 0;
}

}  // namespace pvk
