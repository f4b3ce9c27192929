// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The least platform that a queue runs on: memory, and a count of each call. What an OS does in
// these functions is not the core's cost, so nothing here is stepped through for the result.
#pragma once

#include <vector>

#include "pvkit/types.h"

struct pvk_bus {};

namespace pvk::bench {

struct PlatformCalls {
  u64 published = 0;
  u64 revoked = 0;
  u64 frames_looked_up = 0;
  u64 notified = 0;
  u64 copies = 0;
  u64 copied_bytes = 0;
};

struct Platform {
  PlatformCalls calls;
  GrantRef next_ref = 8;             // where the next reservation begins; Xen's own are below 8
  std::vector<GrantRef> references;  // in the order in which they were published
};

Platform& platform();

}  // namespace pvk::bench
