// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Tells a block backend, through xenstore, where our rings and channels are (xen/io/blkif.h,
// "Frontend XenBus Nodes").
#pragma once

#include "frontends/block/queue.h"

namespace pvk::block {

// All keys in one transaction, tried again when another writer comes between.
Status publish_rings(pvk_bus* bus, Span<Queue> queues, const RingPlan& plan, const Params& params);

}  // namespace pvk::block
