// SPDX-License-Identifier: MIT OR GPL-2.0-only
// hvm_op (xen/hvm/hvm_op.h, xen/hvm/params.h).
#pragma once

#include "hypercalls/calls.h"

#include <xen/hvm/hvm_op.h>
#include <xen/hvm/params.h>

namespace pvk {

template <HypercallTransport T, class Argument>
Status hvm_op(T& transport, u32 operation, Argument& argument) {
  return to_status(transport.call(__HYPERVISOR_hvm_op, operation, address_of(argument), 0, 0, 0));
}

// HVM_PARAM_*, of this domain.
template <HypercallTransport T>
Result<u64> get_param(T& transport, u32 index) {
  xen_hvm_param argument{};
  argument.domid = DOMID_SELF;
  argument.index = index;
  PVK_TRY(hvm_op(transport, HVMOP_get_param, argument));
  return argument.value;
}

// Setting HVM_PARAM_CALLBACK_IRQ also makes Xen take this caller's word size for the layout of
// shared_info, which firmware may have left at 32 bits.
template <HypercallTransport T>
Status set_param(T& transport, u32 index, u64 value) {
  xen_hvm_param argument{};
  argument.domid = DOMID_SELF;
  argument.index = index;
  argument.value = value;
  return hvm_op(transport, HVMOP_set_param, argument);
}

// Events of `vcpu` come as this interrupt vector from now on, the first one at once. It cannot be
// withdrawn; below 0x10 is kBadValue.
template <HypercallTransport T>
Status set_upcall_vector(T& transport, u32 vcpu, u8 vector) {
  xen_hvm_evtchn_upcall_vector argument{};
  argument.vcpu = vcpu;
  argument.vector = vector;
  return hvm_op(transport, HVMOP_set_evtchn_upcall_vector, argument);
}

// Flushes the TLBs of all vCPUs.
template <HypercallTransport T>
Status flush_tlbs(T& transport) {
  return to_status(transport.call(__HYPERVISOR_hvm_op, HVMOP_flush_tlbs, 0, 0, 0, 0));
}

// Nanoseconds since this domain's system time began.
template <HypercallTransport T>
Result<u64> hvm_time(T& transport) {
  xen_hvm_get_time argument{};
  PVK_TRY(hvm_op(transport, HVMOP_get_time, argument));
  return argument.now;
}

// What Xen takes the frame for: HVMMEM_*.
template <HypercallTransport T>
Result<u16> memory_type(T& transport, u64 gfn) {
  xen_hvm_get_mem_type argument{};
  argument.domid = DOMID_SELF;
  argument.pfn = gfn;
  PVK_TRY(hvm_op(transport, HVMOP_get_mem_type, argument));
  return argument.mem_type;
}

}  // namespace pvk
