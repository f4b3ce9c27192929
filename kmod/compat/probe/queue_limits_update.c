// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.9: limits of a live queue change as one transaction, start_update to commit_update.
 */
#include <linux/blkdev.h>

int pvk_probe(struct request_queue *q);
int pvk_probe(struct request_queue *q)
{
	struct queue_limits limits = queue_limits_start_update(q);

	return queue_limits_commit_update(q, &limits);
}
