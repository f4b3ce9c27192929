// SPDX-License-Identifier: GPL-2.0-only
/* Responses of the backend to the block layer, and the end of those that get none. */
#include "kmod/blkfront/blkfront.h"
#include "kmod/blkfront/segments.h"

static int give_data(struct pvk_blk_queue *queue, const struct pvk_blk_segment *chunk,
		     unsigned int count)
{
	pvk_blk_copy_out(queue, chunk, count);
	return 0;
}

/* A backend may offer what its disk then refuses: flushes and discards are given up for good. */
static blk_status_t refused(struct pvk_disk *disk, struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		if (!disk->flush_refused) {
			WRITE_ONCE(disk->flush_refused, true);
			pr_warn("pvkit: %s: the backend refuses to flush\n", disk->name.name);
			schedule_work(&disk->cache_work);
		}
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		pr_warn("pvkit: %s: the backend refuses to discard\n", disk->name.name);
		pvk_blk_queue_disable_discard(rq->q);
		return BLK_STS_NOTSUPP;
	default:
		return BLK_STS_NOTSUPP;
	}
}

static blk_status_t status_of(struct pvk_disk *disk, struct request *rq, int outcome)
{
	switch (outcome) {
	case PVK_BLK_DONE:
		return BLK_STS_OK;
	case PVK_BLK_UNSUPPORTED:
		return refused(disk, rq);
	default:
		return BLK_STS_IOERR;
	}
}

static int complete_one(struct pvk_lane *lane, const struct pvk_blk_completion *completion,
			struct io_comp_batch *batch)
{
	struct pvk_disk *disk = lane->disk;
	struct request *rq = blk_mq_tag_to_rq(disk->tags.tags[lane->index], completion->tag);
	blk_status_t status;
	int err;

	if (completion->copy_out)
		pvk_for_segments(rq, lane->queue, give_data);
	err = pvk_blk_retire(lane->queue, completion->tag);
	status = err ? BLK_STS_IOERR : status_of(disk, rq, completion->outcome);
	if (!pvk_blk_mq_add_to_batch(rq, batch, status != BLK_STS_OK, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
	return err;
}

unsigned int pvk_lane_complete(struct pvk_lane *lane)
{
	DEFINE_IO_COMP_BATCH(batch);
	struct pvk_blk_completion completion;
	unsigned int responses = 0;
	unsigned long flags;
	int more;

	spin_lock_irqsave(&lane->complete_lock, flags);
	do {
		while ((more = pvk_blk_next(lane->queue, &completion)) > 0) {
			responses++;
			more = complete_one(lane, &completion, &batch);
			if (more < 0)
				break;
		}
	} while (!more && pvk_blk_rearm(lane->queue));
	if (batch.complete)
		batch.complete(&batch);
	/* Ending a batch does not run the queue for those that were turned away. */
	if (READ_ONCE(lane->starved)) {
		WRITE_ONCE(lane->starved, false);
		blk_mq_run_hw_queue(lane->hctx, true);
	}
	spin_unlock_irqrestore(&lane->complete_lock, flags);
	/* The backend broke the protocol: its disk ends, in a thread that may sleep. */
	if (more < 0)
		schedule_work(&lane->disk->fail_work);
	return responses;
}

int pvk_disk_upcall(void *context, pvk_u32 queue)
{
	struct pvk_disk *disk = context;
	struct pvk_lane *lane;

	if (!smp_load_acquire(&disk->up))
		return 0;
	lane = &disk->lanes[queue];
	return pvk_blk_count_upcall(lane->queue, pvk_lane_complete(lane));
}

static void sweep_lane(struct pvk_lane *lane)
{
	struct pvk_disk *disk = lane->disk;
	unsigned long flags;
	unsigned int tag;

	/* A submitter is either before prepare, which fails, or done. */
	spin_lock(&lane->submit_lock);
	spin_lock_irqsave(&lane->complete_lock, flags);
	for (tag = pvk_blk_next_in_flight(lane->queue, 0); tag < disk->limits.depth;
	     tag = pvk_blk_next_in_flight(lane->queue, tag + 1)) {
		struct request *rq = blk_mq_tag_to_rq(disk->tags.tags[lane->index], tag);

		pvk_blk_give_up(lane->queue, tag);
		blk_mq_end_request(rq, BLK_STS_IOERR);
	}
	spin_unlock_irqrestore(&lane->complete_lock, flags);
	spin_unlock(&lane->submit_lock);
}

void pvk_disk_sweep(struct pvk_disk *disk)
{
	unsigned int i;

	mutex_lock(&disk->lanes_lock);
	for (i = 0; disk->up && i < disk->limits.queues; i++)
		sweep_lane(&disk->lanes[i]);
	mutex_unlock(&disk->lanes_lock);
}
