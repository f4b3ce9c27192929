// SPDX-License-Identifier: MIT OR GPL-2.0-only
// grant_table_op (xen/grant_table.h). Two results: of the call, and a status in each argument.
#pragma once

#include "hypercalls/calls.h"

#include <xen/grant_table.h>

namespace pvk {

constexpr Error from_grant_status(i16 status) {
  switch (status) {
    case GNTST_permission_denied: return Error::kNotAllowed;
    case GNTST_bad_domain:
    case GNTST_bad_gntref: return Error::kMissing;
    case GNTST_no_device_space:
    case GNTST_no_space: return Error::kNoMemory;
    case GNTST_eagain: return Error::kBusy;
    default: return Error::kBadValue;
  }
}

constexpr Status to_grant_status(i16 status) {
  if (status != GNTST_okay) return from_grant_status(status);
  return {};
}

template <HypercallTransport T>
Status grant_table_op(T& transport, u32 operation, u64 arguments, u64 count) {
  return to_status(transport.call(__HYPERVISOR_grant_table_op, operation, arguments, count, 0, 0));
}

struct GrantFrames {
  u32 current = 0;
  u32 max = 0;
};

template <HypercallTransport T>
Result<GrantFrames> query_grant_size(T& transport) {
  gnttab_query_size argument{};
  argument.dom = DOMID_SELF;
  PVK_TRY(grant_table_op(transport, GNTTABOP_query_size, address_of(argument), 1));
  PVK_TRY(to_grant_status(argument.status));
  return GrantFrames{argument.nr_frames, argument.max_nr_frames};
}

// Makes the table at least `frames.size()` frames long and says where they are. Of use to a PV
// guest; others put the frames where they like: add_to_physmap, XENMAPSPACE_grant_table.
template <HypercallTransport T>
Status setup_grant_table(T& transport, Span<u64> frames) {
  gnttab_setup_table argument{};
  argument.dom = DOMID_SELF;
  argument.nr_frames = static_cast<u32>(frames.size());
  argument.frame_list.p = frames.data();
  PVK_TRY(grant_table_op(transport, GNTTABOP_setup_table, address_of(argument), 1));
  return to_grant_status(argument.status);
}

// Only while no entry but the reserved ones is in use.
template <HypercallTransport T>
Status set_grant_version(T& transport, u32 version) {
  gnttab_set_version argument{};
  argument.version = version;
  PVK_TRY(grant_table_op(transport, GNTTABOP_set_version, address_of(argument), 1));
  if (argument.version != version) return Error::kNotSupported;
  return {};
}

template <HypercallTransport T>
Result<u32> grant_version(T& transport) {
  gnttab_get_version argument{};
  argument.dom = DOMID_SELF;
  PVK_TRY(grant_table_op(transport, GNTTABOP_get_version, address_of(argument), 1));
  return argument.version;
}

// Where the frames of the status array of version 2 are, as setup_grant_table.
template <HypercallTransport T>
Status grant_status_frames(T& transport, Span<u64> frames) {
  gnttab_get_status_frames argument{};
  argument.dom = DOMID_SELF;
  argument.nr_frames = static_cast<u32>(frames.size());
  argument.frame_list.p = frames.data();
  PVK_TRY(grant_table_op(transport, GNTTABOP_get_status_frames, address_of(argument), 1));
  return to_grant_status(argument.status);
}

// Each of these does a batch and leaves a GNTST_* in each element.
template <HypercallTransport T>
Status grant_copy(T& transport, Span<gnttab_copy> copies) {
  return grant_table_op(transport, GNTTABOP_copy, address_of(copies), copies.size());
}

template <HypercallTransport T>
Status map_grants(T& transport, Span<gnttab_map_grant_ref> maps) {
  return grant_table_op(transport, GNTTABOP_map_grant_ref, address_of(maps), maps.size());
}

template <HypercallTransport T>
Status unmap_grants(T& transport, Span<gnttab_unmap_grant_ref> maps) {
  return grant_table_op(transport, GNTTABOP_unmap_grant_ref, address_of(maps), maps.size());
}

// Exchanges two entries of our own table, neither of which may be mapped.
template <HypercallTransport T>
Status swap_grants(T& transport, GrantRef a, GrantRef b) {
  gnttab_swap_grant_ref argument{};
  argument.ref_a = a;
  argument.ref_b = b;
  PVK_TRY(grant_table_op(transport, GNTTABOP_swap_grant_ref, address_of(argument), 1));
  return to_grant_status(argument.status);
}

}  // namespace pvk
