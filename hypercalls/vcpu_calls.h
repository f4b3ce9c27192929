// SPDX-License-Identifier: MIT OR GPL-2.0-only
// vcpu_op (xen/vcpu.h), and vm_assist, which changes what one of its areas tells.
#pragma once

#include "hypercalls/calls.h"

#include <xen/hvm/hvm_vcpu.h>
#include <xen/vcpu.h>

namespace pvk {

template <HypercallTransport T>
long vcpu_op(T& transport, u32 operation, u32 vcpu, u64 argument = 0) {
  return transport.call(__HYPERVISOR_vcpu_op, operation, vcpu, argument, 0, 0);
}

// Context: vcpu_hvm_context in HVM and PVH guests, vcpu_guest_context in PV guests.
template <HypercallTransport T, class Context>
Status initialise_vcpu(T& transport, u32 vcpu, const Context& context) {
  return to_status(vcpu_op(transport, VCPUOP_initialise, vcpu, address_of(context)));
}

template <HypercallTransport T>
Status vcpu_up(T& transport, u32 vcpu) {
  return to_status(vcpu_op(transport, VCPUOP_up, vcpu));
}

template <HypercallTransport T>
Status vcpu_down(T& transport, u32 vcpu) {
  return to_status(vcpu_op(transport, VCPUOP_down, vcpu));
}

// kMissing for a vCPU that the domain does not have.
template <HypercallTransport T>
Result<bool> is_vcpu_up(T& transport, u32 vcpu) {
  return to_number<bool>(vcpu_op(transport, VCPUOP_is_up, vcpu));
}

template <HypercallTransport T>
Status send_nmi(T& transport, u32 vcpu) {
  return to_status(vcpu_op(transport, VCPUOP_send_nmi, vcpu));
}

// Moves vcpu_info from shared_info to a place of ours, within one page. Once for each vCPU, and
// the only way for vCPUs from XEN_LEGACY_MAX_VCPUS on. Only a vCPU itself may ask, or any for one
// that is down: kBadValue otherwise.
template <HypercallTransport T>
Status register_vcpu_info(T& transport, u32 vcpu, u64 gfn, u32 offset) {
  vcpu_register_vcpu_info argument{};
  argument.mfn = gfn;
  argument.offset = offset;
  return to_status(vcpu_op(transport, VCPUOP_register_vcpu_info, vcpu, address_of(argument)));
}

template <HypercallTransport T>
Result<vcpu_runstate_info> get_runstate(T& transport, u32 vcpu) {
  vcpu_runstate_info info{};
  PVK_TRY(to_status(vcpu_op(transport, VCPUOP_get_runstate_info, vcpu, address_of(info))));
  return info;
}

// From now on Xen writes `area` each time the vCPU is scheduled; nullptr ends that.
template <HypercallTransport T>
Status register_runstate(T& transport, u32 vcpu, vcpu_runstate_info* area) {
  vcpu_register_runstate_memory_area argument{};
  argument.addr.v = area;
  return to_status(
      vcpu_op(transport, VCPUOP_register_runstate_memory_area, vcpu, address_of(argument)));
}

// A second copy of the vCPU's time information, at an address that may be shown to user space.
template <HypercallTransport T>
Status register_time(T& transport, u32 vcpu, vcpu_time_info* area) {
  vcpu_register_time_memory_area argument{};
  argument.addr.v = area;
  return to_status(
      vcpu_op(transport, VCPUOP_register_vcpu_time_memory_area, vcpu, address_of(argument)));
}

template <HypercallTransport T>
Status set_periodic_timer(T& transport, u32 vcpu, u64 period_ns) {
  vcpu_set_periodic_timer argument{};
  argument.period_ns = period_ns;
  return to_status(vcpu_op(transport, VCPUOP_set_periodic_timer, vcpu, address_of(argument)));
}

template <HypercallTransport T>
Status stop_periodic_timer(T& transport, u32 vcpu) {
  return to_status(vcpu_op(transport, VCPUOP_stop_periodic_timer, vcpu));
}

// VIRQ_TIMER at `system_time`; kTooLate when that has passed. Only a vCPU itself may ask.
template <HypercallTransport T>
Status set_singleshot_timer(T& transport, u32 vcpu, u64 system_time) {
  vcpu_set_singleshot_timer argument{};
  argument.timeout_abs_ns = system_time;
  argument.flags = VCPU_SSHOTTMR_future;
  return to_status(vcpu_op(transport, VCPUOP_set_singleshot_timer, vcpu, address_of(argument)));
}

template <HypercallTransport T>
Status stop_singleshot_timer(T& transport, u32 vcpu) {
  return to_status(vcpu_op(transport, VCPUOP_stop_singleshot_timer, vcpu));
}

// Of a vCPU that is pinned: APIC id in the low half, ACPI id in the high one.
template <HypercallTransport T>
Result<u64> physical_id(T& transport, u32 vcpu) {
  vcpu_get_physid argument{};
  PVK_TRY(to_status(vcpu_op(transport, VCPUOP_get_physid, vcpu, address_of(argument))));
  return argument.phys_id;
}

// VMASST_TYPE_* (xen/xen.h).
template <HypercallTransport T>
Status enable_assist(T& transport, u32 type) {
  return to_status(transport.call(__HYPERVISOR_vm_assist, VMASST_CMD_enable, type, 0, 0, 0));
}

template <HypercallTransport T>
Status disable_assist(T& transport, u32 type) {
  return to_status(transport.call(__HYPERVISOR_vm_assist, VMASST_CMD_disable, type, 0, 0, 0));
}

}  // namespace pvk
