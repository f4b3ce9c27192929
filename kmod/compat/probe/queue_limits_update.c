// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.9: limits of a live queue change as one transaction, start_update to commit_update, under a
 * lock that compat tries.
 */
#include <linux/blkdev.h>

int pvk_probe(struct request_queue *q);
int pvk_probe(struct request_queue *q)
{
	struct queue_limits limits;

	if (!mutex_trylock(&q->limits_lock))
		limits = queue_limits_start_update(q);
	else
		limits = q->limits;
	return queue_limits_commit_update(q, &limits);
}
