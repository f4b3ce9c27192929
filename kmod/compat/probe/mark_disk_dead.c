// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.18: blk_mark_disk_dead() refuses new requests for a disk whose device is gone. Before:
 * blk_set_queue_dying() on its queue.
 */
#include <linux/blkdev.h>

void pvk_probe(struct gendisk *disk);
void pvk_probe(struct gendisk *disk)
{
	blk_mark_disk_dead(disk);
}
