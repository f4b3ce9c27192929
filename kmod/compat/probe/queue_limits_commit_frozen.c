// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.14: the commit that freezes the queue itself, in the lock order that cannot deadlock; also
 * in later 6.12 stable releases. Before: the caller freezes first.
 */
#include <linux/blkdev.h>

int pvk_probe(struct request_queue *q, struct queue_limits *limits);
int pvk_probe(struct request_queue *q, struct queue_limits *limits)
{
	return queue_limits_commit_update_frozen(q, limits);
}
