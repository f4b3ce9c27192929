// SPDX-License-Identifier: MIT OR GPL-2.0-only
// set_timer_op (xen/xen.h): the older face of a vCPU's single-shot timer.
#pragma once

#include "hypercalls/calls.h"

namespace pvk {

// VIRQ_TIMER on this vCPU at `system_time`, at once when that has passed. 0 stops the timer.
template <HypercallTransport T>
Status set_timer(T& transport, u64 system_time) {
  return to_status(transport.call(__HYPERVISOR_set_timer_op, system_time, 0, 0, 0, 0));
}

}  // namespace pvk
