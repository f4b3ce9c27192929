// SPDX-License-Identifier: GPL-2.0-only
/*
 * Save, restore and migration: the domain stops in a hypercall and goes on, perhaps much later and
 * on another host, as a new domain. Emulated devices travel with it and notice nothing. What was
 * agreed with Xen and with backends is gone; it is made again in the order of a start.
 */
#include <linux/kernel.h>
#include <linux/mutex.h>
#include <linux/nmi.h>
#include <linux/sched/mm.h>
#include <linux/smp.h>
#include <linux/stop_machine.h>
#include <linux/suspend.h>
#include <linux/syscore_ops.h>

#include "kmod/compat/sleep.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/services.h"

static DEFINE_MUTEX(suspend_lock);
static int outcome;	/* of the hypercall: 1 when Xen gave the suspend up */
static bool over;	/* the domain goes on, and what all CPUs share is there again */

static int stop_domain(void)
{
	int err = syscore_suspend();

	if (err)
		return err;
	outcome = pvk_own_suspend_call();
	if (outcome == 0) {
		pvk_own_restore();
		pvk_own_restore_cpu(0);
	}
	syscore_resume();
	return min(outcome, 0);
}

/*
 * The first CPU stops the domain while all others wait here with interrupts off: nobody sees the
 * time between. Each tells a restored domain of itself, as Xen takes the record of a vCPU that is
 * up from nobody else.
 */
static int stop_here(void *unused)
{
	int err;

	if (smp_processor_id() == 0) {
		err = stop_domain();
		smp_store_release(&over, true); /* after outcome, and all that CPUs share */
		return err;
	}
	while (!smp_load_acquire(&over)) {
		touch_nmi_watchdog();
		cpu_relax();
	}
	if (outcome == 0)
		pvk_own_restore_cpu(smp_processor_id());
	return 0;
}

int pvk_own_suspend(void)
{
	unsigned int sleep, noio;
	int err;

	mutex_lock(&suspend_lock);
	sleep = pvk_lock_system_sleep();
	/* No disk takes what memory is written to before it has met its new backend. */
	noio = memalloc_noio_save();
	pvk_own_quiesce();
	outcome = 1;
	over = false;
	err = stop_machine(stop_here, NULL, cpu_online_mask);
	if (err)
		pr_err("pvkit: the domain was not suspended (%d)\n", err);
	pvk_own_carry_on(err || outcome == 1);
	memalloc_noio_restore(noio);
	pvk_unlock_system_sleep(sleep);
	mutex_unlock(&suspend_lock);
	return err ?: outcome;
}
