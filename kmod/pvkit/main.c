// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvkit.ko: the platform that the freestanding frontends run on. In a kernel that already is a
 * Xen guest it is a client of the kernel's own grants, event channels and xenbus.
 */
#include <linux/module.h>
#include <xen/xen.h>

#include "kmod/pvkit/pvkit.h"

static int __init pvkit_init(void)
{
	if (!xen_domain()) {
		pr_err("pvkit: this machine is not a Xen guest\n");
		return -ENODEV;
	}
	pvk_report_init();
	return 0;
}

static void __exit pvkit_exit(void)
{
	pvk_report_exit();
	pvk_grants_exit();
}

module_init(pvkit_init);
module_exit(pvkit_exit);
MODULE_DESCRIPTION("pvkit: Xen guest runtime");
MODULE_LICENSE("GPL");
