// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Which grant references are free: a bit for each, in memory of the caller's.
#pragma once

#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

class GrantReferences {
 public:
  static constexpr u32 kBitsPerWord = 64;

  constexpr GrantReferences() = default;
  // Zeroed words for as many references as there can ever be.
  void open(Span<u64> words) {
    words_ = words;
    size_ = usable_ = free_ = 0;
    first_word_ = 0;
  }

  // How many there are, how many of these are of use, and how many of those are free.
  u32 size() const { return size_; }
  u32 usable() const { return usable_; }
  u32 free() const { return free_; }

  // One more reference, at the end. None is beyond a limit.
  void append(bool is_free);

  // Those from `end` on are not handed out any more, or are again. Their holders keep them and give
  // them back as always.
  void limit(u32 end);
  u32 held_beyond() const;

  // `count` consecutive references, the lowest there are. kNoGrant when there are none, kBadValue
  // for a count of 0.
  Result<GrantRef> take(u32 count);
  // kBadValue, and nothing done, when one of them is free already: a mistake of the caller's.
  Status give_back(GrantRef first, u32 count);

  // Whether `count` consecutive ones could be had if `more` were appended.
  bool would_fit(u32 count, u32 more) const { return count <= free_at_end() + u64{more}; }

 private:
  bool is_free(u32 ref) const {
    return (words_[ref / kBitsPerWord] >> ref % kBitsPerWord & 1) != 0;
  }
  u32 free_at_end() const;
  u32 find_run(u32 count) const;

  Span<u64> words_;
  u32 size_ = 0;
  u32 usable_ = 0;
  u32 free_ = 0;
  u32 first_word_ = 0;  // no word before it has a free bit
};

}  // namespace pvk
