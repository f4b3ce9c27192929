// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Typed hypercalls over any transport. Errors are Xen's, which share Linux's numbers.
#pragma once

#include <stdint.h>

#include <xen/event_channel.h>
#include <xen/version.h>
#include <xen/xen.h>

#include "hypercalls/transport.h"
#include "pvkit/result.h"

namespace pvk {

template <class T>
u64 address_of(T& argument) {
  return reinterpret_cast<uintptr_t>(&argument);
}

constexpr Error from_xen_errno(long result) {
  switch (-result) {
    case PVK_ENOENT: return Error::kMissing;
    case PVK_ENOMEM: return Error::kNoMemory;
    case PVK_EBUSY: return Error::kBusy;
    case PVK_ENOSPC: return Error::kNoEvent;
    case 38: return Error::kNotSupported;  // ENOSYS
    default: return Error::kBadValue;
  }
}

struct XenVersion {
  u16 major = 0;
  u16 minor = 0;
};

// xen_version: XENVER_version (xen/version.h).
template <HypercallTransport T>
Result<XenVersion> xen_version(T& transport) {
  const long result = transport.call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
  if (result < 0) return from_xen_errno(result);
  return XenVersion{static_cast<u16>(result >> 16), static_cast<u16>(result)};
}

// event_channel_op: EVTCHNOP_send (xen/event_channel.h).
template <HypercallTransport T>
Status send_event(T& transport, Port port) {
  evtchn_send send{};
  send.port = port;
  const long result =
      transport.call(__HYPERVISOR_event_channel_op, EVTCHNOP_send, address_of(send), 0, 0, 0);
  if (result < 0) return from_xen_errno(result);
  return {};
}

}  // namespace pvk
