// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Several CPUs that take turns: each stops before every access to shared words, and all orders of
// their accesses are tried, depth first. An order that leads to a state which was there before (the
// same shared memory, and every CPU having seen the same values) is not followed any further.
//
// x86-64, one thread; the orders are the sequentially consistent ones.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <unordered_set>
#include <vector>

#include "hypercalls/shared_words.h"

namespace pvk::fakes {

class Interleaver {
 public:
  // One CPU's program. It owns nothing that needs to be given back.
  using Body = std::function<void()>;

  std::function<void()> reset;  // before each order
  // What the CPUs share and what the checks remember, as a number: states with the same number are
  // the same.
  std::function<u64()> state;
  // After an order has come to its end; what is wrong, or nothing.
  std::function<std::string()> check;
  void add(Body body);

  struct Result {
    u64 orders = 0;  // that came to their end
    u64 states = 0;
    std::string wrong;  // the first that was, with the order that led to it
  };
  Result explore();

  // ---- from inside of a program --------------------------------------------------------------

  // Before an access, and what it returned; also what the program found out in any other way.
  static void step();
  static void note(u64 value);
  // Of all that was noted so far only this still matters to the program.
  static void forget_all_but(u64 value);
  // Lets the others go on until `ready`; false when none of them will ever make it so.
  static bool wait_until(const std::function<bool()>& ready);
  // Until somebody else has made a step, since now or since then; false as above.
  static bool pause() { return pause_since(others_steps()); }
  static bool pause_since(u64 steps);
  static u64 others_steps();

 private:
  struct Cpu {
    Body body;
    std::unique_ptr<u8[]> stack;
    void* stack_top = nullptr;  // while it does not run
    const std::function<bool()>* ready = nullptr;
    bool done = false;
    u64 steps = 0;
    u64 history = 0;
  };
  struct Choice {
    size_t taken;
    size_t of;
  };

  static void enter();
  void leave(Cpu& cpu);
  void begin();
  bool run();  // one order; false when it was cut short
  void resume(Cpu& cpu);
  void block(const std::function<bool()>& ready);
  void finish();  // everybody to the end, in no special order
  std::vector<size_t> runnable() const;
  bool choose(size_t of, size_t& taken);
  bool next();
  u64 state_now() const;

  std::vector<std::unique_ptr<Cpu>> cpus_;
  Cpu* running_ = nullptr;
  void* scheduler_ = nullptr;
  bool finishing_ = false;
  std::vector<Choice> choices_;
  size_t depth_ = 0;
  u64 steps_ = 0;
  std::string order_;
  std::unordered_set<u64> visited_;
};

// Not 0 of 0 and 0: a program that has seen zeros alone is further than one that has not begun.
constexpr u64 mix(u64 hash, u64 value) {
  hash = ((hash ^ value) + 0x632BE59BD9B4E019) * 0x9E3779B97F4A7C15;
  return hash ^ hash >> 29;
}

// Whose turn it is between two accesses: nobody else's, or everybody's.
struct NoTurns {
  static void step() {}
  static void note(u64 /*value*/) {}
};
struct Turns {
  static void step() { Interleaver::step(); }
  static void note(u64 value) { Interleaver::note(value); }
};

// SharedWords with turns between.
struct SteppedWords {
  template <class T>
  static T read(const T& word) {
    return noted([&] { return SharedWords::read(word); });
  }
  template <class T>
  static void write(T& word, T value) {
    Interleaver::step();
    SharedWords::write(word, value);
  }
  template <class T>
  static T take_all(T& word) {
    return noted([&] { return SharedWords::take_all(word); });
  }
  template <class T>
  static bool take_bit(T& word, u32 bit) {
    return noted([&] { return SharedWords::take_bit(word, bit); });
  }
  template <class T>
  static void set_bit(T& word, u32 bit) {
    Interleaver::step();
    SharedWords::set_bit(word, bit);
  }
  template <class T>
  static void clear_bit(T& word, u32 bit) {
    Interleaver::step();
    SharedWords::clear_bit(word, bit);
  }
  template <class T>
  static bool replace(T& word, T& expected, T value) {
    const bool done = noted([&] { return SharedWords::replace(word, expected, value); });
    Interleaver::note(expected);
    return done;
  }

 private:
  template <class Access>
  static auto noted(const Access& access) {
    Interleaver::step();
    const auto result = access();
    Interleaver::note(result);
    return result;
  }
};

}  // namespace pvk::fakes
