// SPDX-License-Identifier: GPL-2.0-only
/* This kernel already is a Xen guest: pvkit is a client of its grants, channels and xenbus. */
#include <asm/xen/hypercall.h>
#include <xen/interface/version.h>
#include <xen/platform_pci.h>
#include <xen/xen.h>

#include "compat/xen.h"
#include "kmod/pvkit/client/client.h"

/* How virtual-device numbers say xvd (docs/block-frontend.md). */
#define EXTENDED_DEVICE	(1u << 28)
#define XVD_MAJOR	202

static int start(void)
{
	return 0;
}

static void stop(void)
{
}

static const char *guest_type(void)
{
	if (xen_pv_domain())
		return "pv";
	return xen_pvh_domain() ? "pvh" : "hvm";
}

static int xen_version(void)
{
	return HYPERVISOR_xen_version(XENVER_version, NULL);
}

static pvk_u16 backend_domid(const struct pvk_bus *bus)
{
	return bus->xenbus->otherend_id;
}

static bool disks_are_ours(void)
{
	return xen_has_pv_disk_devices();
}

/* Emulated disks have no xvd names: hd and sd ones may be theirs. */
static bool disk_is_ours(pvk_u32 virtual_device)
{
	bool is_xvd = virtual_device & EXTENDED_DEVICE || virtual_device >> 8 == XVD_MAJOR;

	return is_xvd || !xen_hvm_domain() || !xen_has_pv_and_legacy_disk_devices();
}

const struct pvk_way pvk_client = {
	.name = "kernel",
	.start = start,
	.stop = stop,
	.guest_type = guest_type,
	.xen_version = xen_version,
	.grant_reserve = pvk_client_grant_reserve,
	.grant_release = pvk_client_grant_release,
	.grant_end = pvk_client_grant_end,
	.grant_abandon = pvk_client_grant_abandon,
	.event_open = pvk_client_event_open,
	.event_close = pvk_client_event_close,
	.xs_read = pvk_client_xs_read,
	.xs_write = pvk_client_xs_write,
	.xs_remove = pvk_client_xs_remove,
	.xs_begin = pvk_client_xs_begin,
	.xs_end = pvk_client_xs_end,
	.xs_set_state = pvk_client_xs_set_state,
	.backend_domid = backend_domid,
	.frontend_register = pvk_client_frontend_register,
	.frontend_unregister = pvk_client_frontend_unregister,
	.disks_are_ours = disks_are_ours,
	.disk_is_ours = disk_is_ours,
};
