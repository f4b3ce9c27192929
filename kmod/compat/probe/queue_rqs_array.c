// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.16 to 6.12: queue_rqs gets a chain of requests by the address of its head.
 */
#include <linux/blk-mq.h>

void pvk_queue_rqs(struct request **list);

const struct blk_mq_ops pvk_probe = {
	.queue_rqs = pvk_queue_rqs,
};
