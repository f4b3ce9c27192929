// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.2, and 6.1 stable releases: timer_delete() and timer_delete_sync(). 6.15: the older
 * del_timer names are gone.
 */
#include <linux/timer.h>

int pvk_probe(struct timer_list *timer);
int pvk_probe(struct timer_list *timer)
{
	return timer_delete(timer) + timer_delete_sync(timer);
}
