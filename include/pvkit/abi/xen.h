// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Xen's interface in the version that this runtime speaks. Without a version xen/xen-compat.h takes
// the oldest one, where event_channel_op, sched_op and physdev_op have other numbers and grant
// tables know no version 2. Build files define it too, so that the order of includes cannot matter.
#pragma once

#include <stdint.h>

#ifndef __XEN_INTERFACE_VERSION__
#define __XEN_INTERFACE_VERSION__ 0x00040d00
#endif

#include <xen/xen.h>

static_assert(__XEN_INTERFACE_VERSION__ >= 0x00040d00,
              "a Xen header was included before pvkit/abi/xen.h");
static_assert(sizeof(xen_pfn_t) == 8, "frame lists are u64 arrays here");
static_assert(sizeof(multicall_entry) == 64);
