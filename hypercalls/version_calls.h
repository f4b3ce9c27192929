// SPDX-License-Identifier: MIT OR GPL-2.0-only
// xen_version (xen/version.h): what is below. Texts may fill their array without a final NUL.
#pragma once

#include "hypercalls/calls.h"

#include <xen/features.h>
#include <xen/version.h>

namespace pvk {

struct XenVersion {
  u16 major = 0;
  u16 minor = 0;
};

template <HypercallTransport T>
Result<XenVersion> xen_version(T& transport) {
  const long result = transport.call(__HYPERVISOR_xen_version, XENVER_version, 0, 0, 0, 0);
  if (result < 0) return from_xen_errno(result);
  return XenVersion{static_cast<u16>(result >> 16), static_cast<u16>(result)};
}

template <HypercallTransport T, class Answer>
Status version_op(T& transport, u32 operation, Answer& answer) {
  return to_status(
      transport.call(__HYPERVISOR_xen_version, operation, address_of(answer), 0, 0, 0));
}

// Each fills an answer of the caller's: the longest has a thousand characters.
template <HypercallTransport T>
Status xen_extraversion(T& transport, xen_extraversion_t& text) {
  return version_op(transport, XENVER_extraversion, text);
}

template <HypercallTransport T>
Status xen_compile_information(T& transport, xen_compile_info& info) {
  return version_op(transport, XENVER_compile_info, info);
}

template <HypercallTransport T>
Status xen_capabilities(T& transport, xen_capabilities_info_t& text) {
  return version_op(transport, XENVER_capabilities, text);
}

template <HypercallTransport T>
Status xen_changeset(T& transport, xen_changeset_info_t& text) {
  return version_op(transport, XENVER_changeset, text);
}

// The guest's UUID, as the toolstack gave it.
template <HypercallTransport T>
Status xen_guest_handle(T& transport, xen_domain_handle_t& handle) {
  return version_op(transport, XENVER_guest_handle, handle);
}

// Where Xen's own address space begins.
template <HypercallTransport T>
Result<u64> xen_virt_start(T& transport) {
  xen_platform_parameters answer{};
  PVK_TRY(version_op(transport, XENVER_platform_parameters, answer));
  return u64{answer.virt_start};
}

template <HypercallTransport T>
Result<u32> xen_page_size(T& transport) {
  return to_number<u32>(transport.call(__HYPERVISOR_xen_version, XENVER_pagesize, 0, 0, 0, 0));
}

// 32 features at a time (xen/features.h). kBadValue beyond the last group that Xen knows.
template <HypercallTransport T>
Result<u32> xen_features(T& transport, u32 group) {
  xen_feature_info answer{};
  answer.submap_idx = group;
  PVK_TRY(version_op(transport, XENVER_get_features, answer));
  return answer.submap;
}

// Whether XENFEAT_* `feature` is there. One that Xen does not know is not.
template <HypercallTransport T>
bool xen_has_feature(T& transport, u32 feature) {
  return (xen_features(transport, feature / 32).value_or(0) >> feature % 32 & 1) != 0;
}

}  // namespace pvk
