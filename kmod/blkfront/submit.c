// SPDX-License-Identifier: GPL-2.0-only
/* Requests of the block layer into a queue of the core. */
#include "kmod/blkfront/blkfront.h"
#include "kmod/blkfront/segments.h"

static_assert((int)REQ_OP_READ == PVK_BLK_READ && (int)REQ_OP_WRITE == PVK_BLK_WRITE);

/*
 * Busy is only said while something is in flight, whose end runs the queue again. The block layer
 * may not have taken this request back by then; after BLK_STS_RESOURCE it also tries by itself.
 */
static blk_status_t to_status(struct pvk_lane *lane, int err)
{
	if (err != -EBUSY)
		return BLK_STS_IOERR;
	WRITE_ONCE(lane->starved, true);
	return BLK_STS_RESOURCE;
}

static __always_inline blk_status_t submit_data(struct pvk_lane *lane, struct request *rq, u32 tag)
{
	int count = pvk_gather(rq, lane->pieces, lane->disk->limits.max_segments);
	int err;

	if (unlikely(count < 0)) {
		/* Of a disk that ends, nothing comes back to be cut once more. */
		if (READ_ONCE(lane->disk->failed))
			return BLK_STS_IOERR;
		pvk_disk_split(lane->disk, rq);
		return BLK_STS_OK;
	}
	err = pvk_blk_submit(lane->queue, tag, req_op(rq), blk_rq_pos(rq), lane->pieces, count);
	return likely(!err) ? BLK_STS_OK : to_status(lane, err);
}

static int submit_discard(struct pvk_lane *lane, struct request *rq, u32 tag)
{
	bool secure = req_op(rq) == REQ_OP_SECURE_ERASE;

	if (!(secure ? lane->disk->limits.secure_discard : lane->disk->limits.discard))
		return -EOPNOTSUPP;
	return pvk_blk_discard(lane->queue, tag, secure, blk_rq_pos(rq), blk_rq_sectors(rq));
}

static noinline blk_status_t submit_other(struct pvk_lane *lane, struct request *rq, u32 tag)
{
	int err = -EOPNOTSUPP;

	if (req_op(rq) == REQ_OP_DISCARD || req_op(rq) == REQ_OP_SECURE_ERASE)
		err = submit_discard(lane, rq, tag);
	if (req_op(rq) == REQ_OP_FLUSH)
		err = pvk_blk_submit(lane->queue, tag, lane->disk->limits.flush ?
				     PVK_BLK_FLUSH : PVK_BLK_BARRIER, 0, NULL, 0);
	if (err == -EOPNOTSUPP)
		return BLK_STS_NOTSUPP;
	return err ? to_status(lane, err) : BLK_STS_OK;
}

static __always_inline blk_status_t submit(struct pvk_lane *lane, struct blk_mq_hw_ctx *hctx,
					   struct request *rq)
{
	u32 tag;

	pvk_request_first_use(rq);
	blk_mq_start_request(rq);
	if (unlikely(!lane->queue))
		return BLK_STS_IOERR;
	tag = pvk_ring_tag(lane->disk, hctx, rq);
	if (likely(req_op(rq) <= REQ_OP_WRITE))
		return submit_data(lane, rq, tag);
	return submit_other(lane, rq, tag);
}

/*
 * What the backend has refused once need not be asked again, and a flush that waited for a backend
 * may meet one that offers none. Not under a lock: it ends a bio.
 */
static blk_status_t skip_flush(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data)
{
	blk_mq_start_request(data->rq);
	blk_mq_end_request(data->rq, BLK_STS_OK);
	if (data->last)
		pvk_commit_rqs(hctx);
	return BLK_STS_OK;
}

blk_status_t pvk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data)
{
	struct pvk_lane *lane = hctx->driver_data;
	blk_status_t status;

	if (unlikely(req_op(data->rq) == REQ_OP_FLUSH) && !pvk_can_flush(lane->disk))
		return skip_flush(hctx, data);
	spin_lock(&lane->submit_lock);
	status = submit(lane, hctx, data->rq);
	/* On failure too: earlier requests of the batch must not wait for this one. */
	if ((data->last || status != BLK_STS_OK) && lane->queue)
		pvk_blk_publish(lane->queue);
	spin_unlock(&lane->submit_lock);
	return status;
}

void pvk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct pvk_lane *lane = hctx->driver_data;

	spin_lock(&lane->submit_lock);
	if (lane->queue)
		pvk_blk_publish(lane->queue);
	spin_unlock(&lane->submit_lock);
}

/* One by one they would have come back to the block layer; here that is for us to do. */
static void turn_away(struct request *refused)
{
	struct request *rq;

	while ((rq = refused)) {
		refused = rq->rq_next;
		blk_mq_requeue_request(rq, true);
	}
}

/* Those of one hardware queue at the head of @list. */
static void queue_run(pvk_rq_list *list)
{
	struct blk_mq_hw_ctx *hctx = pvk_rq_list_peek(list)->mq_hctx;
	struct pvk_lane *lane = hctx->driver_data;
	struct request *rq, *refused = NULL;

	spin_lock(&lane->submit_lock);
	while ((rq = pvk_rq_list_peek(list)) && rq->mq_hctx == hctx) {
		pvk_rq_list_pop(list);
		/* The block layer's part on the way to queue_rq, not on this one. */
		hctx->tags->rqs[rq->tag] = rq;
		/* Whatever the reason: queue_rq will say it when they come again one by one. */
		if (unlikely(submit(lane, hctx, rq) != BLK_STS_OK)) {
			rq->rq_next = refused;
			refused = rq;
		}
	}
	if (lane->queue)
		pvk_blk_publish(lane->queue);
	spin_unlock(&lane->submit_lock);
	turn_away(refused);
}

/* A whole plug list: one lock, one look at the backend's index, at most one event. */
void pvk_queue_rqs(pvk_rq_list *list)
{
	while (pvk_rq_list_peek(list))
		queue_run(list);
}
