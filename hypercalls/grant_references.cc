// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/grant_references.h"

namespace pvk {

void GrantReferences::append(bool is_free) {
  const u32 ref = size_++;
  usable_ = size_;
  if (!is_free) return;
  words_[ref / kBitsPerWord] |= u64{1} << ref % kBitsPerWord;
  ++free_;
}

void GrantReferences::limit(u32 end) {
  usable_ = min(end, size_);
  free_ = first_word_ = 0;
  for (u32 ref = 0; ref < usable_; ++ref) free_ += is_free(ref) ? 1 : 0;
}

u32 GrantReferences::held_beyond() const {
  u32 held = 0;
  for (u32 ref = usable_; ref < size_; ++ref) held += is_free(ref) ? 0 : 1;
  return held;
}

// The end of the first run of `count` free ones, or 0. Full words are skipped whole.
u32 GrantReferences::find_run(u32 count) const {
  u32 run = 0;
  u32 ref = first_word_ * kBitsPerWord;
  while (ref < usable_) {
    if (ref % kBitsPerWord == 0 && words_[ref / kBitsPerWord] == 0) {
      run = 0;
      ref += kBitsPerWord;
      continue;
    }
    run = is_free(ref) ? run + 1 : 0;
    ++ref;
    if (run == count) return ref;
  }
  return 0;
}

Result<GrantRef> GrantReferences::take(u32 count) {
  if (count == 0) return Error::kBadValue;
  if (count > free_) return Error::kNoGrant;
  const u32 end = find_run(count);
  if (end == 0) return Error::kNoGrant;
  for (u32 ref = end - count; ref < end; ++ref) {
    words_[ref / kBitsPerWord] &= ~(u64{1} << ref % kBitsPerWord);
  }
  free_ -= count;
  while (first_word_ < usable_ / kBitsPerWord && words_[first_word_] == 0) ++first_word_;
  return end - count;
}

Status GrantReferences::give_back(GrantRef first, u32 count) {
  if (count > size_ || first > size_ - count) return Error::kBadValue;
  for (u32 ref = first; ref < first + count; ++ref) {
    if (is_free(ref)) return Error::kBadValue;
  }
  for (u32 ref = first; ref < first + count; ++ref) {
    words_[ref / kBitsPerWord] |= u64{1} << ref % kBitsPerWord;
  }
  // Of those beyond the limit, the bit alone is kept.
  if (first < usable_) free_ += min(count, usable_ - first);
  first_word_ = min(first_word_, first / kBitsPerWord);
  return {};
}

u32 GrantReferences::free_at_end() const {
  u32 run = 0;
  while (run < usable_ && is_free(usable_ - run - 1)) ++run;
  return run;
}

}  // namespace pvk
