// SPDX-License-Identifier: GPL-2.0-only
/* Requests that wait for long: an event may have gone astray, or the backend does not answer. */
#include "kmod/blkfront/blkfront.h"

/* The backend is asked again: it may not have heard the first time. */
static void ask_again(struct pvk_lane *lane)
{
	unsigned long flags;

	spin_lock_irqsave(&lane->complete_lock, flags);
	lane->timeouts++;
	if (lane->queue)
		pvk_blk_nudge(lane->queue);
	spin_unlock_irqrestore(&lane->complete_lock, flags);
}

/* A disk that goes has other devices wait with it, for a silent backend no longer than needed. */
static bool out_of_patience(const struct pvk_disk *disk, unsigned int waited)
{
	unsigned int limit = pvk_request_timeout();

	return READ_ONCE(disk->leaving) || (limit && waited >= limit);
}

/* Called each time a request has waited for the block layer's io_timeout. */
enum blk_eh_timer_return pvk_timed_out(struct request *rq)
{
	struct pvk_patience *patience = pvk_patience_of(rq);
	struct pvk_lane *lane = rq->mq_hctx->driver_data;
	unsigned int waited;

	if (pvk_may_have_moved(lane->disk))
		return BLK_EH_RESET_TIMER;
	pvk_lane_complete(lane, NULL);
	if (!blk_mq_request_started(rq) || blk_mq_request_completed(rq))
		return BLK_EH_DONE;
	ask_again(lane);
	waited = ++patience->waits * rq->q->rq_timeout / HZ;
	pr_warn_ratelimited("pvkit: %s: a request has had no answer for %u s\n",
			    lane->disk->name.name, waited);
	if (out_of_patience(lane->disk, waited) && !READ_ONCE(lane->disk->failed)) {
		pr_err("pvkit: %s: the backend does not answer; the device is given up\n",
		       lane->disk->name.name);
		pvk_disk_give_up(lane->disk);
	}
	return BLK_EH_RESET_TIMER;
}
