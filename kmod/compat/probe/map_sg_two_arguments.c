// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.16: blk_rq_map_sg() takes the queue from the request. Before: the queue is the first
 * argument.
 */
#include <linux/blk-mq.h>
#include <linux/scatterlist.h>

int pvk_probe(struct request *rq, struct scatterlist *list);
int pvk_probe(struct request *rq, struct scatterlist *list)
{
	return blk_rq_map_sg(rq, list);
}
