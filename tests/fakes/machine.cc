// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/machine.h"

#include <charconv>
#include <cstdio>
#include <cstdlib>

namespace pvk::fakes {
namespace {

Machine* the_machine = nullptr;

}  // namespace

int state_number(const std::string& text) {
  int state = 0;
  std::from_chars(text.data(), text.data() + text.size(), state);
  return state;
}

Machine::Machine() {
  if (the_machine != nullptr) {
    std::fputs("only one machine at a time\n", stderr);
    std::abort();
  }
  the_machine = this;
}

Machine::~Machine() {
  for (const auto& block : blocks_) std::free(block.first);
  the_machine = nullptr;
}

Machine& Machine::current() {
  if (the_machine == nullptr) {
    std::fputs("the runtime called its platform without a machine\n", stderr);
    std::abort();
  }
  return *the_machine;
}

void* Machine::allocate(size_t bytes) {
  void* const block = std::calloc(1, bytes);
  const std::lock_guard lock(mutex_);
  blocks_.emplace(block, bytes);
  return block;
}

void Machine::free(void* block) {
  if (block == nullptr) return;
  {
    const std::lock_guard lock(mutex_);
    if (blocks_.erase(block) == 0) {
      violations.add("memory: free of a block that was never allocated");
      return;
    }
  }
  std::free(block);
}

void Machine::log(LogLine line) {
  if (line.text.find('\n') != std::string::npos) violations.add("log: more than one line");
  const std::lock_guard lock(mutex_);
  log_.push_back(std::move(line));
}

std::vector<LogLine> Machine::log_lines() const {
  const std::lock_guard lock(mutex_);
  return log_;
}

size_t Machine::logged(int level, const std::string& text) const {
  size_t count = 0;
  for (const LogLine& line : log_lines()) {
    count += line.level <= level && line.text.find(text) != std::string::npos ? 1 : 0;
  }
  return count;
}

size_t Machine::logged(int level, const std::string& device, const std::string& text) const {
  size_t count = 0;
  for (const LogLine& line : log_lines()) {
    if (line.level > level || line.device != device) continue;
    count += line.text.find(text) != std::string::npos ? 1 : 0;
  }
  return count;
}

void Machine::clear_log() {
  const std::lock_guard lock(mutex_);
  log_.clear();
}

void Machine::park(GrantRef ref, void* page, bool owned) {
  grants.park(ref);
  const std::lock_guard lock(mutex_);
  parked_[ref] = {page, owned};
  ++parked_ever_;
}

void Machine::retry_parked() {
  const std::lock_guard lock(mutex_);
  for (auto at = parked_.begin(); at != parked_.end();) {
    const auto [ref, parked] = *at;
    if (grants.revoke(ref) != 0) {
      ++at;
      continue;
    }
    grants.unpark(ref);
    if (parked.owned) memory.free(parked.page, 1, Owner::kRuntime);
    at = parked_.erase(at);
  }
}

bool Machine::step() {
  bool busy = xenstore.process();
  busy |= guest_xenstore.dispatch();
  busy |= events.pump(kBackend);
  busy |= events.pump(kGuest);
  for (const auto& actor : actors_) busy |= actor.second();
  return busy;
}

void Machine::settle() {
  for (int steps = 0; steps < 100'000; ++steps) {
    if (!step()) return;
  }
  violations.add("the machine never comes to rest");
}

int Machine::backend_state(const pvk_bus& bus) {
  XsReply reply{faults.check(Call::kBusState), ""};
  if (reply.error == 0) reply = guest_xenstore.read(bus.backend + "/state");
  if (reply.error == ENOENT || reply.error == EACCES) return 0;
  return reply.error == 0 ? state_number(reply.value) : -reply.error;
}

void Machine::watch_backend(const pvk_bus& bus, const std::function<void(int)>& changed) {
  guest_xenstore.watch(bus.backend + "/state",
                       [this, &bus, changed](const std::string&) { changed(backend_state(bus)); });
}

void Machine::unwatch_backend(const pvk_bus& bus) {
  guest_xenstore.unwatch(bus.backend + "/state");
}

size_t Machine::blocks_in_use() const {
  const std::lock_guard lock(mutex_);
  return blocks_.size();
}

std::vector<std::string> Machine::leaks() const {
  std::vector<std::string> found;
  const auto expect_none = [&found](size_t count, const char* what) {
    if (count != 0) found.push_back(std::to_string(count) + " " + what);
  };
  expect_none(blocks_in_use(), "blocks of memory");
  expect_none(memory.in_use(Owner::kRuntime), "pages");
  expect_none(grants.reserved(), "reserved grant references");
  expect_none(grants.parked(), "parked grants");
  expect_none(grants.published(), "published grants");
  expect_none(grants.mapped(), "mapped grants");
  expect_none(events.open(kGuest), "event channels");
  return found;
}

}  // namespace pvk::fakes
