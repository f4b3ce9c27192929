/* SPDX-License-Identifier: GPL-2.0-only */
/* What the shims of pvkit.ko, and frontends' shims, share beside platform.h. */
#ifndef PVKIT_KMOD_PVKIT_H
#define PVKIT_KMOD_PVKIT_H

#include <linux/types.h>

#include "pvkit/platform.h"

struct dentry;
struct xenbus_device;

/* A frontend's place on the kernel's own xenbus. */
struct pvk_bus {
	struct xenbus_device *dev;
};

/* The directory /sys/kernel/debug/pvkit; frontends add theirs. */
struct dentry *pvk_debugfs_root(void);

/* What is held of the hypervisor, over all frontends. */
struct pvk_held {
	unsigned int grants;	/* references reserved */
	unsigned int parked;	/* of these, kept by a backend after their end */
	unsigned int parked_ever;
	unsigned int events;	/* open event channels */
};

void pvk_count_held(struct pvk_held *held);
unsigned int pvk_events_open(void);
/* Waits until no grant is parked, or hands what is left to the kernel. */
void pvk_grants_exit(void);
void pvk_report_init(void);
void pvk_report_exit(void);

#endif
