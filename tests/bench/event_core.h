// SPDX-License-Identifier: MIT OR GPL-2.0-only
// An upcall as a port takes it, compiled as the core is: what cost_test steps through. The handler
// counts and does nothing else, so that what is left is the scan.
#pragma once

#include "hypercalls/event_abi.h"

namespace pvk::bench {

// Returns the number of events.
u32 take_upcall(EventAbi& events, vcpu_info& vcpu, unsigned cpu);

}  // namespace pvk::bench
