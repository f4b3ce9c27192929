// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.14: freezing a queue returns allocation flags that thawing it takes back. Before: both take
 * the queue only.
 */
#include <linux/blk-mq.h>

void pvk_probe(struct request_queue *q);
void pvk_probe(struct request_queue *q)
{
	unsigned int flags = blk_mq_freeze_queue(q);

	blk_mq_unfreeze_queue(q, flags);
}
