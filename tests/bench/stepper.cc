// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "bench/stepper.h"

#include <signal.h>
#include <ucontext.h>

#include <cstring>

// The bounds of the section into which bench.mk puts the core's code.
extern "C" const pvk::u8 kCoreFirst[] asm("__start_pvk_core");
extern "C" const pvk::u8 kCoreEnd[] asm("__stop_pvk_core");

namespace pvk::bench {
namespace {

constexpr u64 kTrapFlag = 0x100;  // a debug trap after each instruction
Steps* current = nullptr;
std::vector<u64> hits;
const u8* previous = nullptr;

// What an operand size, a repetition or a segment puts before an opcode.
bool is_prefix(u8 byte) {
  return byte == 0x66 || byte == 0x67 || byte == 0xF2 || byte == 0xF3 || byte == 0x2E ||
         byte == 0x3E || byte == 0x64 || byte == 0x65;
}

bool is_fence(const u8* code) {
  constexpr u8 kMfence[] = {0x0F, 0xAE, 0xF0};
  constexpr u8 kLockOrOnStack[] = {0xF0, 0x48, 0x83, 0x0C, 0x24, 0x00};  // lock orq $0,(%rsp)
  return std::memcmp(code, kMfence, sizeof(kMfence)) == 0 ||
         std::memcmp(code, kLockOrOnStack, sizeof(kLockOrOnStack)) == 0;
}

// A LOCK prefix, or an exchange with memory, which locks without one.
bool is_locked(const u8* code) {
  while (is_prefix(*code)) ++code;
  if (*code == 0xF0) return true;
  if ((*code & 0xF0) == 0x40) ++code;  // REX
  return (*code == 0x86 || *code == 0x87) && (code[1] & 0xC0) != 0xC0;
}

bool is_repeated(const u8* code) { return *code == 0xF2 || *code == 0xF3; }

// Before each instruction; the kernel clears the trap flag for the handler itself.
void step(int /*signal*/, siginfo_t* /*info*/, void* context) {
  const auto& registers = static_cast<ucontext_t*>(context)->uc_mcontext.gregs;
  const auto* const code = reinterpret_cast<const u8*>(registers[REG_RIP]);
  const bool again = code == previous && is_repeated(code);  // each round of a rep traps
  previous = code;
  if (code < kCoreFirst || code >= kCoreEnd || again) return;
  ++current->instructions;
  ++hits[static_cast<size_t>(code - kCoreFirst)];
  if (is_fence(code)) {
    ++current->fences;
  } else if (is_locked(code)) {
    ++current->locked;
  }
}

}  // namespace

Steps& Steps::operator+=(const Steps& other) {
  instructions += other.instructions;
  fences += other.fences;
  locked += other.locked;
  return *this;
}

namespace {

// Out of line, and clear of the red zone, so that the flag changes nothing around it.
[[gnu::noinline]] u64 flags() {
  u64 value = 0;
  asm volatile("lea -128(%%rsp), %%rsp; pushfq; popq %0; lea 128(%%rsp), %%rsp"
               : "=r"(value)::"memory");
  return value;
}

[[gnu::noinline]] void set_flags(u64 value) {
  asm volatile("lea -128(%%rsp), %%rsp; pushq %0; popfq; lea 128(%%rsp), %%rsp" ::"r"(value)
               : "memory", "cc");
}

}  // namespace

void begin_steps(Steps& into) {
  hits.resize(static_cast<size_t>(kCoreEnd - kCoreFirst));
  current = &into;
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = step;
  sigaction(SIGTRAP, &action, nullptr);
  set_flags(flags() | kTrapFlag);
}

void end_steps() { set_flags(flags() & ~kTrapFlag); }

Unstepped::Unstepped() : was_stepped_((flags() & kTrapFlag) != 0) { end_steps(); }

Unstepped::~Unstepped() {
  if (was_stepped_) set_flags(flags() | kTrapFlag);
}

std::vector<u64> take_hits() {
  std::vector<u64> taken(static_cast<size_t>(kCoreEnd - kCoreFirst));
  taken.swap(hits);
  return taken;
}

uintptr_t core_start() { return reinterpret_cast<uintptr_t>(kCoreFirst); }

}  // namespace pvk::bench
