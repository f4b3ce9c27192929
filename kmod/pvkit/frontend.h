/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * How the shims of a frontend meet their devices, whoever runs xenbus: the kernel, when it is a
 * Xen guest, or pvkit.ko itself.
 */
#ifndef PVKIT_KMOD_FRONTEND_H
#define PVKIT_KMOD_FRONTEND_H

#include <linux/types.h>

#include "pvkit/platform.h"

struct dentry;
struct device;
struct xenbus_device;

/* The numbers of xen/io/xenbus.h. */
enum pvk_state {
	PVK_STATE_UNKNOWN, PVK_STATE_INITIALISING, PVK_STATE_INIT_WAIT, PVK_STATE_INITIALISED,
	PVK_STATE_CONNECTED, PVK_STATE_CLOSING, PVK_STATE_CLOSED
};

/* One device of xenstore's device/<type>/. Lives from probe to remove. */
struct pvk_bus {
	struct device *dev;
	void *frontend;			/* the frontend's own, set by its probe */
	struct xenbus_device *xenbus;	/* on the kernel's xenbus; NULL on our own */
};

struct pvk_frontend {
	const char *type;		/* "vbd" */
	const char *module;
	/*
	 * All may sleep, and never two of them at once for one device. None that comes from
	 * xenstore or a suspend makes memory by writing to a disk.
	 */
	int (*probe)(struct pvk_bus *bus);
	void (*remove)(struct pvk_bus *bus);
	/* @state: as of pvk_bus_state(). A frontend that is told an errno asks again by itself. */
	void (*backend_changed)(struct pvk_bus *bus, int state);
	void (*suspend)(struct pvk_bus *bus);
	void (*resume)(struct pvk_bus *bus);
	bool (*is_ready)(struct pvk_bus *bus);
	void *registration;		/* of who runs xenbus */
};

int pvk_frontend_register(struct pvk_frontend *frontend);
void pvk_frontend_unregister(struct pvk_frontend *frontend);

/*
 * The state key of one side, read now: safe in the thread that delivers xenstore's events. Unknown
 * when there is none; a negative errno when there is no answer, which says nothing of the device.
 */
int pvk_bus_state(struct pvk_bus *bus, int side);

/* Whether there can be virtual disks at all: the emulated ones may have been kept. */
bool pvk_disks_are_ours(void);
/* And whether this one, by its virtual-device number, is no emulated disk at the same time. */
bool pvk_disk_is_ours(pvk_u32 virtual_device);
/* This guest is HVM: CDs are the device model's. */
bool pvk_guest_is_hvm(void);

/* The directory /sys/kernel/debug/pvkit; frontends add theirs. */
struct dentry *pvk_debugfs_root(void);

#endif
