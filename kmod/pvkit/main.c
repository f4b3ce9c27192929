// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvkit.ko: the platform that the freestanding frontends run on. In a kernel that already is a
 * Xen guest it is a client of the kernel's own grants, event channels and xenbus; in one that is
 * not it brings Xen up by itself. Never both.
 */
#include <linux/module.h>
#include <xen/xen.h>

#include "kmod/pvkit/faults.h"
#include "kmod/pvkit/pvkit.h"

static int choose_way(void)
{
	if (!xen_domain()) {
#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
		static_branch_enable(&pvk_own_key);
#endif
		pvk_way = &pvk_own;
		return 0;
	}
#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
	pvk_way = &pvk_client;
	return 0;
#else
	pr_err("pvkit: this kernel is a Xen guest without xenbus: it has another owner\n");
	return -EBUSY;
#endif
}

static int start(void)
{
	int err = choose_way();

	if (err)
		return err;
	pvk_report_init();
	err = pvk_way->start();
	if (err)
		pvk_report_exit();
	return err;
}

static int __init pvkit_init(void)
{
	int err;

	pvk_faults_enter("init");
	err = start();
	pvk_faults_leave("init");
	return err;
}

static void __exit pvkit_exit(void)
{
	pvk_faults_enter("exit");
	pvk_parking_exit();
	pvk_way->stop();
	pvk_report_exit();
	pvk_faults_leave("exit");
}

module_init(pvkit_init);
module_exit(pvkit_exit);
MODULE_DESCRIPTION("pvkit: Xen guest runtime");
MODULE_LICENSE("GPL");
