// SPDX-License-Identifier: GPL-2.0-only
/*
 * Requests that the backend has not answered: sent again when it is back, or ended with an error.
 * A request belongs to the block layer while it waits, so nothing of it is copied or kept here; it
 * is built anew, for what the backend of that time offers.
 */
#include "kmod/blkfront/blkfront.h"

#define MAX_REPLAYS	8	/* of a request: a backend that never stays is none */
#define LIMITS_PAUSE	(HZ / 10)	/* until a queue's limits are tried again */

/* Whether it is sent again. A page that was kept may yet be written to: that request's memory. */
static bool send_again(struct pvk_lane *lane, struct request *rq, bool pages_are_back)
{
	struct pvk_patience *patience = pvk_patience_of(rq);

	if (!pages_are_back || patience->replays == MAX_REPLAYS)
		return false;
	patience->replays++;
	patience->waits = 0;
	lane->replayed++;
	blk_mq_requeue_request(rq, false);
	return true;
}

/* Breaks the lane's queue and takes what is in flight out of it; returns what has to fail. */
static struct request *empty_lane(struct pvk_lane *lane, bool replay)
{
	struct request *rq, *failed = NULL;
	struct pvk_blk_queue *queue;
	unsigned int tags, tag;
	unsigned long flags;
	bool back;

	spin_lock(&lane->submit_lock);
	spin_lock_irqsave(&lane->complete_lock, flags);
	queue = lane->queue;
	if (queue)
		pvk_blk_break(queue);
	tags = queue ? pvk_blk_tags(queue) : 0;
	for (tag = 0; queue && (tag = pvk_blk_next_in_flight(queue, tag)) < tags; tag++) {
		rq = pvk_request_of(lane, tag);
		back = pvk_blk_give_up(queue, tag);
		if (replay && send_again(lane, rq, back))
			continue;
		pvk_patience_of(rq)->next = failed;
		failed = rq;
	}
	if (replay)
		WRITE_ONCE(lane->queue, NULL);
	spin_unlock_irqrestore(&lane->complete_lock, flags);
	spin_unlock(&lane->submit_lock);
	return failed;
}

/* With @replay, requests are sent again where that is safe, and the lanes have no queue then. */
static void empty_lanes(struct pvk_disk *disk, bool replay)
{
	struct request *rq, *failed;
	unsigned int i;

	mutex_lock(&disk->lanes_lock);
	for (i = 0; disk->up && i < disk->nr_lanes; i++) {
		failed = empty_lane(&disk->lanes[i], replay);
		/* Without its locks: the end of a bio may submit another to the same lane. */
		while ((rq = failed)) {
			failed = pvk_patience_of(rq)->next;
			blk_mq_end_request(rq, BLK_STS_IOERR);
		}
	}
	mutex_unlock(&disk->lanes_lock);
}

void pvk_disk_sweep(struct pvk_disk *disk)
{
	empty_lanes(disk, false);
}

void pvk_disk_hold(void *context)
{
	struct pvk_disk *disk = context;
	unsigned int limit = pvk_request_timeout();

	/* No request is on its way to a lane after this, until it is undone. */
	pvk_blk_mq_quiesce_disk(disk->gd);
	disk->held = true;
	if (limit)
		mod_delayed_work(pvk_disk_queue, &disk->away_work, limit * HZ);
}

void pvk_disk_take_back(void *context, int answers)
{
	struct pvk_disk *disk = context;
	unsigned int i;

	/* The last ones may have come without an event. */
	for (i = 0; answers && i < disk->nr_lanes; i++)
		pvk_lane_complete(&disk->lanes[i], NULL);
	empty_lanes(disk, true);
	/* Whatever the old backend did. */
	WRITE_ONCE(disk->failed, false);
}

/*
 * Who writes a limit in sysfs has all of them locked and waits for every request, which may wait
 * for us: that is not waited for. Where they are refused, larger ones would stay in force, and
 * requests come that nobody takes.
 */
void pvk_disk_limits_changed(struct pvk_disk *disk, int err)
{
	if (err == -EBUSY) {
		queue_delayed_work(pvk_disk_queue, &disk->cache_work, LIMITS_PAUSE);
	} else if (err) {
		pr_err("pvkit: %s: cannot change the limits (%d)\n", disk->name.name, err);
		pvk_disk_give_up(disk);
	}
}

/* What the disk's users see of another backend; -EBUSY: the queue's limits have yet to follow. */
static int adopt(struct pvk_disk *disk, const struct pvk_blk_disk *limits)
{
	struct pvk_queue_limits queue_limits;
	bool resized = limits->sectors != disk->limits.sectors;

	disk->limits = *limits;
	disk->limits.max_segments = min(limits->max_segments, disk->room);
	disk->flush_refused = false;
	pvk_queue_limits_of(disk, &queue_limits);
	set_disk_ro(disk->gd, limits->read_only || limits->cdrom);
	if (resized)
		set_capacity_and_notify(disk->gd, limits->sectors);
	return pvk_queue_limits_try(disk->gd->queue, &queue_limits);
}

void pvk_disk_carry_on(void *context, const struct pvk_blk_disk *limits)
{
	struct pvk_disk *disk = context;
	int err;

	/* It takes disk->lock to act, which the caller has: it may still come, and find nothing. */
	cancel_delayed_work(&disk->away_work);
	err = adopt(disk, limits);
	mutex_lock(&disk->lanes_lock);
	pvk_lanes_connect(disk, limits->queues);
	mutex_unlock(&disk->lanes_lock);
	disk->held = false;
	pvk_blk_mq_unquiesce_disk(disk->gd);
	blk_mq_kick_requeue_list(disk->gd->queue);
	/* Meanwhile, requests that are too large are split. */
	pvk_disk_limits_changed(disk, err);
}

/*
 * The block layer made the request by the limits of a backend that took more. Its bios go back to
 * where they came from, which cuts them by the limits of today.
 */
void pvk_disk_split(struct pvk_disk *disk, struct request *rq)
{
	unsigned long flags;

	spin_lock_irqsave(&disk->split_lock, flags);
	blk_steal_bios(&disk->split_bios, rq);
	spin_unlock_irqrestore(&disk->split_lock, flags);
	blk_mq_end_request(rq, BLK_STS_OK);
	queue_work(pvk_split_queue, &disk->split_work);
}

void pvk_split_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, split_work);
	struct bio_list bios = BIO_EMPTY_LIST;
	struct bio *bio;

	spin_lock_irq(&disk->split_lock);
	bio_list_merge(&bios, &disk->split_bios);
	bio_list_init(&disk->split_bios);
	spin_unlock_irq(&disk->split_lock);
	while ((bio = bio_list_pop(&bios))) {
		/* Its submitter has gone on: this thread may wait, and no poller finds it. */
		bio->bi_opf &= ~(REQ_NOWAIT | REQ_POLLED);
		submit_bio_noacct(bio);
	}
}
