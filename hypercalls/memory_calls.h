// SPDX-License-Identifier: MIT OR GPL-2.0-only
// memory_op (xen/memory.h), as far as a guest changes its own memory.
#pragma once

#include "hypercalls/calls.h"

#include <xen/memory.h>

namespace pvk {

// An entry of the memory map, as BIOS INT 0x15 EAX=0xE820 gives it (xen/memory.h,
// XENMEM_memory_map).
struct [[gnu::packed]] MemoryMapEntry {
  u64 start = 0;
  u64 bytes = 0;
  u32 type = 0;
};
static_assert(sizeof(MemoryMapEntry) == 20);

template <HypercallTransport T, class Argument>
long memory_op(T& transport, u32 operation, Argument& argument) {
  return transport.call(__HYPERVISOR_memory_op, operation, address_of(argument), 0, 0, 0);
}

// Makes page `index` of XENMAPSPACE_* appear at `gfn`. RAM that was there is given back to Xen.
template <HypercallTransport T>
Status add_to_physmap(T& transport, u32 space, u64 index, u64 gfn) {
  xen_add_to_physmap argument{};
  argument.domid = DOMID_SELF;
  argument.space = space;
  argument.idx = index;
  argument.gpfn = gfn;
  return to_status(memory_op(transport, XENMEM_add_to_physmap, argument));
}

// Nothing is at `gfn` afterwards.
template <HypercallTransport T>
Status remove_from_physmap(T& transport, u64 gfn) {
  xen_remove_from_physmap argument{};
  argument.domid = DOMID_SELF;
  argument.gpfn = gfn;
  return to_status(memory_op(transport, XENMEM_remove_from_physmap, argument));
}

// The three below change how much memory there is. Each works on extents of 2^order pages and
// returns how many it did, from the first on, which may be fewer than asked for and no error.
template <HypercallTransport T>
Result<u64> change_reservation(T& transport, u32 operation, u64* extents, u64 count, u32 order,
                               u32 flags) {
  xen_memory_reservation argument{};
  argument.extent_start.p = extents;
  argument.nr_extents = count;
  argument.extent_order = order;
  argument.mem_flags = flags;
  argument.domid = DOMID_SELF;
  return to_number<u64>(memory_op(transport, operation, argument));
}

// Puts fresh memory at these frame numbers.
template <HypercallTransport T>
Result<u64> populate_physmap(T& transport, Span<u64> gfns, u32 order = 0, u32 flags = 0) {
  return change_reservation(transport, XENMEM_populate_physmap, gfns.data(), gfns.size(), order,
                            flags);
}

template <HypercallTransport T>
Result<u64> decrease_reservation(T& transport, Span<u64> gfns, u32 order = 0) {
  return change_reservation(transport, XENMEM_decrease_reservation, gfns.data(), gfns.size(), order,
                            0);
}

// Memory with no place in the guest's map: of use to a PV guest alone. `mfns` receives it.
template <HypercallTransport T>
Result<u64> increase_reservation(T& transport, Span<u64> mfns, u32 order = 0, u32 flags = 0) {
  return change_reservation(transport, XENMEM_increase_reservation, mfns.data(), mfns.size(), order,
                            flags);
}

template <HypercallTransport T>
Result<u64> memory_query(T& transport, u32 operation) {
  xen_memory_domain argument{};
  argument.domid = DOMID_SELF;
  return to_number<u64>(memory_op(transport, operation, argument));
}

// In pages.
template <HypercallTransport T>
Result<u64> current_reservation(T& transport) {
  return memory_query(transport, XENMEM_current_reservation);
}

template <HypercallTransport T>
Result<u64> maximum_reservation(T& transport) {
  return memory_query(transport, XENMEM_maximum_reservation);
}

template <HypercallTransport T>
Result<u64> maximum_gfn(T& transport) {
  return memory_query(transport, XENMEM_maximum_gpfn);
}

// The map that the domain started with; returns how many entries it has.
template <HypercallTransport T>
Result<u32> memory_map(T& transport, Span<MemoryMapEntry> entries) {
  xen_memory_map argument{};
  argument.nr_entries = static_cast<u32>(entries.size());
  argument.buffer.p = entries.data();
  PVK_TRY(to_status(memory_op(transport, XENMEM_memory_map, argument)));
  return argument.nr_entries;
}

}  // namespace pvk
