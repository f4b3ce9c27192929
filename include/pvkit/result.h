// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What can go wrong, and a value or one of these. Inside the core no other error style exists;
// errno appears only where the core meets C.
#pragma once

#include "pvkit/types.h"

namespace pvk {

enum class Error : u8 {
  kNoMemory,         // no page or record to be had now
  kNoGrant,          // the grant table is full
  kNoEvent,          // no event channel
  kBusy,             // try again when something in flight has ended
  kMissing,          // a xenstore key is not there
  kBadValue,         // a xenstore key is there and makes no sense
  kXenstore,         // xenstore itself refused
  kNoAnswer,         // xenstore did not answer, or cannot now: to be asked again
  kBackendProtocol,  // the backend broke the protocol
  kNotSupported,     // this hypervisor or backend does not offer it
  kNotAllowed,       // Xen does not let this domain do it
  kExists,           // what was to be made is there already
  kTooLate,          // the moment that was asked for has passed
  kGone,             // the device is closing or dead
};

// The error as a negative errno, for the C edge.
constexpr int to_errno(Error error) {
  switch (error) {
    case Error::kNoMemory: return -PVK_ENOMEM;
    case Error::kNoGrant: return -PVK_ENOSPC;
    case Error::kNoEvent: return -PVK_ENOSPC;
    case Error::kBusy: return -PVK_EBUSY;
    case Error::kMissing: return -PVK_ENOENT;
    case Error::kBadValue: return -PVK_EINVAL;
    case Error::kXenstore: return -PVK_EIO;
    case Error::kNoAnswer: return -PVK_ETIMEDOUT;
    case Error::kBackendProtocol: return -PVK_EPROTO;
    case Error::kNotSupported: return -PVK_EOPNOTSUPP;
    case Error::kNotAllowed: return -PVK_EPERM;
    case Error::kExists: return -PVK_EEXIST;
    case Error::kTooLate: return -PVK_ETIME;
    case Error::kGone: return -PVK_ENODEV;
  }
  return -PVK_EIO;
}

// A value or an Error. T is default constructible and movable, as handles and plain values are.
// With the smallest values it is four bytes and not three, because those fit a register whole.
template <class T>
class [[nodiscard]] alignas(sizeof(T) == 1 ? 4 : alignof(T)) Result {
 public:
  constexpr Result(T value) : value_(move(value)), ok_(true) {}  // NOLINT: implicit by design
  constexpr Result(Error error) : error_(error) {}               // NOLINT: implicit by design

  constexpr bool ok() const { return ok_; }
  constexpr Error error() const { return error_; }
  // Only after ok().
  constexpr T& value() { return value_; }
  constexpr const T& value() const { return value_; }
  constexpr T value_or(T other) const { return ok_ ? value_ : other; }

 private:
  T value_{};
  Error error_ = Error::kNoMemory;
  bool ok_ = false;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  constexpr Result() = default;
  constexpr Result(Error error) : error_(error), ok_(false) {}  // NOLINT: implicit by design

  constexpr bool ok() const { return ok_; }
  constexpr Error error() const { return error_; }

 private:
  Error error_ = Error::kNoMemory;
  bool ok_ = true;
};

using Status = Result<void>;

constexpr int to_errno(const Status& status) { return status.ok() ? 0 : to_errno(status.error()); }

}  // namespace pvk

// Leaves the enclosing function with the error of `expression`, if it has one.
#define PVK_TRY(expression)                                        \
  do {                                                             \
    if (const auto& pvk_status = (expression); !pvk_status.ok()) { \
      return pvk_status.error();                                   \
    }                                                              \
  } while (0)
