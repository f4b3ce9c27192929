/* SPDX-License-Identifier: GPL-2.0-only */
/* One device of our own xenbus. */
#ifndef PVKIT_KMOD_OWN_DEVICE_H
#define PVKIT_KMOD_OWN_DEVICE_H

#include <linux/device.h>
#include <linux/list.h>

#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/store.h"

#define PVK_PATH	128	/* of a device's directory */

struct pvk_own_device {
	struct device dev;
	struct pvk_bus bus;
	struct list_head list;
	char type[16];
	char frontend[PVK_PATH];	/* device/vbd/51712 */
	char backend[PVK_PATH];		/* /local/domain/0/backend/vbd/1/51712 */
	pvk_u16 backend_domid;
	int state;			/* that was set last, for sysfs; unknown: none yet */
	bool seen;			/* by the scan that is going on */
	bool probe_later;		/* a driver came at the wrong moment */
	bool away;			/* the domain may have moved: the backend is not known */
	bool watching;
	char watched[PVK_PATH + 8];	/* the backend's state */
	struct pvk_store_watch watch;
};

static inline struct pvk_own_device *pvk_own_device_of(const struct pvk_bus *bus)
{
	return container_of(bus, struct pvk_own_device, bus);
}

/* Their files in sysfs. */
extern const struct attribute_group *pvk_own_device_groups[];

/* Reads where the backend is; at probe and again after a restore. */
int pvk_own_device_meet(struct pvk_own_device *device);
/* Ends a connection that somebody before us in this domain has left standing. */
int pvk_own_device_end_previous(struct pvk_own_device *device);
/* Delivers the backend's states to the frontend from now on, the present one first. */
int pvk_own_device_watch(struct pvk_own_device *device);
void pvk_own_device_unwatch(struct pvk_own_device *device);

#endif
