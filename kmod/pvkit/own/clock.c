// SPDX-License-Identifier: GPL-2.0-only
/* Xen's system time as a clocksource, and the time of day after a suspension. */
#include <linux/clocksource.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/preempt.h>
#include <linux/smp.h>
#include <linux/timekeeping.h>
#include <asm/cpufeature.h>
#include <asm/tsc.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"

/*
 * hpet has 250 and each read of it leaves the guest; tsc has 300 and can be read by programs
 * without a system call, which this clock cannot.
 */
#define RATING_ABOVE_HPET	280
#define RATING_ABOVE_TSC	400

static bool wanted = true;
module_param_named(clock, wanted, bool, 0444);
MODULE_PARM_DESC(clock, "register Xen's time as clocksource pvkit (default: yes)");

static struct pvk_time_of_day before;

/* The record of this CPU, or of the first one: then only its TSC is taken on trust. */
static notrace const void *record_here(void)
{
	const void *record = pvk_own_vcpu_time(smp_processor_id());

	return record ? record : pvk_own_vcpu_time(0);
}

static notrace u64 read_clock(struct clocksource *source)
{
	u64 now;

	preempt_disable_notrace();
	now = pvk_clock_now(record_here());
	preempt_enable_notrace();
	return now;
}

/* By timekeeping, while no other CPU runs and no time is asked for. */
static void stand_still(struct clocksource *source)
{
	pvk_clock_stand_still(record_here());
}

/* Also after a suspension that was cancelled: Xen's time went on, ours did not. */
static void go_on(struct clocksource *source)
{
	pvk_clock_go_on(record_here());
}

static struct clocksource clock = {
	.name = "pvkit",
	.read = read_clock,
	.suspend = stand_still,
	.resume = go_on,
	.mask = CLOCKSOURCE_MASK(64),
	.flags = CLOCK_SOURCE_IS_CONTINUOUS,
};

/*
 * Xen shows an invariant TSC only to a guest that stays on its host or whose frequency is kept up
 * wherever it goes. Any other TSC may change with a migration, and Linux would not know.
 */
static bool tsc_is_reliable(void)
{
	return boot_cpu_has(X86_FEATURE_CONSTANT_TSC) && boot_cpu_has(X86_FEATURE_NONSTOP_TSC) &&
	       !check_tsc_unstable();
}

static bool registered;

int pvk_clock_start(void)
{
	int err;

	if (!wanted)
		return 0;
	if (!pvk_own_vcpu_time(0))
		return -ENODEV;
	clock.rating = tsc_is_reliable() ? RATING_ABOVE_HPET : RATING_ABOVE_TSC;
	err = clocksource_register_hz(&clock, NSEC_PER_SEC);
	registered = !err;
	return err;
}

void pvk_clock_stop(void)
{
	bool said = false;

	/* Refused while no other clock can keep high resolution timers going. */
	while (registered && clocksource_unregister(&clock)) {
		if (!said)
			pr_err("pvkit: there is no other clocksource: waiting for one\n");
		said = true;
		ssleep(1);
	}
	registered = false;
}

static struct pvk_time_of_day time_of_day(void)
{
	struct pvk_time_of_day now;

	preempt_disable();
	now.host = pvk_clock_host_time(record_here());
	now.guest = ktime_get_real_ns();
	preempt_enable();
	return now;
}

void pvk_wallclock_suspend(void)
{
	before = time_of_day();
}

void pvk_wallclock_resume(int cancelled)
{
	const struct pvk_time_of_day now = time_of_day();
	const u64 slept = pvk_clock_slept(&before, &now);
	const struct timespec64 set = ns_to_timespec64(now.guest + slept);

	if (!slept)
		return;
	if (do_settimeofday64(&set))
		pr_err("pvkit: the time of day cannot be set; it is %llu ms late\n",
		       slept / NSEC_PER_MSEC);
	else
		pr_info("pvkit: time of day set forward by %llu ms\n", slept / NSEC_PER_MSEC);
}
