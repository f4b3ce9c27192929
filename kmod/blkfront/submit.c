// SPDX-License-Identifier: GPL-2.0-only
/* Requests of the block layer into a queue of the core. */
#include "kmod/blkfront/blkfront.h"
#include "kmod/blkfront/segments.h"

static bool translate(const struct pvk_disk *disk, struct request *rq,
		      struct pvk_blk_request *request)
{
	request->tag = rq->tag;
	request->sector = blk_rq_pos(rq);
	switch (req_op(rq)) {
	case REQ_OP_READ:
		request->operation = PVK_BLK_READ;
		request->segments = blk_rq_nr_phys_segments(rq);
		return true;
	case REQ_OP_WRITE:
		request->operation = PVK_BLK_WRITE;
		request->segments = blk_rq_nr_phys_segments(rq);
		return true;
	case REQ_OP_FLUSH:
		request->operation = disk->limits.flush ? PVK_BLK_FLUSH : PVK_BLK_BARRIER;
		request->sector = 0;
		return true;
	case REQ_OP_DISCARD:
		request->operation = PVK_BLK_DISCARD;
		request->sector_count = blk_rq_sectors(rq);
		return true;
	case REQ_OP_SECURE_ERASE:
		request->operation = PVK_BLK_SECURE_DISCARD;
		request->sector_count = blk_rq_sectors(rq);
		return true;
	default:
		return false;
	}
}

static int take_data(struct pvk_blk_queue *queue, const struct pvk_blk_segment *chunk,
		     unsigned int count)
{
	return pvk_blk_add(queue, chunk, count);
}

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

static blk_status_t submit(struct pvk_lane *lane, struct request *rq,
			   const struct pvk_blk_request *request)
{
	int err = pvk_blk_prepare(lane->queue, request);

	if (err)
		return to_status(lane, err);
	if (request->segments) {
		err = pvk_for_segments(rq, lane->queue, take_data);
		if (WARN_ONCE(err, "pvkit: a request has more segments than it says\n")) {
			pvk_blk_cancel(lane->queue);
			return BLK_STS_IOERR;
		}
	}
	pvk_blk_finish(lane->queue);
	return BLK_STS_OK;
}

blk_status_t pvk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data)
{
	struct pvk_lane *lane = hctx->driver_data;
	struct request *rq = data->rq;
	struct pvk_blk_request request = {};
	blk_status_t status = BLK_STS_OK;

	if (!translate(lane->disk, rq, &request))
		return BLK_STS_NOTSUPP;
	blk_mq_start_request(rq);
	spin_lock(&lane->submit_lock);
	/* What the backend has refused once need not be asked again. */
	if (req_op(rq) == REQ_OP_FLUSH && READ_ONCE(lane->disk->flush_refused))
		blk_mq_end_request(rq, BLK_STS_OK);
	else
		status = submit(lane, rq, &request);
	/* On failure too: earlier requests of the batch must not wait for this one. */
	if (data->last || status != BLK_STS_OK)
		pvk_blk_publish(lane->queue);
	spin_unlock(&lane->submit_lock);
	return status;
}

void pvk_commit_rqs(struct blk_mq_hw_ctx *hctx)
{
	struct pvk_lane *lane = hctx->driver_data;

	spin_lock(&lane->submit_lock);
	pvk_blk_publish(lane->queue);
	spin_unlock(&lane->submit_lock);
}
