// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Text for xenstore keys and values: a bounded builder, and strict numbers.
#pragma once

#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

constexpr size_t text_length(const char* text) {
  size_t length = 0;
  while (text[length] != '\0') ++length;
  return length;
}

constexpr bool text_equal(Span<const char> a, const char* b) {
  if (a.size() != text_length(b)) return false;
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i]) return false;
  }
  return true;
}

// A NUL-terminated text of at most N-1 characters; what does not fit is dropped and remembered.
template <size_t N>
class Text {
 public:
  constexpr Text() = default;
  constexpr explicit Text(const char* text) { add(text); }

  constexpr Text& add(const char* text) {
    while (*text != '\0') put(*text++);
    return *this;
  }

  constexpr Text& add(u64 number) {
    char digits[20] = {};
    size_t count = 0;
    do {
      digits[count++] = static_cast<char>('0' + number % 10);
      number /= 10;
    } while (number != 0);
    while (count != 0) put(digits[--count]);
    return *this;
  }

  constexpr const char* c_str() const { return characters_; }
  constexpr size_t size() const { return size_; }
  constexpr bool truncated() const { return truncated_; }

 private:
  constexpr void put(char character) {
    if (size_ + 1 < N) {
      characters_[size_++] = character;
    } else {
      truncated_ = true;
    }
  }

  char characters_[N] = {};
  size_t size_ = 0;
  bool truncated_ = false;
};

// A decimal number in `text`, all of it: no sign, no space, no empty text, nothing above `limit`.
constexpr Result<u64> parse_number(Span<const char> text, u64 limit) {
  if (text.empty()) return Error::kBadValue;
  u64 value = 0;
  for (const char character : text) {
    if (character < '0' || character > '9') return Error::kBadValue;
    const u64 digit = static_cast<u64>(character - '0');
    if (value > (~u64{0} - digit) / 10) return Error::kBadValue;
    value = value * 10 + digit;
  }
  if (value > limit) return Error::kBadValue;
  return value;
}

}  // namespace pvk
