// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/upcall_steps.h"

// Leaves this stack, remembers where, and goes on where another one was left. (swapcontext does the
// same with two system calls.)
asm(R"(
  .pushsection .text
  .type pvk_switch_stack, @function
  pvk_switch_stack:
  push %rbx
  push %rbp
  push %r12
  push %r13
  push %r14
  push %r15
  mov %rsp, (%rdi)
  mov %rsi, %rsp
  pop %r15
  pop %r14
  pop %r13
  pop %r12
  pop %rbp
  pop %rbx
  ret
  .size pvk_switch_stack, . - pvk_switch_stack
  .popsection
)");
extern "C" void pvk_switch_stack(void** left, void* entered);

namespace pvk::fakes {
namespace {

constexpr size_t kStackBytes = size_t{256} * 1024;
Interleaver* current = nullptr;

}  // namespace

void Interleaver::add(Body body) {
  auto cpu = std::make_unique<Cpu>();
  cpu->body = std::move(body);
  cpu->stack = std::make_unique<u8[]>(kStackBytes);
  cpus_.push_back(std::move(cpu));
}

void Interleaver::enter() {
  Cpu& cpu = *current->running_;
  cpu.body();
  cpu.done = true;
  current->leave(cpu);
}

void Interleaver::leave(Cpu& cpu) { pvk_switch_stack(&cpu.stack_top, scheduler_); }

void Interleaver::begin() {
  reset();
  finishing_ = false;
  depth_ = 0;
  steps_ = 0;
  order_.clear();
  for (const auto& cpu : cpus_) {
    // As if enter() had been called with a stack aligned to 16 and had been left at once.
    auto* top = reinterpret_cast<void**>(cpu->stack.get() + kStackBytes - 64);
    *--top = nullptr;  // enter() returns nowhere
    *--top = reinterpret_cast<void*>(&Interleaver::enter);
    for (int i = 0; i < 6; ++i) *--top = nullptr;  // what pvk_switch_stack takes back
    cpu->stack_top = top;
    cpu->ready = nullptr;
    cpu->done = false;
    cpu->history = 0;
    cpu->steps = 0;
  }
  for (const auto& cpu : cpus_) resume(*cpu);  // to before their first access
}

void Interleaver::resume(Cpu& cpu) {
  running_ = &cpu;
  ++steps_;
  ++cpu.steps;
  pvk_switch_stack(&scheduler_, cpu.stack_top);
  running_ = nullptr;
}

void Interleaver::step() {
  if (current->finishing_) return;
  Cpu& cpu = *current->running_;
  current->leave(cpu);
  cpu.history = mix(cpu.history, 0);
}

void Interleaver::note(u64 value) {
  Cpu& cpu = *current->running_;
  cpu.history = mix(cpu.history, value);
}

void Interleaver::forget_all_but(u64 value) { current->running_->history = mix(0, value); }

void Interleaver::block(const std::function<bool()>& ready) {
  Cpu& cpu = *running_;
  if (finishing_ || ready()) return;
  cpu.ready = &ready;
  leave(cpu);
  cpu.ready = nullptr;
}

bool Interleaver::wait_until(const std::function<bool()>& ready) {
  current->block(ready);
  const bool came = ready();
  note(came ? 1 : 0);
  return came;
}

u64 Interleaver::others_steps() { return current->steps_ - current->running_->steps; }

// Leaves no trace in the history: who polls is where it was.
bool Interleaver::pause_since(u64 steps) {
  const u64 own = current->running_->steps;
  const std::function<bool()> ready = [=] { return current->steps_ - own != steps; };
  current->block(ready);
  return others_steps() != steps;
}

std::vector<size_t> Interleaver::runnable() const {
  std::vector<size_t> found;
  for (size_t i = 0; i < cpus_.size(); ++i) {
    const Cpu& cpu = *cpus_[i];
    if (!cpu.done && (cpu.ready == nullptr || (*cpu.ready)())) found.push_back(i);
  }
  return found;
}

u64 Interleaver::state_now() const {
  u64 hash = state();
  for (const auto& cpu : cpus_) hash = mix(mix(hash, cpu->history), cpu->ready != nullptr ? 1 : 0);
  for (const size_t able : runnable()) hash = mix(hash, able);
  return hash;
}

// Follows what was chosen before, then takes the first choice each time.
bool Interleaver::choose(size_t of, size_t& taken) {
  if (depth_ == choices_.size()) {
    if (!visited_.insert(state_now()).second) return false;
    choices_.push_back({0, of});
  }
  taken = choices_[depth_++].taken;
  return true;
}

bool Interleaver::next() {
  while (!choices_.empty() && choices_.back().taken + 1 == choices_.back().of) choices_.pop_back();
  if (choices_.empty()) return false;
  ++choices_.back().taken;
  return true;
}

bool Interleaver::run() {
  for (;;) {
    const std::vector<size_t> able = runnable();
    if (able.empty()) return true;
    size_t taken = 0;
    if (!choose(able.size(), taken)) return false;
    order_ += static_cast<char>('0' + able[taken]);
    resume(*cpus_[able[taken]]);
  }
}

// A program that waits is told that nothing will come. Nobody stops any more.
void Interleaver::finish() {
  finishing_ = true;
  for (const auto& cpu : cpus_) {
    while (!cpu->done) resume(*cpu);
  }
}

Interleaver::Result Interleaver::explore() {
  Result result;
  current = this;
  do {
    begin();
    if (run()) {
      ++result.orders;
      result.wrong = check();
      if (!result.wrong.empty()) result.wrong += " in order " + order_;
    }
    finish();
  } while (result.wrong.empty() && next());
  result.states = visited_.size();
  current = nullptr;
  return result;
}

}  // namespace pvk::fakes
