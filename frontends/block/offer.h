// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a block backend offers, read from its xenstore directory (xen/io/blkif.h, "Backend
// XenBus Nodes"). Every value is checked here; the rest of the frontend trusts these records.
#pragma once

#include "frontends/block/params.h"
#include "pvkit/xenstore.h"

namespace pvk::block {

// Known at InitWait: what rings we may share.
struct RingOffer {
  u32 max_ring_page_order = 0;
  u32 max_queues = 1;
};

// Known at Connected: the medium and what can be done with it.
struct DiskOffer {
  u64 sectors = 0;  // of 512 bytes
  u32 sector_size = abi::kSectorBytes;
  u32 physical_sector_size = abi::kSectorBytes;
  bool read_only = false;
  bool removable = false;
  bool cdrom = false;
  bool flush = false;
  bool barrier = false;
  bool persistent = false;
  bool discard = false;
  bool secure_discard = false;
  u32 discard_granularity = 0;
  u32 discard_alignment = 0;
  u32 max_indirect_segments = 0;  // 0: no indirect requests
};

Result<RingOffer> read_ring_offer(pvk_bus* bus);
Result<DiskOffer> read_disk_offer(pvk_bus* bus);
// Whether the toolstack made the device a CD, which an HVM guest has from its device model.
Result<bool> is_cd(pvk_bus* bus);

}  // namespace pvk::block
