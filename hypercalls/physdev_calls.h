// SPDX-License-Identifier: MIT OR GPL-2.0-only
// physdev_op (xen/physdev.h), of which an HVM guest may use what routes interrupts to event
// channels, and that only where XENFEAT_hvm_pirqs is announced.
#pragma once

#include "hypercalls/calls.h"

#include <xen/physdev.h>

namespace pvk {

template <HypercallTransport T, class Argument>
Status physdev_op(T& transport, u32 operation, Argument& argument) {
  return to_status(
      transport.call(__HYPERVISOR_physdev_op, operation, address_of(argument), 0, 0, 0));
}

// A number that is not in use. `type`: MAP_PIRQ_TYPE_*.
template <HypercallTransport T>
Result<u32> free_pirq(T& transport, int type) {
  physdev_get_free_pirq argument{};
  argument.type = type;
  PVK_TRY(physdev_op(transport, PHYSDEVOP_get_free_pirq, argument));
  return argument.pirq;
}

// `pirq`: the wanted number, negative for any.
template <HypercallTransport T>
Result<int> map_gsi(T& transport, int gsi, int pirq) {
  physdev_map_pirq argument{};
  argument.domid = DOMID_SELF;
  argument.type = MAP_PIRQ_TYPE_GSI;
  argument.index = gsi;
  argument.pirq = pirq;
  PVK_TRY(physdev_op(transport, PHYSDEVOP_map_pirq, argument));
  return argument.pirq;
}

template <HypercallTransport T>
Status unmap_pirq(T& transport, int pirq) {
  physdev_unmap_pirq argument{};
  argument.domid = DOMID_SELF;
  argument.pirq = pirq;
  return physdev_op(transport, PHYSDEVOP_unmap_pirq, argument);
}

// XENIRQSTAT_*.
template <HypercallTransport T>
Result<u32> irq_status(T& transport, u32 irq) {
  physdev_irq_status_query argument{};
  argument.irq = irq;
  PVK_TRY(physdev_op(transport, PHYSDEVOP_irq_status_query, argument));
  return argument.flags;
}

template <HypercallTransport T>
Status end_of_interrupt(T& transport, u32 irq) {
  physdev_eoi argument{};
  argument.irq = irq;
  return physdev_op(transport, PHYSDEVOP_eoi, argument);
}

}  // namespace pvk
