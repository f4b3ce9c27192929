// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.15: adding a disk can fail and says so. Before: void.
 */
#include <linux/blkdev.h>

int pvk_probe(struct device *parent, struct gendisk *disk);
int pvk_probe(struct device *parent, struct gendisk *disk)
{
	return device_add_disk(parent, disk, NULL);
}
