// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.9: blk_mq_alloc_disk() takes the queue's limits, so a disk is never seen with default ones.
 * 5.14 to 6.8: tag set and queue data only.
 */
#include <linux/blk-mq.h>

struct gendisk *pvk_probe(struct blk_mq_tag_set *set, struct queue_limits *limits);
struct gendisk *pvk_probe(struct blk_mq_tag_set *set, struct queue_limits *limits)
{
	return blk_mq_alloc_disk(set, limits, NULL);
}
