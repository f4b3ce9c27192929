// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.14 to 5.19: blk_cleanup_disk() ends what blk_mq_alloc_disk() began. 6.0: put_disk() alone
 * does.
 */
#include <linux/blkdev.h>

void pvk_probe(struct gendisk *disk);
void pvk_probe(struct gendisk *disk)
{
	blk_cleanup_disk(disk);
}
