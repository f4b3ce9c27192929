// SPDX-License-Identifier: MIT OR GPL-2.0-only
// event_channel_op (xen/event_channel.h).
#pragma once

#include "hypercalls/calls.h"

#include <xen/event_channel.h>

namespace pvk {

template <HypercallTransport T, class Argument>
Status event_channel_op(T& transport, u32 operation, Argument& argument) {
  return to_status(
      transport.call(__HYPERVISOR_event_channel_op, operation, address_of(argument), 0, 0, 0));
}

// A port of ours that `remote` may bind, once.
template <HypercallTransport T>
Result<Port> alloc_unbound(T& transport, DomId remote) {
  evtchn_alloc_unbound argument{};
  argument.dom = DOMID_SELF;
  argument.remote_dom = remote;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_alloc_unbound, argument));
  return argument.port;
}

// The new port is pending at once, whether or not somebody sent.
template <HypercallTransport T>
Result<Port> bind_interdomain(T& transport, DomId remote, Port remote_port) {
  evtchn_bind_interdomain argument{};
  argument.remote_dom = remote;
  argument.remote_port = remote_port;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_bind_interdomain, argument));
  return argument.local_port;
}

// Global VIRQs must be bound to vCPU 0 first; kExists when one is bound already.
template <HypercallTransport T>
Result<Port> bind_virq(T& transport, u32 virq, u32 vcpu) {
  evtchn_bind_virq argument{};
  argument.virq = virq;
  argument.vcpu = vcpu;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_bind_virq, argument));
  return argument.port;
}

template <HypercallTransport T>
Result<Port> bind_pirq(T& transport, u32 pirq, bool will_share) {
  evtchn_bind_pirq argument{};
  argument.pirq = pirq;
  argument.flags = will_share ? BIND_PIRQ__WILL_SHARE : 0;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_bind_pirq, argument));
  return argument.port;
}

template <HypercallTransport T>
Result<Port> bind_ipi(T& transport, u32 vcpu) {
  evtchn_bind_ipi argument{};
  argument.vcpu = vcpu;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_bind_ipi, argument));
  return argument.port;
}

template <HypercallTransport T>
Status close_event(T& transport, Port port) {
  evtchn_close argument{};
  argument.port = port;
  return event_channel_op(transport, EVTCHNOP_close, argument);
}

template <HypercallTransport T>
Status send_event(T& transport, Port port) {
  evtchn_send argument{};
  argument.port = port;
  return event_channel_op(transport, EVTCHNOP_send, argument);
}

// One of our own ports: EVTCHNSTAT_* and the other end.
template <HypercallTransport T>
Result<evtchn_status> event_status(T& transport, Port port) {
  evtchn_status argument{};
  argument.dom = DOMID_SELF;
  argument.port = port;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_status, argument));
  return argument;
}

template <HypercallTransport T>
Status bind_vcpu(T& transport, Port port, u32 vcpu) {
  evtchn_bind_vcpu argument{};
  argument.port = port;
  argument.vcpu = vcpu;
  return event_channel_op(transport, EVTCHNOP_bind_vcpu, argument);
}

// Unmasks, and raises the upcall again when the event is pending.
template <HypercallTransport T>
Status unmask_event(T& transport, Port port) {
  evtchn_unmask argument{};
  argument.port = port;
  return event_channel_op(transport, EVTCHNOP_unmask, argument);
}

// Closes every port, those of xenstore and console too, and leaves the FIFO ABI.
template <HypercallTransport T>
Status reset_events(T& transport) {
  evtchn_reset argument{};
  argument.dom = DOMID_SELF;
  return event_channel_op(transport, EVTCHNOP_reset, argument);
}

// Gives a vCPU its FIFO control block; returns how many bits of an event word are its link.
template <HypercallTransport T>
Result<u8> init_control(T& transport, u32 vcpu, u64 gfn, u32 offset) {
  evtchn_init_control argument{};
  argument.control_gfn = gfn;
  argument.offset = offset;
  argument.vcpu = vcpu;
  PVK_TRY(event_channel_op(transport, EVTCHNOP_init_control, argument));
  return argument.link_bits;
}

template <HypercallTransport T>
Status expand_array(T& transport, u64 gfn) {
  evtchn_expand_array argument{};
  argument.array_gfn = gfn;
  return event_channel_op(transport, EVTCHNOP_expand_array, argument);
}

// Whether this domain has the FIFO ABI already, because somebody before us in it chose so: Xen then
// looks at the frame that it is offered, and finds none of that number.
template <HypercallTransport T>
bool fifo_is_on(T& transport) {
  const Status refused = expand_array(transport, ~u64{0});
  if (refused.ok()) return true;
  return refused.error() == Error::kBadValue || refused.error() == Error::kNoEvent;
}

// EVTCHN_FIFO_PRIORITY_MAX (0, the first to be served) to _MIN (15).
template <HypercallTransport T>
Status set_priority(T& transport, Port port, u32 priority) {
  evtchn_set_priority argument{};
  argument.port = port;
  argument.priority = priority;
  return event_channel_op(transport, EVTCHNOP_set_priority, argument);
}

}  // namespace pvk
