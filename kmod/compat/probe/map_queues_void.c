// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.1: the map_queues callback of a tag set returns nothing. Before: int.
 */
#include <linux/blk-mq.h>

void pvk_map(struct blk_mq_tag_set *set);

struct blk_mq_ops pvk_probe = {
	.map_queues = pvk_map,
};
