// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A view of consecutive objects: a pointer and a count that travel together.
#pragma once

#include "pvkit/types.h"

namespace pvk {

template <class T>
class Span {
 public:
  constexpr Span() = default;
  constexpr Span(T* data, size_t size) : data_(data), size_(size) {}
  template <size_t N>
  constexpr Span(T (&array)[N]) : data_(array), size_(N) {}  // NOLINT: implicit by design

  constexpr T* data() const { return data_; }
  constexpr size_t size() const { return size_; }
  constexpr bool empty() const { return size_ == 0; }
  constexpr T* begin() const { return data_; }
  constexpr T* end() const { return data_ + size_; }

  // Unchecked, like an array: callers iterate or have validated the index.
  constexpr T& operator[](size_t index) const { return data_[index]; }

  // The first `count` objects, or all when there are fewer.
  constexpr Span first(size_t count) const { return {data_, min(count, size_)}; }

 private:
  T* data_ = nullptr;
  size_t size_ = 0;
};

}  // namespace pvk
