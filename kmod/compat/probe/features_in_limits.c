// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.11: write cache and FUA are feature bits of the limits. Before: blk_queue_write_cache().
 */
#include <linux/blkdev.h>

void pvk_probe(struct queue_limits *limits);
void pvk_probe(struct queue_limits *limits)
{
	limits->features |= BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA;
}
