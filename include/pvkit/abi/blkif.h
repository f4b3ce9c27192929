// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The block protocol of xen/io/blkif.h, checked for what the ring code relies on.
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "pvkit/abi/xen.h"

#include <xen/io/blkif.h>

#include "pvkit/types.h"

namespace pvk::abi {

static_assert(sizeof(blkif_request_segment) == 8, "grant reference, first and last sector");
static_assert(sizeof(blkif_request) == 112, "x86-64 layout: the ABI 'x86_64-abi'");
static_assert(sizeof(blkif_request_discard) <= sizeof(blkif_request));
static_assert(sizeof(blkif_request_indirect) <= sizeof(blkif_request));
static_assert(offsetof(blkif_request, id) == 8);
static_assert(offsetof(blkif_request_indirect, id) == 8, "one id for every layout");
static_assert(offsetof(blkif_request, sector_number) == 16);
static_assert(sizeof(blkif_response) == 16);
static_assert(offsetof(blkif_response, operation) == 8);
static_assert(offsetof(blkif_response, status) == 10);

// Sector numbers and first/last_sect count 512 bytes whatever the medium's sector is (blkif.h,
// "sector-size").
constexpr u32 kSectorBytes = 512;
constexpr u32 kSectorsPerPage = kPageSize / kSectorBytes;
constexpr u32 kSegmentsPerIndirectPage = kPageSize / sizeof(blkif_request_segment);

}  // namespace pvk::abi
