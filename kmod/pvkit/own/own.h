/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * What the shims of the own way share: this kernel is no Xen guest, pvkit.ko brings the guest side
 * up by itself. Each part has start, stop and, where a restored domain needs it, resume;
 * own.c calls them in their order.
 */
#ifndef PVKIT_KMOD_OWN_H
#define PVKIT_KMOD_OWN_H

#include <linux/cpumask.h>

#include "kmod/pvkit/own/edge.h"
#include "kmod/pvkit/own/edge_hypercall.h"
#include "kmod/pvkit/pvkit.h"

struct pci_dev;

/* report.c */
void pvk_own_report(struct seq_file *file);

/* own.c: before and after, and, while everything stands still, what a new domain needs first. */
void pvk_own_quiesce(void);
void pvk_own_restore(void);
void pvk_own_restore_cpu(unsigned int cpu);
void pvk_own_carry_on(int cancelled);
/* Xen has @what of ours until the domain ends: this module is never unloaded. */
void pvk_own_stay(const char *what);

/* frames.c: guest frames without memory behind them, in which Xen's pages are mapped. */
int pvk_own_frames_start(void);
void pvk_own_frames_stop(void);
/* @count frames in a row, or NULL; kept until stop. Nothing may be mapped in them any more then. */
void *pvk_own_frames(unsigned int count, pvk_u64 *gfn);
/* Xen's PCI device, or NULL. */
struct pci_dev *pvk_own_pci(void);

/* vectors.c: how upcalls reach each CPU. */
int pvk_own_vectors_start(void);
void pvk_own_vectors_stop(void);
void pvk_own_vectors_resume(void);
void pvk_own_vectors_resume_cpu(unsigned int cpu);
/* Nothing asks for an upcall any more, nor keeps the line raised. */
void pvk_own_vectors_quiet(void);
const char *pvk_own_delivery(void);
unsigned int pvk_own_upcall_cpus(void);
/* Whether upcalls reach @cpu, so that a channel may be bound to it. */
bool pvk_own_cpu_takes_upcalls(unsigned int cpu);

/* fifo_pages.c: memory for the FIFO ABI, where it is wanted and Xen has it. */
bool pvk_own_fifo(void);
/* Before @cpu takes upcalls. The first one's may turn pvk_own_fifo() to false. */
int pvk_own_fifo_cpu(unsigned int cpu);
int pvk_own_fifo_port(pvk_u32 port);
int pvk_own_fifo_resume(void);

/* kexec.c: before another kernel is started in this guest. */
int pvk_own_kexec_start(void);
void pvk_own_kexec_stop(void);
/* Whether that is so, and devices are to be left; and that one of them was. */
bool pvk_own_kexec(void);
void pvk_own_kexec_left(void);

/* sleep.c: hibernation and suspend to memory are refused. */
int pvk_own_sleep_start(void);
void pvk_own_sleep_stop(void);

/* events.c: channels as Linux interrupts. */
int pvk_own_events_start(void);
void pvk_own_events_stop(void);
void pvk_own_events_resume(void);
/* Before and after a suspend: meanwhile nobody opens or closes a channel. */
void pvk_own_events_hold(void);
void pvk_own_events_carry_on(int cancelled);
/*
 * event_moves.c: on @cpu, which takes no more upcalls, with interrupts off: its channels go
 * elsewhere, no event is lost.
 */
void pvk_own_events_leave(unsigned int cpu);
int pvk_own_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context,
		       struct pvk_event **event);
/* Binds a @port that the toolstack has opened. */
int pvk_own_event_bind(pvk_u32 port, const char *name, unsigned int priority, pvk_upcall upcall,
		       void *context, struct pvk_event **event);
void pvk_own_event_close(struct pvk_event *event);

/* bus.c, devices.c, device.c: the devices that xenstore names. */
int pvk_own_bus_start(void);
void pvk_own_bus_stop(void);
void pvk_own_bus_suspend(void);
void pvk_own_bus_resume(int cancelled);
int pvk_own_frontend_register(struct pvk_frontend *frontend);
void pvk_own_frontend_unregister(struct pvk_frontend *frontend);
pvk_u16 pvk_own_backend_domid(const struct pvk_bus *bus);

/* xenstore.c: a device's two directories. */
int pvk_own_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer,
		    pvk_size capacity);
int pvk_own_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key,
		     const char *value);
int pvk_own_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key);
int pvk_own_xs_begin(pvk_u32 *transaction);
int pvk_own_xs_end(pvk_u32 transaction, int commit);
int pvk_own_xs_set_state(struct pvk_bus *bus, int state);

#endif
