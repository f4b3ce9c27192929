// SPDX-License-Identifier: GPL-2.0-only
/*
 * Until 6.13 a tag set asks for merging of requests. 6.14: merging is what happens unless it is
 * declined.
 */
#include <linux/blk-mq.h>

unsigned int pvk_probe(void);
unsigned int pvk_probe(void)
{
	return BLK_MQ_F_SHOULD_MERGE;
}
