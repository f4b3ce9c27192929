// SPDX-License-Identifier: MIT OR GPL-2.0-only
// console_io (xen/xen.h): the hypervisor's own console. A guest that is not the hardware domain may
// write to it only when Xen is built for debugging or its log level lets guests.
#pragma once

#include "hypercalls/calls.h"

namespace pvk {

template <HypercallTransport T>
Status console_write(T& transport, Span<const char> text) {
  return to_status(transport.call(__HYPERVISOR_console_io, CONSOLEIO_write, text.size(),
                                  address_of(text), 0, 0));
}

// Returns how many characters were there; the hardware domain alone.
template <HypercallTransport T>
Result<u32> console_read(T& transport, Span<char> text) {
  return to_number<u32>(
      transport.call(__HYPERVISOR_console_io, CONSOLEIO_read, text.size(), address_of(text), 0, 0));
}

}  // namespace pvk
