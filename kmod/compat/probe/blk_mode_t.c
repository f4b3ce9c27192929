// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.5: block devices are opened with blk_mode_t. Before: fmode_t.
 */
#include <linux/blkdev.h>

blk_mode_t pvk_probe(void);
blk_mode_t pvk_probe(void)
{
	return BLK_OPEN_READ | BLK_OPEN_WRITE;
}
