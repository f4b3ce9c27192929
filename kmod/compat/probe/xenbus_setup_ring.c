// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.19: xenbus allocates, grants and takes down a shared ring for the driver. Before:
 * xenbus_grant_ring() on pages of the driver's own.
 */
#include <xen/xenbus.h>

int pvk_probe(struct xenbus_device *dev, void **ring, grant_ref_t *refs);
int pvk_probe(struct xenbus_device *dev, void **ring, grant_ref_t *refs)
{
	return xenbus_setup_ring(dev, GFP_KERNEL, ring, 1, refs);
}
