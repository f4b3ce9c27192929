// SPDX-License-Identifier: GPL-2.0-only
/*
 * Sleep that the kernel begins by itself, and that this guest cannot wake up from: it is refused
 * before anything is frozen. Xen's own save and restore are suspend.c's.
 *
 * Hibernation: the image goes on in a domain, or in one that the kernel which loaded it has set up,
 * where channels, vectors, grants and Xen's pages are not those that it left. The kernel that
 * loads the image would leave its own to it, mapped into memory that the image fills.
 *
 * ACPI S3: the domain and its channels stay, but the local APIC is reset, and the vector of an
 * event that came meanwhile with it. Xen has said that there is an event and does not say so
 * twice. Suspend to idle stops nothing that we use: upcalls go on.
 */
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/suspend.h>

#include "kmod/pvkit/own/own.h"

static int going_to_sleep(struct notifier_block *block, unsigned long event, void *unused)
{
	switch (event) {
	case PM_HIBERNATION_PREPARE:
	case PM_RESTORE_PREPARE:
		pr_err("pvkit: no hibernation: an image finds nothing of Xen's as it was\n");
		return NOTIFY_BAD;
	case PM_SUSPEND_PREPARE:
		/* It is not said which kind this is, only which one "mem" would be. */
		if (pm_suspend_default_s2idle())
			return NOTIFY_DONE;
		pr_err("pvkit: no suspend to memory, it loses events: s2idle does not\n");
		return NOTIFY_BAD;
	default:
		return NOTIFY_DONE;
	}
}

static struct notifier_block notifier = { .notifier_call = going_to_sleep };

int pvk_own_sleep_start(void)
{
	return register_pm_notifier(&notifier);
}

void pvk_own_sleep_stop(void)
{
	unregister_pm_notifier(&notifier);
}
