/* SPDX-License-Identifier: GPL-2.0-only */
/* Timers: one spelling for setting up and stopping. */
#ifndef PVKIT_COMPAT_TIMER_H
#define PVKIT_COMPAT_TIMER_H

#include <linux/hrtimer.h>
#include <linux/timer.h>

#include <pvkit_probes.h>

static inline void pvk_hrtimer_setup(struct hrtimer *timer,
				     enum hrtimer_restart (*expired)(struct hrtimer *),
				     clockid_t clock, enum hrtimer_mode mode)
{
#if PVK_HAVE_HRTIMER_SETUP
	hrtimer_setup(timer, expired, clock, mode);
#else
	hrtimer_init(timer, clock, mode);
	timer->function = expired;
#endif
}

static inline int pvk_timer_delete_sync(struct timer_list *timer)
{
#if PVK_HAVE_TIMER_DELETE
	return timer_delete_sync(timer);
#else
	return del_timer_sync(timer);
#endif
}

#endif
