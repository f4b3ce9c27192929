// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.13, and later 6.12 stable releases: queue_rqs gets a struct rq_list with head and tail.
 */
#include <linux/blk-mq.h>

void pvk_queue_rqs(struct rq_list *list);

const struct blk_mq_ops pvk_probe = {
	.queue_rqs = pvk_queue_rqs,
};
