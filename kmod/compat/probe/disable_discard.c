// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.11: a driver that was refused a discard switches the feature off with a helper. Before: the
 * setter of the limit, with 0.
 */
#include <linux/blkdev.h>

void pvk_probe(struct request_queue *q);
void pvk_probe(struct request_queue *q)
{
	blk_queue_disable_discard(q);
	blk_queue_disable_secure_erase(q);
}
