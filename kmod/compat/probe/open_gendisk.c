// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.5: open and release of a disk are about the disk, open(disk, mode) and release(disk).
 * Before: open(bdev, mode) and release(disk, mode).
 */
#include <linux/blkdev.h>

int pvk_open(struct gendisk *disk, blk_mode_t mode);
void pvk_release(struct gendisk *disk);

const struct block_device_operations pvk_probe = {
	.open = pvk_open,
	.release = pvk_release,
};
