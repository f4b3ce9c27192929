// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.11: the capacity change and its uevent in one call. Before: set_capacity() and an uevent by
 * hand.
 */
#include <linux/blkdev.h>

bool pvk_probe(struct gendisk *disk);
bool pvk_probe(struct gendisk *disk)
{
	return set_capacity_and_notify(disk, 8);
}
