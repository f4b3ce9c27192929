// SPDX-License-Identifier: GPL-2.0-only
/*
 * 4.7 to 6.10: a setter tells the block layer about the volatile cache and FUA. 6.11: gone, see
 * features_in_limits.
 */
#include <linux/blkdev.h>

void pvk_probe(struct request_queue *q);
void pvk_probe(struct request_queue *q)
{
	blk_queue_write_cache(q, true, false);
}
