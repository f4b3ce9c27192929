// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Counts the instructions of the core, one by one: with the trap flag set the CPU stops after each,
// and the handler looks where it stands. Exact, the same each time, and works in any virtual
// machine, unlike hardware counters. x86-64 Linux, one thread.
#pragma once

#include <vector>

#include "pvkit/types.h"

namespace pvk::bench {

struct Steps {
  u64 instructions = 0;  // executed inside the core; a repeated string instruction is one
  u64 fences = 0;        // full fences among them: mfence, or a locked operation on the stack's top
  u64 locked = 0;        // other locked instructions: what a lock or a shared counter would need

  Steps& operator+=(const Steps& other);
};

// Between begin and end everything is stepped; what lies outside the core is not counted.
void begin_steps(Steps& into);
void end_steps();

// Full speed for what lies outside the core anyway and is long: a rep movs traps at each byte.
class Unstepped {
 public:
  Unstepped();
  ~Unstepped();
  Unstepped(const Unstepped&) = delete;
  Unstepped& operator=(const Unstepped&) = delete;

 private:
  bool was_stepped_;
};

template <class Call>
auto stepped(Steps& into, const Call& call) {
  begin_steps(into);
  auto result = call();
  end_steps();
  return result;
}

// How often each byte address of the core began an instruction, from its first byte on; emptied by
// each call. The first byte's address is core_start().
std::vector<u64> take_hits();
uintptr_t core_start();

}  // namespace pvk::bench
