/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C face of pvops/: one direct call each way. Records have the layout of their C++ twins,
 * which edge_*.cc assert where they share memory.
 */
#ifndef PVKIT_KMOD_OWN_EDGE_SERVICES_H
#define PVKIT_KMOD_OWN_EDGE_SERVICES_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

/* ---- unplug (pvops/unplug.h) ---- */

enum {
	PVK_UNPLUG_IDE_DISKS = 1,
	PVK_UNPLUG_NICS = 2,
	PVK_UNPLUG_AUX_IDE_DISKS = 4,
	PVK_UNPLUG_NVME_DISKS = 8,
	PVK_UNPLUG_ANY_DISK = PVK_UNPLUG_IDE_DISKS | PVK_UNPLUG_AUX_IDE_DISKS |
			      PVK_UNPLUG_NVME_DISKS
};

struct pvk_unplug_choice {
	pvk_u32 policy;
	pvk_u32 devices;
};

/* Of emulated disks; all but @any: those that answer once the mask was written. */
struct pvk_unplug_controllers {
	pvk_u32 any;
	pvk_u32 nvme;
	pvk_u32 scsi;
	pvk_u32 sata;	/* ports that may have a disk */
};

void pvk_unplug_default(struct pvk_unplug_choice *choice);
void pvk_unplug_never(struct pvk_unplug_choice *choice);
/* 0, or -EINVAL when @text has a word that is none. */
int pvk_unplug_parse(const char *text, pvk_size length, struct pvk_unplug_choice *choice);
/* Takes out of @choice what @busy forbids, speaks the protocol, and returns the outcome. */
int pvk_unplug_ask(struct pvk_unplug_choice *choice, pvk_u32 busy);
/* The same in a restored domain: not for what is in use by now. */
int pvk_unplug_ask_again(const struct pvk_unplug_choice *choice,
			 const struct pvk_unplug_controllers *found);
int pvk_unplug_is_gone(int outcome, const struct pvk_unplug_choice *choice,
		       const struct pvk_unplug_controllers *found, pvk_u32 virtual_device);
/* Ports of an AHCI controller that may have a disk; @bytes of its registers are mapped there. */
pvk_u32 pvk_unplug_sata_disks(const void *registers, pvk_size bytes);
/* Whether the mask was written. */
int pvk_unplug_done(int outcome);
const char *pvk_unplug_text(int outcome);

/*
 * ---- clock (pvops/pvclock.h) and wall clock (pvops/wallclock.h); @record: of the vCPU that this
 * runs on, which must not be left meanwhile ----
 */

/* Nanoseconds, never backwards. Any context. */
pvk_u64 pvk_clock_now(const void *record);
/* While no other vCPU runs. */
void pvk_clock_stand_still(const void *record);
void pvk_clock_go_on(const void *record);
/* The host's time of day in nanoseconds. */
pvk_u64 pvk_clock_host_time(const void *record);

struct pvk_time_of_day {
	pvk_u64 host;
	pvk_u64 guest;
};

/* How far to set the guest's clock forward; 0: not at all. */
pvk_u64 pvk_clock_slept(const struct pvk_time_of_day *before, const struct pvk_time_of_day *now);

/* ---- shutdown control (pvops/shutdown_control.h) ---- */

enum pvk_control_request {
	PVK_CONTROL_NONE,
	PVK_CONTROL_POWEROFF,
	PVK_CONTROL_REBOOT,
	PVK_CONTROL_SUSPEND,
	PVK_CONTROL_CRASH,
	PVK_CONTROL_UNKNOWN
};

#define PVK_CONTROL_WORD	32

/*
 * Takes what control/shutdown says and returns what to do about it: enum pvk_control_request, or a
 * negative errno. @word: what stood there, with a NUL.
 */
int pvk_control_take(char word[PVK_CONTROL_WORD]);
/* Takes control/sysrq: its character, 0 for none, or a negative errno. */
int pvk_control_take_sysrq(void);

/* Implemented by the shims. Whether nothing can keep the system from going down any more. */
int pvk_control_going_down(void);
/* Below control/ in xenstore, see platform.h for what these return. */
int pvk_control_begin(pvk_u32 *transaction);
int pvk_control_read(pvk_u32 transaction, const char *key, char *buffer, pvk_size capacity);
int pvk_control_write(pvk_u32 transaction, const char *key, const char *value);
int pvk_control_end(pvk_u32 transaction, int commit);

/* ---- the end of the domain, and its watchdog (hypercalls/sched_calls.h, pvops/watchdog.h) ---- */

enum pvk_domain_end {
	PVK_END_POWEROFF = 0,	/* SHUTDOWN_* of xen/sched.h */
	PVK_END_CRASH = 3
};

/* Comes back only when it is refused. Any context. */
void pvk_domain_end(pvk_u32 reason);
/* What is reported should the domain end by other means. Any context. */
void pvk_domain_will_end(pvk_u32 reason);

/* Callers serialise these. First: stops what a former kernel left running. */
void pvk_dog_take_over(void);
/* @seconds: not 0. */
int pvk_dog_feed(pvk_u32 seconds);
int pvk_dog_stop(void);

/* ---- balloon (pvops/balloon.h); callers serialise all of them ---- */

#define PVK_BALLOON_BATCH	512

/* KiB, as xenstore's memory/ says. */
struct pvk_balloon_order {
	pvk_u64 static_max;
	pvk_u64 video_ram;
	pvk_u64 target;
};

/* Pages. */
struct pvk_balloon_view {
	pvk_u64 total;		/* with nothing given up */
	pvk_u64 given;
	pvk_u64 available;
};

enum pvk_balloon_kind { PVK_BALLOON_REST, PVK_BALLOON_GIVE, PVK_BALLOON_TAKE };

struct pvk_balloon_step {
	int kind;
	pvk_u64 pages;
};

#define PVK_BALLOON_DONE	0xffffffffu

/* 0 or -EINVAL. */
int pvk_balloon_number(const char *text, pvk_size length, pvk_u64 *kib);
/* How many pages Xen counts as this domain's; 0 when it does not say. */
pvk_u64 pvk_balloon_reservation(void);
/* Returns how many pages are to be given up. */
pvk_u64 pvk_balloon_aim(const struct pvk_balloon_order *order);
struct pvk_balloon_step pvk_balloon_next(const struct pvk_balloon_view *view);
/* Milliseconds until the next step, or PVK_BALLOON_DONE. */
pvk_u32 pvk_balloon_finished(const struct pvk_balloon_step *step, pvk_u64 pages_done,
			     const struct pvk_balloon_view *view);
/* How many pages to take back at once. */
pvk_u64 pvk_balloon_pressed(const struct pvk_balloon_view *view);
/* How many frames, from the first on, lost or got their memory. */
pvk_u64 pvk_balloon_give(pvk_u64 *gfns, pvk_u32 count);
pvk_u64 pvk_balloon_take(pvk_u64 *gfns, pvk_u32 count);
/* What is kept with a frame that is given up, for the next load of the module. */
pvk_u64 pvk_balloon_mark(pvk_u64 gfn);
int pvk_balloon_is_marked(pvk_u64 gfn, pvk_u64 word);

/* ---- console (pvops/console_ring.h); callers serialise reads, and all others of these ---- */

#define PVK_CONSOLE_IN	1024	/* characters that can be waiting for us */

/* While nobody reads either. */
void pvk_console_attach(void *page);
/* How many characters went or came, or -EPROTO: the daemon's index makes no sense. */
int pvk_console_write(const char *text, pvk_u32 count);
int pvk_console_read(char *buffer, pvk_u32 capacity);
/* How many could be written, or -EPROTO. */
int pvk_console_room(void);
/* 1 when the daemon has taken something since this was asked last, 0 or -EPROTO. */
int pvk_console_drained(void);

#ifdef __cplusplus
}
#endif

#endif
