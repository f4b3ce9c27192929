// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.2: all queues of a tag set are quiesced with one wait. Before: queue by queue.
 */
#include <linux/blk-mq.h>

void pvk_probe(struct blk_mq_tag_set *set);
void pvk_probe(struct blk_mq_tag_set *set)
{
	blk_mq_quiesce_tagset(set);
	blk_mq_unquiesce_tagset(set);
}
