/* SPDX-License-Identifier: GPL-2.0-only */
/* A transport over the real one that now and then refuses a hypercall; modules with FAULTS=1. */
#ifndef PVKIT_KMOD_OWN_FAULTY_TRANSPORT_H
#define PVKIT_KMOD_OWN_FAULTY_TRANSPORT_H

#include "hypercalls/any_transport.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/hvm_calls.h"
#include "kmod/pvkit/faults.h"

struct FaultyTransport {
	constexpr FaultyTransport() = default;
	constexpr explicit FaultyTransport(pvk::AnyTransport real) : below(real)
	{
	}

	long call(pvk::u64 number, pvk::u64 a1, pvk::u64 a2, pvk::u64 a3, pvk::u64 a4,
		  pvk::u64 a5) const
	{
		if (!is_spared(number, a1) && pvk_faults_hypercall(number, a1) != 0)
			return -XEN_ENOMEM;
		return below.call(number, a1, a2, a3, a4, a5);
	}

	/*
	 * What Xen refuses for a port alone that is not open, and what could not be survived:
	 * - an event that is not sent, or not raised again, is waited for until a time-out;
	 * - a vector that an earlier load told stays Xen's choice, and the line gets no event;
	 * - the end of the domain.
	 */
	static bool is_spared(pvk::u64 number, pvk::u64 operation)
	{
		if (number == __HYPERVISOR_event_channel_op)
			return operation == EVTCHNOP_send || operation == EVTCHNOP_unmask;
		if (number == __HYPERVISOR_hvm_op)
			return operation == HVMOP_set_evtchn_upcall_vector;
		return number == __HYPERVISOR_sched_op;
	}

	pvk::AnyTransport below;
};

#endif
