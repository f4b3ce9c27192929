// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The few vocabulary types of a freestanding core: integers, move, placement.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pvkit/platform.h"

namespace pvk {

using u8 = uint8_t;
using u16 = uint16_t;
using u32 = uint32_t;
using u64 = uint64_t;
using i16 = int16_t;

// A domain's number, a grant reference, an event channel port: plain integers of the ABI's width.
using DomId = u16;
using GrantRef = u32;
using Port = u32;

constexpr u32 kPageSize = PVK_PAGE_SIZE;

template <class T>
struct RemoveReference {
  using Type = T;
};
template <class T>
struct RemoveReference<T&> {
  using Type = T;
};
template <class T>
struct RemoveReference<T&&> {
  using Type = T;
};

template <class T>
constexpr typename RemoveReference<T>::Type&& move(T&& value) noexcept {
  return static_cast<typename RemoveReference<T>::Type&&>(value);
}

template <class A, class B>
constexpr bool kSame = false;
template <class A>
constexpr bool kSame<A, A> = true;
template <class A, class B>
concept SameAs = kSame<A, B>;

template <class T>
constexpr T min(T a, T b) {
  return b < a ? b : a;
}
template <class T>
constexpr T max(T a, T b) {
  return a < b ? b : a;
}

// The largest power of two that is not above `value`; 0 for 0.
constexpr u32 floor_power_of_two(u32 value) {
  u32 power = value != 0 ? 1 : 0;
  while (power != 0 && power <= value / 2) power *= 2;
  return power;
}

constexpr u32 floor_log2(u32 value) {
  u32 log = 0;
  while ((value >>= 1) != 0) ++log;
  return log;
}

// Says where an object is to be built, without <new> and its library.
struct Place {
  void* at;
};

}  // namespace pvk

inline void* operator new(size_t /*size*/, pvk::Place place) noexcept { return place.at; }
inline void operator delete(void* /*object*/, pvk::Place /*place*/) noexcept {}
