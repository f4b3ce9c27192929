// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.19 to 6.8: each limit has its own setter, secure erase included (until 5.18 that was a
 * queue flag). 6.11: the setters are gone.
 */
#include <linux/blkdev.h>

void pvk_probe(struct request_queue *q);
void pvk_probe(struct request_queue *q)
{
	blk_queue_logical_block_size(q, 512);
	blk_queue_max_hw_sectors(q, 8);
	blk_queue_dma_alignment(q, 511);
	blk_queue_max_discard_sectors(q, 0);
	blk_queue_max_secure_erase_sectors(q, 0);
}
