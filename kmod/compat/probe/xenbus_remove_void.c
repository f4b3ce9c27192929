// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.3, and 6.1 stable releases: the remove callback of a xenbus driver returns nothing. Before:
 * int.
 */
#include <xen/xenbus.h>

void pvk_remove(struct xenbus_device *dev);

struct xenbus_driver pvk_probe = {
	.remove = pvk_remove,
};
