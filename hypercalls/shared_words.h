// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Single accesses to words that the hypervisor changes at the same time. One function is one access
// of the CPU: a plain load or store, or one locked instruction. The event classes take this as a
// template parameter, so that a test can stop after each access and let somebody else go on.
#pragma once

#include "pvkit/atomic.h"

namespace pvk {

// Every locked access is a full fence on x86 and sequentially consistent anywhere: what stands
// before it is visible before what stands after it is read. Callers say what they need of that.
struct SharedWords {
  template <class T>
  static T read(const T& word) {
    return observe(word);  // what is read next depends on it: nothing is read before
  }
  template <class T>
  static void write(T& word, T value) {
    __atomic_store_n(&word, value, __ATOMIC_RELAXED);
  }
  // What stood there; zero from now on.
  template <class T>
  static T take_all(T& word) {
    return __atomic_exchange_n(&word, T{0}, __ATOMIC_SEQ_CST);
  }
  // Clears a bit; whether it was set, and so this caller's.
  template <class T>
  static bool take_bit(T& word, u32 bit) {
    const T mask = T{1} << bit;
    return (__atomic_fetch_and(&word, static_cast<T>(~mask), __ATOMIC_SEQ_CST) & mask) != 0;
  }
  template <class T>
  static void set_bit(T& word, u32 bit) {
    __atomic_fetch_or(&word, T{1} << bit, __ATOMIC_SEQ_CST);
  }
  template <class T>
  static void clear_bit(T& word, u32 bit) {
    __atomic_fetch_and(&word, static_cast<T>(~(T{1} << bit)), __ATOMIC_SEQ_CST);
  }
  // Replaces `expected`; otherwise `expected` becomes what stands there.
  template <class T>
  static bool replace(T& word, T& expected, T value) {
    return __atomic_compare_exchange_n(&word, &expected, value, false, __ATOMIC_SEQ_CST,
                                       __ATOMIC_SEQ_CST);
  }
};

}  // namespace pvk
