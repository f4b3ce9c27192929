// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Negotiation: what a backend offers and what the administrator allows make a plan. Pure functions.
#pragma once

#include "frontends/block/offer.h"

namespace pvk::block {

// The rings to share, decided at InitWait.
struct RingPlan {
  u32 queues = 1;       // all
  u32 poll_queues = 0;  // of these, the last ones
  u32 ring_page_order = 0;
};

// How a request's data reaches the backend.
enum class DataMode : u8 {
  kPersistent,  // copied through pages of ours that stay granted
  kDirect,      // the user's own pages, granted for the length of a request
  kBounce,      // copied through pages of ours that are granted for the length of a request
};

// How requests are made, decided at Connected.
struct QueuePlan {
  DataMode data_mode = DataMode::kDirect;
  u32 depth = 0;             // tags of a queue: requests that the OS may hand it at a time
  u32 max_segments = 0;      // pages of a request
  u32 indirect_pages = 0;    // of a request that needs them; 0: no indirect requests
  u32 pool_entries = 0;      // segments in flight on a queue
  u32 indirect_entries = 0;  // pages of descriptors in flight on a queue
};

RingPlan plan_rings(const RingOffer& offer, const Params& params, u32 cpus);
QueuePlan plan_queue(const DiskOffer& offer, const Params& params, u32 depth);
// Asks for less, or says that there is no less: one request of the largest size must fit.
[[nodiscard]] bool shrink_pools(QueuePlan& plan);

const char* to_text(DataMode mode);

}  // namespace pvk::block
