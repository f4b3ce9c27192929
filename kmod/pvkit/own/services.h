/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The platform's services in own mode: unplug, clock, shutdown control, panic, balloon, watchdog,
 * console. Each has a start, a stop, and where a suspension matters to it, the two ends of one.
 * docs/services.md says what each does and in which order they start.
 */
#ifndef PVKIT_KMOD_OWN_SERVICES_H
#define PVKIT_KMOD_OWN_SERVICES_H

#include <linux/types.h>

#include "pvkit/platform.h"

struct seq_file;

/*
 * Asks the device model to take its emulated disks out, unless one is in use. Never fails for
 * what the host or the administrator decided: ask pvk_unplug_disks_gone().
 */
int pvk_unplug_start(void);
/* In a restored domain, while everything stands still: what was unplugged is there again. */
void pvk_unplug_resume(void);
/* Whether every disk of the guest may be driven by a frontend. */
int pvk_unplug_disks_gone(void);
/* The same for one disk, by its virtual-device number. */
int pvk_unplug_disk_gone(pvk_u32 virtual_device);
/* Whether the emulated network cards were unplugged. */
int pvk_unplug_nics_gone(void);

/* The clocksource "pvkit". Timekeeping itself tells it of a suspension (syscore). */
int pvk_clock_start(void);
void pvk_clock_stop(void);

/*
 * The time of day after a suspension. These may sleep: before the other CPUs are stopped and after
 * they run again, when timekeeping does.
 */
void pvk_wallclock_suspend(void);
void pvk_wallclock_resume(int cancelled);

/* What the toolstack asks for in xenstore's control/: poweroff, reboot, suspend, crash, sysrq. */
int pvk_shutdown_start(void);
void pvk_shutdown_stop(void);
/* Says what we can do again: a restored domain's control/ is another one. */
void pvk_shutdown_resume(int cancelled);
/*
 * Suspends the domain and returns when it runs again: 0, or a negative errno when it was never
 * suspended, which is in the log. Process context. Given by who orders all parts.
 */
int pvk_own_suspend(void);

/* A panic and a poweroff that Xen hears of. */
int pvk_panic_start(void);
void pvk_panic_stop(void);

/* Stops what an earlier kernel or load left running. */
int pvk_watchdog_take_over(void);
/* A watchdog device that Xen keeps. Without the kernel's watchdog core there is none. */
int pvk_watchdog_start(void);
void pvk_watchdog_stop(void);
void pvk_watchdog_suspend(void);
void pvk_watchdog_resume(int cancelled);

/* Gives memory up and takes it back as xenstore's memory/target says. */
int pvk_balloon_start(void);
/* Takes back what the host gives; what it does not give stays away until the next start. */
void pvk_balloon_stop(void);
/* Once stopped: how many pages stay away, whichever load gave them up. Looks at every page. */
u64 pvk_balloon_left(void);
void pvk_balloon_resume(int cancelled);
/* Name and number, one a line. */
void pvk_balloon_counters(struct seq_file *file);

/* The paravirtual console's ring. A guest without one has none. */
int pvk_console_start(void);
void pvk_console_stop(void);
/* With events back at work. */
void pvk_console_resume(int cancelled);
/* /dev/hvc0 and console=hvc0 on it. */
int pvk_hvc_start(void);
void pvk_hvc_stop(void);

/*
 * Of @cpu: its struct vcpu_time_info, kept up to date by Xen; NULL when it has none. Given by
 * who shares vCPU records with Xen. Called from the clock's read: not traceable, any context.
 */
const void *pvk_own_vcpu_time(unsigned int cpu);

#endif
