// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What all typed hypercalls are made of. One group of them a file: *_calls.h. Errors are Xen's,
// which share Linux's numbers (xen/errno.h).
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/errno.h>

#include "hypercalls/transport.h"
#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

// Pointers to guest memory are linear addresses of the calling vCPU (xen/arch-x86/xen.h).
template <class T>
u64 address_of(T& argument) {
  return reinterpret_cast<uintptr_t>(&argument);
}
template <class T>
u64 address_of(Span<T> arguments) {
  return reinterpret_cast<uintptr_t>(arguments.data());
}

constexpr Error from_xen_errno(long result) {
  switch (-result) {
    case XEN_EPERM:
    case XEN_EACCES: return Error::kNotAllowed;
    case XEN_ENOENT:
    case XEN_ESRCH:  // no such domain
    case XEN_ECONNREFUSED: return Error::kMissing;
    case XEN_EAGAIN:
    case XEN_EBUSY: return Error::kBusy;
    case XEN_ENOMEM: return Error::kNoMemory;
    case XEN_EEXIST: return Error::kExists;
    case XEN_ENOSPC: return Error::kNoEvent;  // only event channels run out of space
    case XEN_ENOSYS:
    case XEN_EOPNOTSUPP: return Error::kNotSupported;
    case XEN_ETIME: return Error::kTooLate;
    default: return Error::kBadValue;  // EINVAL, EFAULT and what no caller tells apart
  }
}

// What a call returned, when 0 or more is success.
constexpr Status to_status(long result) {
  if (result < 0) return from_xen_errno(result);
  return {};
}

// The same when the value says something.
template <class Number>
constexpr Result<Number> to_number(long result) {
  if (result < 0) return from_xen_errno(result);
  return static_cast<Number>(result);
}

}  // namespace pvk
