// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The wire protocol of xenstore (xen/io/xs_wire.h), with the sizes that the client relies on.
#pragma once

#include "pvkit/types.h"

#include <xen/io/xs_wire.h>

namespace pvk::xs {

using Page = xenstore_domain_interface;
using Header = xsd_sockmsg;

constexpr u32 kRingBytes = XENSTORE_RING_SIZE;
constexpr u32 kHeaderBytes = sizeof(Header);
constexpr u32 kMaxBody = XENSTORE_PAYLOAD_MAX;
constexpr u32 kMaxMessage = kHeaderBytes + kMaxBody;

static_assert(kHeaderBytes == 16);
static_assert(sizeof(Page) <= kPageSize);
static_assert((kRingBytes & (kRingBytes - 1)) == 0);

}  // namespace pvk::xs
