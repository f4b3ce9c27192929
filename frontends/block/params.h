// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What the administrator allows a block device to use: the module parameters.
#pragma once

#include "pvkit/abi/blkif.h"

namespace pvk::block {

// xen-blkfront's names and meanings; where a default differs, docs/block-frontend.md shows why.
struct Params {
  u32 max_queues = 4;
  u32 poll_queues = 0;          // besides these: for I/O that is polled for, without interrupts
  u32 max_ring_page_order = 2;  // four pages: 128 requests in flight
  u32 max_indirect_segments = 256;
  bool feature_persistent = true;
  bool trusted = true;  // false: nothing that the backend can reach holds other data of ours
};

constexpr u32 kMaxRingOrder = 4;
constexpr u32 kMaxQueues = 64;
// The protocol allows 8 pages of 512 segments; blkback takes 256.
constexpr u32 kMaxIndirectPages = BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST;
constexpr u32 kMaxIndirectSegments = kMaxIndirectPages * abi::kSegmentsPerIndirectPage;
constexpr u32 kDirectSegments = BLKIF_MAX_SEGMENTS_PER_REQUEST;
// Entries of a queue's segment pool: pages, when grants are persistent. blkback keeps at most this
// many grants of a ring mapped (32 requests of 32 segments and an indirect page).
constexpr u32 kPoolBudget = 1056;
// Pages of descriptors, likewise: as many as the requests that fill the pool can need.
constexpr u32 kIndirectBudget = 96;

}  // namespace pvk::block
