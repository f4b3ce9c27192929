// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.0: the timeout handler gets the request only. Before: also whether its tag was a reserved
 * one.
 */
#include <linux/blk-mq.h>

enum blk_eh_timer_return pvk_timeout(struct request *rq);

const struct blk_mq_ops pvk_probe = {
	.timeout = pvk_timeout,
};
