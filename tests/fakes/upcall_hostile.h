// SPDX-License-Identifier: MIT OR GPL-2.0-only
// SharedWords with somebody who writes whatever he likes into each word, before every access to it.
#pragma once

#include <random>

#include "hypercalls/shared_words.h"

namespace pvk::fakes {

struct HostileWords {
  static inline std::mt19937_64 random;
  static inline u64 accesses = 0;
  static void begin(u64 seed) {
    random.seed(seed);
    accesses = 0;
  }

  template <class T>
  static T read(const T& word) {
    scribble(const_cast<T&>(word));
    return SharedWords::read(word);
  }
  template <class T>
  static void write(T& word, T value) {
    ++accesses;
    SharedWords::write(word, value);
  }
  template <class T>
  static T take_all(T& word) {
    scribble(word);
    return SharedWords::take_all(word);
  }
  template <class T>
  static bool take_bit(T& word, u32 bit) {
    scribble(word);
    return SharedWords::take_bit(word, bit);
  }
  template <class T>
  static void set_bit(T& word, u32 bit) {
    scribble(word);
    SharedWords::set_bit(word, bit);
  }
  template <class T>
  static void clear_bit(T& word, u32 bit) {
    scribble(word);
    SharedWords::clear_bit(word, bit);
  }
  template <class T>
  static bool replace(T& word, T& expected, T value) {
    if (random() % 4 == 0) scribble(word);
    ++accesses;
    return SharedWords::replace(word, expected, value);
  }

 private:
  // Anything; sometimes all ones, the most work and the highest numbers; often, for 32 bits, what
  // looks like a small port with or without the flags of an event word.
  template <class T>
  static void scribble(T& word) {
    ++accesses;
    const u64 kind = random() % 8;
    u64 value = kind == 0 ? ~u64{0} : random();
    if (sizeof(T) == 4 && kind >= 4) value &= kind == 4 ? 0x7FF : 0xF00007FF;
    word = static_cast<T>(value);
  }
};

}  // namespace pvk::fakes
