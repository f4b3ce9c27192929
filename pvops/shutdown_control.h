// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What the toolstack asks a guest to do, through control/shutdown and control/sysrq in xenstore
// (docs/misc/xenstore-paths in the Xen sources). A request is taken by emptying its node, in a
// transaction: the toolstack may withdraw it at the same moment, and either it did or we took it.
#pragma once

#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

enum class ControlRequest : u8 {
  kNone,  // the node is empty or not there
  kPoweroff,
  kReboot,
  kSuspend,
  kCrash,
  kUnknown,
};

// The words of control/shutdown. "halt" is a poweroff: a domain cannot stop and stay.
ControlRequest parse_control_request(Span<const char> word);

// How a port reaches xenstore's directory control/. Reads fill the buffer and return the length.
template <class T>
concept ControlStore = requires(T& store, Span<char> buffer, const char* text) {
  { store.begin() } -> SameAs<Status>;
  { store.read(text, buffer) } -> SameAs<Result<size_t>>;
  { store.write(text, text) } -> SameAs<Status>;
  { store.end(true) } -> SameAs<Status>;  // kBusy: somebody else wrote, start again
};

// The toolstack writes a node once and waits; so many collisions are no collisions.
constexpr int kTakeTries = 32;

template <ControlStore T, class Wanted>
Result<size_t> try_take(T& store, const char* key, Span<char> buffer, Wanted wanted) {
  PVK_TRY(store.begin());
  const Result<size_t> length = store.read(key, buffer);
  const bool take = length.ok() && length.value() != 0 && wanted(buffer.first(length.value()));
  const Status emptied = take ? store.write(key, "") : Status{};
  const Status ended = store.end(take && emptied.ok());
  if (!length.ok()) return length.error();
  if (!take) return size_t{0};
  PVK_TRY(emptied);
  PVK_TRY(ended);
  return length;
}

// Reads `key` and empties it, if what it says is `wanted`. 0 when there is nothing in it, or
// nothing that is wanted; kMissing when there is no such node. What does not fit into `buffer` is
// the store's error, and then the node is left as it is.
template <ControlStore T, class Wanted>
Result<size_t> take_text(T& store, const char* key, Span<char> buffer, Wanted wanted) {
  for (int i = 0; i < kTakeTries; ++i) {
    const Result<size_t> taken = try_take(store, key, buffer, wanted);
    if (taken.ok() || taken.error() != Error::kBusy) return taken;
  }
  return Error::kBusy;
}

// Whether a system goes down is for the port to say: true once nothing can stop it any more. Having
// been asked to is not enough, as an orderly poweroff may be refused or cancelled, and a system
// that then heard of nothing else could not be saved, moved or asked again.

// Whether a request that stands in the node should be taken at all. Who goes down leaves a
// suspension there, so that the toolstack withdraws it instead of waiting for it.
constexpr bool is_taken(ControlRequest request, bool going_down) {
  return request != ControlRequest::kNone && !(going_down && request == ControlRequest::kSuspend);
}

// What to do about one that was taken: kNone, kUnknown (say so), or the request itself.
constexpr ControlRequest answer_to(ControlRequest request, bool going_down) {
  if (request == ControlRequest::kCrash || request == ControlRequest::kUnknown) return request;
  return going_down ? ControlRequest::kNone : request;
}

// control/sysrq: one printable character, 0 when it is none.
constexpr char parse_sysrq(Span<const char> text) {
  return text.size() == 1 && text[0] > ' ' && text[0] <= '~' ? text[0] : '\0';
}

}  // namespace pvk
