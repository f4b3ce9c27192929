// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.14: blk_mq_alloc_disk() makes a disk and its queue in one step. 6.9: gains the limits (see
 * alloc_disk_with_limits).
 */
#include <linux/blk-mq.h>

struct gendisk *pvk_probe(struct blk_mq_tag_set *set);
struct gendisk *pvk_probe(struct blk_mq_tag_set *set)
{
	return blk_mq_alloc_disk(set, NULL);
}
