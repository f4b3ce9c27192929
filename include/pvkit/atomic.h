// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Atomic access and the named orderings of the runtime. docs/memory-ordering.md has the contract.
//
// The other side of shared memory is another domain, that is another CPU even when this guest has
// only one. Nothing here is compiled away on a uniprocessor.
#pragma once

#include "pvkit/types.h"

namespace pvk {

// A variable of our own that two threads of this guest use.
template <class T>
class Atomic {
 public:
  constexpr Atomic() = default;
  constexpr explicit Atomic(T value) : value_(value) {}
  Atomic(const Atomic&) = delete;
  Atomic& operator=(const Atomic&) = delete;
  ~Atomic() = default;

  T relaxed() const { return __atomic_load_n(&value_, __ATOMIC_RELAXED); }
  T acquire() const { return __atomic_load_n(&value_, __ATOMIC_ACQUIRE); }
  void set_relaxed(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELAXED); }
  void set_release(T value) { __atomic_store_n(&value_, value, __ATOMIC_RELEASE); }

  // For counters with one writer: readers elsewhere may see a value that is a little old.
  void add_by_owner(T amount) { set_relaxed(static_cast<T>(relaxed() + amount)); }

 private:
  T value_{};
};

// The three operations on memory that is shared with another domain.

// publish: everything written before is visible to who observes `value`.
template <class T>
void publish(T& shared, T value) {
  __atomic_store_n(&shared, value, __ATOMIC_RELEASE);
}

// observe: nothing after it is read before it.
template <class T>
T observe(const T& shared) {
  return __atomic_load_n(&shared, __ATOMIC_ACQUIRE);
}

// announce_then_look: our store before it is visible to the other side before we look at what the
// other side stored. Each side stores its index and then looks at the other's, so one of the two
// sees the other's store, and no wake-up is lost. Needs a full fence: x86 lets a later load
// overtake an earlier store.
inline void announce_then_look() { __atomic_thread_fence(__ATOMIC_SEQ_CST); }

// peek: one load of shared memory that orders nothing, for a value that is only compared.
template <class T>
T peek(const T& shared) {
  return __atomic_load_n(&shared, __ATOMIC_RELAXED);
}

}  // namespace pvk
