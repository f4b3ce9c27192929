// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fuzz/xs_callers.h"

#include <algorithm>
#include <cstring>

namespace pvk::fuzz {
namespace {

template <class T>
auto at(std::list<T>& list, size_t which) {
  return std::next(list.begin(), static_cast<std::ptrdiff_t>(which % list.size()));
}

}  // namespace

void Callers::submit(u32 type, const std::string& body, u32 transaction, u32 capacity) {
  Asked& asked = requests_.emplace_back();
  asked.body = std::make_unique<char[]>(body.size());
  std::memcpy(asked.body.get(), body.data(), body.size());
  asked.reply = std::make_unique<char[]>(capacity);
  asked.request.type = type;
  asked.request.transaction = transaction;
  asked.request.parts[0] = {asked.body.get(), static_cast<u32>(body.size())};
  asked.request.part_count = 1;
  asked.request.reply = asked.reply.get();
  asked.request.capacity = capacity;
  client_.submit(asked.request);
}

void Callers::abandon(size_t which) {
  if (requests_.empty()) return;
  const auto asked = at(requests_, which);
  client_.abandon(asked->request);
  requests_.erase(asked);
}

void Callers::abandon_all() {
  while (!requests_.empty()) abandon(0);
}

u32 Callers::id(size_t which) const {
  if (requests_.empty()) return 0;
  return std::next(requests_.begin(), static_cast<std::ptrdiff_t>(which % requests_.size()))
      ->request.id;
}

void Callers::watch(const std::string& path) {
  Watched& watched = watches_.emplace_back();
  watched.path = path;
  watched.watch.path = watched.path.c_str();
  watched.watch.path_length = static_cast<u32>(path.size());
  client_.watches().add(watched.watch);
  submit(XS_WATCH, path + '\0' + watched.watch.token + '\0', 0, 0);
  // As one whose request was answered; that of a play may be abandoned and its watch stay.
  watched.watch.registered = 1;
}

void Callers::unwatch(size_t which) {
  if (watches_.empty()) return;
  const auto watched = at(watches_, which);
  client_.watches().remove(watched->watch);
  submit(XS_UNWATCH, watched->path + '\0' + watched->watch.token + '\0', 0, 0);
  watches_.erase(watched);
}

std::string Callers::judge(const Asked& asked) {
  const xs::Request& request = asked.request;
  last_error_ = static_cast<u32>(request.error);
  last_reply_.assign(asked.reply.get(), std::min(request.reply_length, request.capacity));
  if (request.state != xs::RequestState::kDone) return "a request is done and does not say so";
  if (request.error < 0 || request.error > 4095) return "an error is no errno value";
  if (request.error != 0 || request.type != XS_TRANSACTION_START || request.capacity < 12)
    return "";
  transaction_ = static_cast<u32>(std::stoul(last_reply_));
  return transaction_ != 0 ? "" : "a transaction has no handle";
}

std::string Callers::collect() {
  while (xs::Request* const done = client_.take_done()) {
    const auto asked = std::find_if(requests_.begin(), requests_.end(),
                                    [done](const Asked& one) { return &one.request == done; });
    if (asked == requests_.end()) return "a request is done twice, or was abandoned";
    std::string wrong = judge(*asked);
    requests_.erase(asked);
    if (!wrong.empty()) return wrong;
  }
  const auto path = std::make_unique<char[]>(xs::Watches::kMaxPath);
  while (const xs::Watch* const fired = client_.watches().next_event(path.get())) {
    const bool known = std::any_of(watches_.begin(), watches_.end(),
                                   [fired](const Watched& one) { return &one.watch == fired; });
    if (!known) return "a watch fires that has ended";
    if (std::memchr(path.get(), 0, xs::Watches::kMaxPath) == nullptr) return "a path has no end";
  }
  return "";
}

}  // namespace pvk::fuzz
