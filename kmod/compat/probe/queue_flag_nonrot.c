// SPDX-License-Identifier: GPL-2.0-only
/*
 * Until 6.10 a queue counts as a spinning disk unless this flag is set. 6.11: the other way
 * round (BLK_FEAT_ROTATIONAL), nothing to set.
 */
#include <linux/blkdev.h>

void pvk_probe(struct request_queue *q);
void pvk_probe(struct request_queue *q)
{
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
}
