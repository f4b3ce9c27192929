// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/access_trace.h"

#include <signal.h>
#include <sys/mman.h>
#include <ucontext.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace pvk::fakes {
namespace {

constexpr long long kTrapFlag = 0x100;  // EFLAGS.TF: a debug trap after the next instruction
constexpr long long kWriteFault = 0x2;  // bit 1 of a page fault's error code
AccessTrace* current = nullptr;
struct sigaction old_fault;
struct sigaction old_step;

}  // namespace

// The handlers allocate. That is safe here: the signals are synchronous and come only from an
// instruction of the code under test that touches a traced page, never from inside an allocator.
struct TraceSignals {
  static void fault(int signal, siginfo_t* info, void* context) {
    auto* const machine = static_cast<ucontext_t*>(context);
    AccessTrace* const trace = current;
    u8* const address = static_cast<u8*>(info->si_addr);
    if (trace == nullptr || address < trace->pages_ || address >= trace->pages_ + trace->bytes_) {
      sigaction(signal, &old_fault, nullptr);  // not ours: let it happen again
      return;
    }
    mprotect(trace->pages_, trace->bytes_, PROT_READ | PROT_WRITE);
    Access foreign;
    foreign.write = foreign.foreign = true;
    trace->note_change(foreign, 0, trace->bytes_);
    if (!foreign.after.empty()) trace->accesses_.push_back(foreign);
    Access access;
    access.offset = static_cast<size_t>(address - trace->pages_);
    access.write = (machine->uc_mcontext.gregs[REG_ERR] & kWriteFault) != 0;
    trace->accesses_.push_back(access);
    machine->uc_mcontext.gregs[REG_EFL] |= kTrapFlag;
  }

  static void step(int /*signal*/, siginfo_t* /*info*/, void* context) {
    auto* const machine = static_cast<ucontext_t*>(context);
    machine->uc_mcontext.gregs[REG_EFL] &= ~kTrapFlag;
    AccessTrace* const trace = current;
    Access& access = trace->accesses_.back();
    // No store of one instruction is longer than 64 bytes.
    if (access.write) trace->note_change(access, access.offset, access.offset + 64);
    if (trace->hook_) trace->hook_(access);
    mprotect(trace->pages_, trace->bytes_, PROT_NONE);
  }
};

void AccessTrace::note_change(Access& access, size_t first, size_t end) {
  end = std::min(end, bytes_);
  while (first < end && pages_[first] == last_[first]) ++first;
  while (end > first && pages_[end - 1] == last_[end - 1]) --end;
  if (first == end) return;
  access.changed_at = first;
  access.before.assign(&last_[first], &last_[first] + (end - first));
  access.after.assign(pages_ + first, pages_ + end);
  std::copy(pages_ + first, pages_ + end, &last_[first]);
}

bool AccessTrace::available() {
#if defined(__SANITIZE_THREAD__) || !defined(__x86_64__)
  return false;
#else
  return true;
#endif
}

AccessTrace::AccessTrace(void* pages, size_t count)
    : pages_(static_cast<u8*>(pages)), bytes_(count * kPageSize) {
  if (current != nullptr) {
    std::fputs("one trace at a time\n", stderr);
    std::abort();
  }
  start_.assign(pages_, pages_ + bytes_);
  last_ = start_;
  accesses_.reserve(4096);
  current = this;
  struct sigaction action {};
  action.sa_flags = SA_SIGINFO;
  action.sa_sigaction = TraceSignals::fault;
  sigaction(SIGSEGV, &action, &old_fault);
  action.sa_sigaction = TraceSignals::step;
  sigaction(SIGTRAP, &action, &old_step);
  running_ = true;
  mprotect(pages_, bytes_, PROT_NONE);
}

void AccessTrace::stop() {
  if (!running_) return;
  running_ = false;
  mprotect(pages_, bytes_, PROT_READ | PROT_WRITE);
  sigaction(SIGSEGV, &old_fault, nullptr);
  sigaction(SIGTRAP, &old_step, nullptr);
  current = nullptr;
}

size_t AccessTrace::loads(size_t offset, size_t bytes) const {
  return static_cast<size_t>(
      std::count_if(accesses_.begin(), accesses_.end(), [&](const Access& access) {
        return !access.write && access.offset >= offset && access.offset < offset + bytes;
      }));
}

void AccessTrace::replay(const std::function<void(const std::vector<u8>& pages)>& check) const {
  std::vector<u8> pages = start_;
  check(pages);
  for (const Access& access : accesses_) {
    if (!access.write) continue;
    std::copy(access.after.begin(), access.after.end(),
              pages.begin() + static_cast<std::ptrdiff_t>(access.changed_at));
    check(pages);
  }
}

}  // namespace pvk::fakes
