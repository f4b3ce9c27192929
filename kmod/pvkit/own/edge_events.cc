// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/own/edge_events.h"

#include "hypercalls/event_abi.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/event_throttle.h"
#include "kmod/pvkit/own/edge.h"
#include "kmod/pvkit/own/edge_hypercall.h"
#include "kmod/pvkit/own/edge_start.h"

namespace
{

/* By Xen's numbers of vCPUs; what the kernel calls CPU n may be another one. */
constinit pvk::TwoLevelView two_level_views[PVK_OWN_CPUS];
constinit pvk::FifoView fifo_views[PVK_OWN_CPUS];
constinit pvk::TwoLevelEvents two_level;
constinit pvk::FifoEvents fifo;
constinit pvk::EventAbi events{two_level, fifo};

struct Calls {
	pvk::Status unmask(pvk::Port port)
	{
		return pvk::unmask_event(pvk_own_transport, port);
	}
	pvk::Status bind_vcpu(pvk::Port port, unsigned vcpu)
	{
		return pvk::bind_vcpu(pvk_own_transport, port, vcpu);
	}
	pvk::Result<pvk::u8> init_control(unsigned vcpu, const void *block)
	{
		return pvk::init_control(pvk_own_transport, vcpu, pvk_gfn(block), 0);
	}
	pvk::Status expand_array(const void *page)
	{
		return pvk::expand_array(pvk_own_transport, pvk_gfn(page));
	}
};
constinit Calls calls;
constinit pvk::u32 priorities_refused = 0;

constexpr pvk::ThrottlePolicy kPolicy;
static_assert(PVK_OWN_PRIORITY == EVTCHN_FIFO_PRIORITY_DEFAULT);
static_assert(PVK_OWN_PRIORITY_LAST == EVTCHN_FIFO_PRIORITY_MIN);
static_assert(sizeof(pvk_own_throttle) == sizeof(pvk::EventThrottle));
static_assert(__builtin_offsetof(pvk_own_throttle, level) ==
	      __builtin_offsetof(pvk::EventThrottle, level));
static_assert(__builtin_offsetof(pvk_own_throttle, sleeps) ==
	      __builtin_offsetof(pvk::EventThrottle, sleeps));

} // namespace

extern "C" {

int pvk_own_events_attach(int want_fifo)
{
	pvk_own_vcpus_attach();
	events.choose_fifo(want_fifo != 0);
	const pvk::Status begun =
	    two_level.attach(pvk_own_shared(), {two_level_views, PVK_OWN_CPUS});
	if (!begun.ok() || want_fifo == 0)
		return pvk::to_errno(begun);
	return pvk::to_errno(fifo.attach({fifo_views, PVK_OWN_CPUS}));
}

void pvk_own_events_two_level(void)
{
	events.choose_fifo(false);
}

int pvk_own_fifo_is_on(void)
{
	return pvk::fifo_is_on(pvk_own_transport) ? 1 : 0;
}

int pvk_own_fifo_has_cpu(pvk_u32 cpu)
{
	return fifo.has_control(pvk_own_vcpu(cpu).number) ? 1 : 0;
}

int pvk_own_fifo_add_cpu(pvk_u32 cpu, void *page)
{
	auto *block = static_cast<evtchn_fifo_control_block *>(page);
	return pvk::to_errno(pvk::init_fifo_control(fifo, calls, pvk_own_vcpu(cpu).number, *block));
}

int pvk_own_fifo_add_page(void *page)
{
	return pvk::to_errno(pvk::add_fifo_page(fifo, calls, page));
}

pvk_u32 pvk_own_fifo_ports(void)
{
	return fifo.page_count() * pvk::FifoEvents::kPortsPerPage;
}

void pvk_own_events_quiet(void)
{
	events.mask_all();
}

pvk_u32 pvk_own_port_limit(void)
{
	return events.ports();
}

int pvk_own_port_open(pvk_u16 remote, pvk_u32 *port)
{
	const pvk::Result<pvk::Port> opened = pvk::alloc_unbound(pvk_own_transport, remote);
	if (!opened.ok())
		return pvk::to_errno(opened.error());
	*port = opened.value();
	if (*port < pvk_own_port_limit())
		return 0;
	pvk_own_port_close(*port);
	return -PVK_ENOSPC;
}

void pvk_own_port_close(pvk_u32 port)
{
	/* Only a port that is not ours could be refused. */
	static_cast<void>(pvk::close_event(pvk_own_transport, port).ok());
	events.clear_pending(port);
}

int pvk_own_port_move(pvk_u32 port, pvk_u32 cpu)
{
	/* Still in the old vCPU's queue: that one delivers it first. */
	if (events.is_fifo() && fifo.is_linked(port))
		return -PVK_EAGAIN;
	const unsigned vcpu = pvk_own_vcpu(cpu).number;
	const pvk::Status told = pvk::bind_vcpu(pvk_own_transport, port, vcpu);
	if (!told.ok())
		return pvk::to_errno(told);
	return pvk::to_errno(events.bind_vcpu(port, vcpu));
}

void pvk_own_port_mask(pvk_u32 port)
{
	events.mask(port);
}

void pvk_own_port_priority(pvk_u32 port, pvk_u32 priority)
{
	/* Refused: it comes in its turn, as it did before. */
	if (events.is_fifo() && !pvk::set_priority(pvk_own_transport, port, priority).ok())
		__atomic_fetch_add(&priorities_refused, 1, __ATOMIC_RELAXED);
}

pvk_u32 pvk_own_priorities_refused(void)
{
	return __atomic_load_n(&priorities_refused, __ATOMIC_RELAXED);
}

void pvk_own_port_unmask(pvk_u32 port)
{
	/* Refused for a port that is not open alone. */
	static_cast<void>(pvk::unmask_port(events, calls, port).ok());
}

void pvk_own_port_recheck(pvk_u32 port)
{
	if (!events.is_pending(port) || events.is_masked(port))
		return;
	events.mask(port);
	pvk_own_port_unmask(port);
}

int pvk_own_port_is_queued(pvk_u32 port)
{
	return events.is_fifo() && fifo.is_linked(port) ? 1 : 0;
}

void pvk_own_port_send(pvk_u32 port)
{
	static_cast<void>(pvk::send_event(pvk_own_transport, port).ok());
}

int pvk_own_upcall(pvk_u32 cpu)
{
	const OwnVcpu &vcpu = pvk_own_vcpu(cpu);
	if (vcpu.info == nullptr)
		return 0;
	const pvk::Scan scan =
	    events.scan(*vcpu.info, vcpu.number, [](pvk::Port port) { pvk_own_deliver(port); });
	return scan.again ? 1 : 0;
}

int pvk_own_take_over(pvk_u32 cpu)
{
	const pvk::Scan scan = events.take_over(pvk_own_vcpu(cpu).number,
						[](pvk::Port port) { pvk_own_deliver(port); });
	return scan.again ? 1 : 0;
}

pvk_u64 pvk_own_throttle_event(pvk_own_throttle *throttle, pvk_u64 now, int had_work)
{
	auto &state = *reinterpret_cast<pvk::EventThrottle *>(throttle);
	return pvk::throttle_event(state, kPolicy, now, had_work != 0);
}

int pvk_own_upcall_pending(pvk_u32 cpu)
{
	const OwnVcpu &vcpu = pvk_own_vcpu(cpu);
	return vcpu.info != nullptr &&
	       pvk::SharedWords::read(vcpu.info->evtchn_upcall_pending) != 0;
}

} // extern "C"
