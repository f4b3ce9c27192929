// SPDX-License-Identifier: GPL-2.0-only
/* Responses of the backend to the block layer. */
#include <linux/rcupdate.h>

#include "kmod/blkfront/blkfront.h"

#define MAX_COALESCED	16	/* responses for one event */
#define SUSPENDED_MS	10	/* until the timer asks again */

/* A backend may offer what its disk then refuses: flushes and discards are given up for good. */
static blk_status_t refused(struct pvk_disk *disk, struct request *rq)
{
	switch (req_op(rq)) {
	case REQ_OP_FLUSH:
		if (!disk->flush_refused) {
			WRITE_ONCE(disk->flush_refused, true);
			pr_warn("pvkit: %s: the backend refuses to flush\n", disk->name.name);
			queue_delayed_work(pvk_disk_queue, &disk->cache_work, 0);
		}
		return BLK_STS_OK;
	case REQ_OP_DISCARD:
	case REQ_OP_SECURE_ERASE:
		pr_warn("pvkit: %s: the backend refuses to discard\n", disk->name.name);
		/* Here too: the queue's limits may be made anew from these. */
		WRITE_ONCE(disk->limits.discard, 0);
		WRITE_ONCE(disk->limits.secure_discard, 0);
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

static __always_inline void complete_one(struct pvk_lane *lane, u32 tag, int outcome,
					 struct io_comp_batch *batch)
{
	struct request *rq = pvk_request_of(lane, tag);
	blk_status_t status = BLK_STS_OK;

	if (unlikely(outcome != PVK_BLK_DONE))
		status = status_of(lane->disk, rq, outcome);
	if (!pvk_blk_mq_add_to_batch(rq, batch, status != BLK_STS_OK, blk_mq_end_request_batch))
		blk_mq_end_request(rq, status);
}

/*
 * A polled queue wants no event, and says so again before the indexes come round. Otherwise one
 * event may stand for several responses when many requests are out; a timer sees to the rest.
 */
static bool more_came(struct pvk_lane *lane)
{
	unsigned int patience = pvk_coalesce_us();
	u32 ahead = 1;

	if (lane->polled) {
		pvk_blk_stay_quiet(lane->queue);
		return false;
	}
	if (patience)
		ahead = pvk_blk_worth_waiting_for(lane->queue, MAX_COALESCED);
	if (pvk_blk_rearm(lane->queue, ahead))
		return true;
	if (ahead > 1)
		hrtimer_start(&lane->timer, ns_to_ktime(patience * 1000ull), HRTIMER_MODE_REL_SOFT);
	return false;
}

enum hrtimer_restart pvk_lane_timer(struct hrtimer *timer)
{
	struct pvk_lane *lane = container_of(timer, struct pvk_lane, timer);

	/* Not forgotten: the suspend may be called off. Started as anybody may do meanwhile. */
	if (pvk_may_have_moved(lane->disk))
		hrtimer_start(timer, ms_to_ktime(SUSPENDED_MS), HRTIMER_MODE_REL_SOFT);
	else
		pvk_lane_complete(lane, NULL);
	return HRTIMER_NORESTART;
}

/* With complete_lock held. */
static unsigned int take_responses(struct pvk_lane *lane, struct io_comp_batch *batch)
{
	unsigned int responses = 0;
	int outcome;
	u32 tag;

	do {
		while ((outcome = pvk_blk_next(lane->queue, &tag)) >= 0) {
			complete_one(lane, tag, outcome, batch);
			responses++;
		}
	} while (outcome == -ENOENT && more_came(lane));
	/* The backend broke the protocol: its disk ends, in a thread that may sleep. */
	if (unlikely(outcome == -EPROTO))
		pvk_disk_give_up(lane->disk);
	return responses;
}

/* @polled: a poller's batch, which it ends itself; NULL for everybody else. */
unsigned int pvk_lane_complete(struct pvk_lane *lane, struct io_comp_batch *polled)
{
	DEFINE_IO_COMP_BATCH(own);
	unsigned int responses = 0;
	unsigned long flags;

	spin_lock_irqsave(&lane->complete_lock, flags);
	if (lane->queue)
		responses = take_responses(lane, polled ?: &own);
	if (own.complete)
		own.complete(&own);
	/* Ending a batch does not run the queue for those that were turned away. */
	if (unlikely(READ_ONCE(lane->starved))) {
		WRITE_ONCE(lane->starved, false);
		pvk_lane_run(lane);
	}
	spin_unlock_irqrestore(&lane->complete_lock, flags);
	return responses;
}

int pvk_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch)
{
	struct pvk_lane *lane = hctx->driver_data;

	return pvk_may_have_moved(lane->disk) ? 0 : pvk_lane_complete(lane, batch);
}

int pvk_disk_upcall(void *context, pvk_u32 queue)
{
	struct pvk_disk *disk = context;
	struct pvk_blk_queue *core;
	struct pvk_lane *lane;
	int had_work = 0;

	/* The channel outlives the lanes: close_disk() waits for who has seen them. */
	rcu_read_lock();
	if (smp_load_acquire(&disk->up)) {
		lane = &disk->lanes[queue];
		/* It stays as long as its handler runs, though the lane may lose it meanwhile. */
		core = READ_ONCE(lane->queue);
		if (core)
			had_work = pvk_blk_count_upcall(core, pvk_lane_complete(lane, NULL));
	}
	rcu_read_unlock();
	return had_work;
}
