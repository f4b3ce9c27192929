// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.16: poll gets a batch to put completions in. Before: the hardware context only.
 */
#include <linux/blk-mq.h>

int pvk_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch);

const struct blk_mq_ops pvk_probe = {
	.poll = pvk_poll,
};
