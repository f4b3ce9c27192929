// SPDX-License-Identifier: GPL-2.0-only
/* A panic that the toolstack hears of, and a poweroff for machines whose firmware has none. */
#include <linux/kernel.h>
#include <linux/kexec.h>
#include <linux/limits.h>
#include <linux/module.h>
#include <linux/notifier.h>
#include <linux/panic_notifier.h>
#include <linux/reboot.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"

static bool wanted = true;
module_param_named(panic, wanted, bool, 0644);
MODULE_PARM_DESC(panic, "tell Xen of a panic: on_crash then rules (default: yes)");

static struct sys_off_handler *power_off;

/*
 * Whatever ends the domain from here on, the toolstack takes it for a crash: Xen keeps the first
 * reason that it is told. The kernel goes on to store its log and to print what panic_print= asks
 * for. Then it restarts with panic=, and without it would hang for ever: so it is told to restart
 * at once.
 */
static int panicked(struct notifier_block *block, unsigned long event, void *message)
{
	if (!wanted || kexec_crash_loaded())	/* kdump is asked to run after us */
		return NOTIFY_DONE;
	pvk_domain_will_end(PVK_END_CRASH);
	if (!panic_timeout)
		panic_timeout = -1;
	return NOTIFY_DONE;
}

/* The last one: others have something to say before the domain is gone. */
static struct notifier_block notifier = {
	.notifier_call = panicked,
	.priority = INT_MIN,
};

/* After ACPI, which a guest without device model (PVH) or with acpi=off has not. */
static int power_off_by_xen(struct sys_off_data *data)
{
	pvk_domain_end(PVK_END_POWEROFF);
	return NOTIFY_DONE;
}

int pvk_panic_start(void)
{
	power_off = register_sys_off_handler(SYS_OFF_MODE_POWER_OFF, SYS_OFF_PRIO_LOW,
					     power_off_by_xen, NULL);
	if (IS_ERR(power_off))
		return PTR_ERR(power_off);
	return atomic_notifier_chain_register(&panic_notifier_list, &notifier);
}

void pvk_panic_stop(void)
{
	atomic_notifier_chain_unregister(&panic_notifier_list, &notifier);
	unregister_sys_off_handler(power_off);
}
