// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.13: an hrtimer is set up together with its function. 6.15: hrtimer_init() is gone.
 */
#include <linux/hrtimer.h>

enum hrtimer_restart pvk_expired(struct hrtimer *timer);

void pvk_probe(struct hrtimer *timer);
void pvk_probe(struct hrtimer *timer)
{
	hrtimer_setup(timer, pvk_expired, CLOCK_MONOTONIC, HRTIMER_MODE_REL);
}
