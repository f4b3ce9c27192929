// SPDX-License-Identifier: GPL-2.0-only
/* Which allocation and which hypercall fails, in modules built with FAULTS=1. */
#include <linux/module.h>
#include <linux/sched.h>
#include <linux/spinlock.h>
#include <linux/string.h>

#include "kmod/pvkit/faults.h"

#ifndef CONFIG_FAULT_INJECTION
#error "pvkit: FAULTS=1 wants a kernel with CONFIG_FAULT_INJECTION"
#endif

static char fail_in[16];
module_param_string(fail_in, fail_in, sizeof(fail_in), 0644);
MODULE_PARM_DESC(fail_in, "Where allocations are counted: init, exit, watch, cpu, disk-init or "
			  "disk-exit");

static unsigned int fail_alloc;
module_param(fail_alloc, uint, 0644);
MODULE_PARM_DESC(fail_alloc, "Which allocation fails there; 0: none");

static unsigned int fail_hypercall;	/* counted down under the lock */
module_param(fail_hypercall, uint, 0644);
MODULE_PARM_DESC(fail_hypercall, "Which hypercall fails, counted down; 0: none, or it has");

static DEFINE_SPINLOCK(lock);

void pvk_faults_enter(const char *where)
{
	if (!strcmp(where, fail_in))
		current->fail_nth = fail_alloc;
}
EXPORT_SYMBOL_GPL(pvk_faults_enter);

void pvk_faults_leave(const char *where)
{
	unsigned int left;

	if (fail_alloc && !strcmp(where, fail_in)) {
		left = current->fail_nth;
		current->fail_nth = 0;
		/* All others are counted anew each time: an insmod may try a second time. */
		if (!strcmp(where, "watch"))
			fail_alloc = left;
		pr_info("pvkit: faults: allocations: %u left\n", left);
	}
	if (READ_ONCE(fail_hypercall))
		pr_info("pvkit: faults: hypercalls: %u left\n", READ_ONCE(fail_hypercall));
}
EXPORT_SYMBOL_GPL(pvk_faults_leave);

int pvk_faults_hypercall(pvk_u64 number, pvk_u64 operation)
{
	unsigned long flags;
	bool now = false;

	spin_lock_irqsave(&lock, flags);
	if (fail_hypercall)
		now = --fail_hypercall == 0;
	spin_unlock_irqrestore(&lock, flags);
	if (now)
		pr_info("pvkit: faults: hypercall %llu.%llu: 0 left\n", number, operation);
	return now;
}
