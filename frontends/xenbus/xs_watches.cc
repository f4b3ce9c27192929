// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_watches.h"

#include "pvkit/text.h"

namespace pvk::xs {
namespace {

// How long the text at `at` is, up to its NUL or the end.
u32 text_at(Span<const char> body, u32 at) {
  u32 end = at;
  while (end < body.size() && body[end] != '\0') ++end;
  return end - at;
}

}  // namespace

void Watches::add(Watch& watch) {
  do {
    ++last_number_;
  } while (last_number_ == 0 || find(last_number_) != nullptr);
  watch.number = last_number_;
  const Text<sizeof(watch.token)> token = Text<sizeof(watch.token)>{}.add(u64{last_number_});
  __builtin_memcpy(watch.token, token.c_str(), token.size() + 1);
  watch.registered = watch.register_again = watch.missed = 0;
  watch.next = first_;
  first_ = &watch;
}

void Watches::remove(const Watch& watch) {
  for (Watch** at = &first_; *at != nullptr; at = &(*at)->next) {
    if (*at != &watch) continue;
    *at = watch.next;
    return;
  }
}

Watch* Watches::find(u32 number) const {
  Watch* watch = first_;
  while (watch != nullptr && watch->number != number) watch = watch->next;
  return watch;
}

Status Watches::arrived(Span<const char> body) {
  const u32 path_length = text_at(body, 0);
  if (path_length + 1 >= body.size() || path_length >= kMaxPath) return Error::kBadValue;
  const u32 token_length = text_at(body, path_length + 1);
  const Result<u64> number = parse_number({body.data() + path_length + 1, token_length}, ~u32{0});
  Watch* const watch = number.ok() ? find(static_cast<u32>(number.value())) : nullptr;
  if (watch == nullptr) return Error::kMissing;
  if (kQueueBytes - (head_ - tail_) < sizeof(Record) + path_length) {
    watch->missed = 1;
    ++lost_;
    return {};
  }
  const Record record{watch->number, path_length};
  put(&record, sizeof(record));
  put(body.data(), path_length);
  return {};
}

Watch* Watches::next_event(char* path) {
  while (head_ != tail_) {
    Record record{};
    get(&record, sizeof(record));
    get(path, record.length);
    path[record.length] = '\0';
    if (Watch* const watch = find(record.number)) return watch;
    ++ended_;
  }
  for (Watch* watch = first_; watch != nullptr; watch = watch->next) {
    if (watch->missed == 0) continue;
    watch->missed = 0;
    const u32 length = min(watch->path_length, kMaxPath - 1);
    __builtin_memcpy(path, watch->path, length);
    path[length] = '\0';
    return watch;
  }
  return nullptr;
}

bool Watches::waiting() const {
  if (head_ != tail_) return true;
  const Watch* watch = first_;
  while (watch != nullptr && watch->missed == 0) watch = watch->next;
  return watch != nullptr;
}

void Watches::all_again() {
  for (Watch* watch = first_; watch != nullptr; watch = watch->next) {
    if (watch->registered != 0) watch->register_again = 1;
  }
}

Watch* Watches::next_to_register() {
  for (Watch* watch = first_; watch != nullptr; watch = watch->next) {
    if (watch->register_again == 0) continue;
    watch->register_again = 0;
    return watch;
  }
  return nullptr;
}

void Watches::put(const void* bytes, u32 count) {
  const u32 at = head_ % kQueueBytes;
  const u32 to_the_end = min(count, kQueueBytes - at);
  __builtin_memcpy(queue_ + at, bytes, to_the_end);
  __builtin_memcpy(queue_, static_cast<const char*>(bytes) + to_the_end, count - to_the_end);
  head_ += count;
}

void Watches::get(void* bytes, u32 count) {
  const u32 at = tail_ % kQueueBytes;
  const u32 to_the_end = min(count, kQueueBytes - at);
  __builtin_memcpy(bytes, queue_ + at, to_the_end);
  __builtin_memcpy(static_cast<char*>(bytes) + to_the_end, queue_, count - to_the_end);
  tail_ += count;
}

}  // namespace pvk::xs
