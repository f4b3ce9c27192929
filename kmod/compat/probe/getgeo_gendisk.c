// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.18: getgeo is asked about the disk. Before: about the block device.
 */
#include <linux/blkdev.h>
#include <linux/hdreg.h>

int pvk_getgeo(struct gendisk *disk, struct hd_geometry *geometry);

const struct block_device_operations pvk_probe = {
	.getgeo = pvk_getgeo,
};
