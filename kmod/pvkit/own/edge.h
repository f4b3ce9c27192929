/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C face of the runtime's hypervisor core (hypercalls/): one direct call each way. Results are
 * 0 or a negative errno unless said otherwise.
 */
#ifndef PVKIT_KMOD_OWN_EDGE_H
#define PVKIT_KMOD_OWN_EDGE_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- edge_start.cc: before anything else -------------------------------------------------- */

/* -ENODEV: no Xen below, or one that offers no hypercalls to a guest of this kind. */
int pvk_own_detect(void);
/* The number that Xen gives the vCPU that this runs on, if it says so. */
int pvk_own_vcpu_here(pvk_u32 *vcpu);
/*
 * Maps the page that is shared with Xen over @gfn, where @page shows it, and makes Xen use its
 * 64-bit layout.
 */
int pvk_own_share_info(void *page, pvk_u64 gfn);
void pvk_own_unshare_info(pvk_u64 gfn);
/* Gives the memory of a frame to Xen; and has memory at a frame that has none, zeroed. */
int pvk_own_depopulate(pvk_u64 gfn);
int pvk_own_populate(pvk_u64 gfn);
int pvk_own_param(pvk_u32 index, pvk_u64 *value);
int pvk_own_set_param(pvk_u32 index, pvk_u64 value);
/* Has upcalls of @vcpu come by @vector. Cannot be taken back. */
int pvk_own_set_vector(pvk_u32 vcpu, pvk_u8 vector);

/* Stops the domain: 0 when it goes on restored, 1 when Xen gave it up, or a negative errno. */
int pvk_own_suspend_call(void);
/* ---- edge_vcpus.cc ------------------------------------------------------------------------ */

enum { PVK_OWN_CPUS = 128 };

/*
 * Tells which vCPU @cpu is, before it takes upcalls. Beyond what the shared page has room for (32),
 * @record in frame @gfn is where its part goes, 64 bytes that cross no page and live as long as the
 * domain; without one, and without one of an earlier life, -ENOMEM. On that CPU.
 */
int pvk_own_add_cpu(pvk_u32 cpu, pvk_u32 vcpu, void *record, pvk_u64 gfn);
/* In a restored domain, on @cpu: Xen is told of its record, if that is not in the shared page. */
int pvk_own_vcpu_again(pvk_u32 cpu);
/* The vCPU of @cpu, once it was added. */
pvk_u32 pvk_own_vcpu_of(pvk_u32 cpu);
/* struct vcpu_time_info of a CPU, or NULL. */
const void *pvk_own_vcpu_time(unsigned int cpu);

/* ---- edge_events.cc: event channels ------------------------------------------------------- */

/*
 * Begins with the shared page: every channel is masked and none is open. @fifo: by the FIFO ABI,
 * which cannot be left again; each CPU then needs a control block before its upcalls, and each
 * 1,024 ports a page.
 */
int pvk_own_events_attach(int fifo);
/* By the 2-level ABI after all: only while no CPU has a control block. */
void pvk_own_events_two_level(void);
/* Somebody before us in this domain chose FIFO. */
int pvk_own_fifo_is_on(void);
/* @page: zeroed, and Xen's as long as the domain lives. */
int pvk_own_fifo_add_cpu(pvk_u32 cpu, void *page);
/* Whether Xen has a page for @cpu, which it may have after an error too. */
int pvk_own_fifo_has_cpu(pvk_u32 cpu);
int pvk_own_fifo_add_page(void *page);
/* How many ports have a page. */
pvk_u32 pvk_own_fifo_ports(void);

/* Masks every channel. */
void pvk_own_events_quiet(void);
/* How many ports there are; a greater one is never handed out. */
pvk_u32 pvk_own_port_limit(void);
/* Opens a channel that @remote can bind, -ENOSPC when there is none. It is masked. */
int pvk_own_port_open(pvk_u16 remote, pvk_u32 *port);
void pvk_own_port_close(pvk_u32 port);
/*
 * Events come to @cpu from now on. The port must be masked meanwhile. -EAGAIN: one waits for the
 * old CPU still.
 */
int pvk_own_port_move(pvk_u32 port, pvk_u32 cpu);
void pvk_own_port_mask(pvk_u32 port);
/*
 * Which of a CPU's waiting ports come first, 0 before all others and 15 after them. By the 2-level
 * ABI all are equal.
 */
enum { PVK_OWN_PRIORITY_STORE = 4, PVK_OWN_PRIORITY = 7, PVK_OWN_PRIORITY_LAST = 15 };
void pvk_own_port_priority(pvk_u32 port, pvk_u32 priority);
/* How often Xen did not want that. */
pvk_u32 pvk_own_priorities_refused(void);
/* An event that came meanwhile is delivered. */
void pvk_own_port_unmask(pvk_u32 port);
/* Raises an upcall again for an event that is still there: a moment after each move. */
void pvk_own_port_recheck(pvk_u32 port);
/* FIFO: a CPU has yet to take it out of its queue. */
int pvk_own_port_is_queued(pvk_u32 port);
void pvk_own_port_send(pvk_u32 port);
/*
 * What @cpu does on an upcall: calls pvk_own_deliver for each port that is pending there. 1: it is
 * to be called once more, and no upcall will come for that.
 */
int pvk_own_upcall(pvk_u32 cpu);
/* The same for a CPU that takes no more upcalls, on another one or on itself. */
int pvk_own_take_over(pvk_u32 cpu);
/* Whether an upcall is due on @cpu: for an interrupt line that others share. */
int pvk_own_upcall_pending(pvk_u32 cpu);

/* See pvk::EventThrottle; all zero at first. */
struct pvk_own_throttle {
	pvk_u64 window_start;
	pvk_u32 idle, useful;
	pvk_u8 level;
	pvk_u32 sleeps;
};

/* After an event of a port at @now: for how many nanoseconds it is to be masked, or 0. */
pvk_u64 pvk_own_throttle_event(struct pvk_own_throttle *throttle, pvk_u64 now, int had_work);

/* Implemented by the shims. */
void pvk_own_deliver(pvk_u32 port);

#ifdef __cplusplus
}
#endif

#endif
