// SPDX-License-Identifier: MIT OR GPL-2.0-only
// sched_op (xen/sched.h).
#pragma once

#include "hypercalls/calls.h"

#include <xen/event_channel.h>
#include <xen/sched.h>

namespace pvk {

template <HypercallTransport T, class Argument>
long sched_op(T& transport, u32 operation, Argument& argument) {
  return transport.call(__HYPERVISOR_sched_op, operation, address_of(argument), 0, 0, 0);
}

template <HypercallTransport T>
Status yield_vcpu(T& transport) {
  return to_status(transport.call(__HYPERVISOR_sched_op, SCHEDOP_yield, 0, 0, 0, 0));
}

// Until this vCPU has an event to process.
template <HypercallTransport T>
Status block_vcpu(T& transport) {
  return to_status(transport.call(__HYPERVISOR_sched_op, SCHEDOP_block, 0, 0, 0, 0));
}

// Ends the domain, with SHUTDOWN_*. Only a suspend comes back: true when it was cancelled or a
// checkpoint, so this is the same domain; false when it was resumed as a new one.
template <HypercallTransport T>
Result<bool> shutdown_domain(T& transport, u32 reason) {
  sched_shutdown argument{};
  argument.reason = reason;
  return to_number<bool>(sched_op(transport, SCHEDOP_shutdown, argument));
}

// What is reported when the domain ends by other means than shutdown_domain().
template <HypercallTransport T>
Status set_shutdown_code(T& transport, u32 reason) {
  sched_shutdown argument{};
  argument.reason = reason;
  return to_status(sched_op(transport, SCHEDOP_shutdown_code, argument));
}

// Until one of `ports` is pending or system time is `deadline` (0: no deadline). Which of the two
// it was, the caller looks up. All ports must be masked, or the upcall would take the event.
template <HypercallTransport T>
Status poll_events(T& transport, Span<Port> ports, u64 deadline) {
  sched_poll argument{};
  argument.ports.p = ports.data();
  argument.nr_ports = static_cast<u32>(ports.size());
  argument.timeout = deadline;
  return to_status(sched_op(transport, SCHEDOP_poll, argument));
}

// A watchdog ends the domain with SHUTDOWN_watchdog when it is not set again in time.
template <HypercallTransport T>
Result<u32> start_watchdog(T& transport, u32 seconds) {
  sched_watchdog argument{};
  argument.timeout = seconds;
  return to_number<u32>(sched_op(transport, SCHEDOP_watchdog, argument));
}

// 0 seconds ends it.
template <HypercallTransport T>
Status set_watchdog(T& transport, u32 id, u32 seconds) {
  sched_watchdog argument{};
  argument.id = id;
  argument.timeout = seconds;
  return to_status(sched_op(transport, SCHEDOP_watchdog, argument));
}

// The hardware domain alone: this vCPU on one physical CPU, or with a negative one, no longer.
template <HypercallTransport T>
Status pin_override(T& transport, int physical_cpu) {
  sched_pin_override argument{};
  argument.pcpu = physical_cpu;
  return to_status(sched_op(transport, SCHEDOP_pin_override, argument));
}

}  // namespace pvk
