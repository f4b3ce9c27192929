// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/upcall_steps.h"

namespace pvk::fakes {
namespace {

constexpr size_t kStackBytes = 256 * 1024;
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
  swapcontext(&cpu.context, &current->scheduler_);
}

void Interleaver::begin() {
  reset();
  finishing_ = false;
  depth_ = 0;
  order_.clear();
  for (const auto& cpu : cpus_) {
    getcontext(&cpu->context);
    cpu->context.uc_stack.ss_sp = cpu->stack.get();
    cpu->context.uc_stack.ss_size = kStackBytes;
    cpu->context.uc_link = nullptr;
    cpu->ready = nullptr;
    cpu->done = false;
    cpu->history = 0;
    makecontext(&cpu->context, enter, 0);
  }
  for (const auto& cpu : cpus_) resume(*cpu);  // to before their first access
}

void Interleaver::resume(Cpu& cpu) {
  running_ = &cpu;
  swapcontext(&scheduler_, &cpu.context);
  running_ = nullptr;
}

void Interleaver::step() {
  if (current->finishing_) return;
  Cpu& cpu = *current->running_;
  swapcontext(&cpu.context, &current->scheduler_);
  cpu.history = mix(cpu.history, current->seen());
}

void Interleaver::note(u64 value) {
  Cpu& cpu = *current->running_;
  cpu.history = mix(cpu.history, value);
}

bool Interleaver::wait_until(const std::function<bool()>& ready) {
  Cpu& cpu = *current->running_;
  if (!current->finishing_ && !ready()) {
    cpu.ready = &ready;
    swapcontext(&cpu.context, &current->scheduler_);
    cpu.ready = nullptr;
  }
  cpu.history = mix(cpu.history, current->seen());
  return ready();
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
  for (const auto& cpu : cpus_) hash = mix(mix(hash, cpu->history), cpu->done ? 1 : 0);
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
