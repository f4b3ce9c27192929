/* SPDX-License-Identifier: GPL-2.0-only */
/* What the shims of pvkit-blkfront.ko share. */
#ifndef PVKIT_KMOD_BLKFRONT_H
#define PVKIT_KMOD_BLKFRONT_H

#include <linux/blk-mq.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "kmod/blkfront/edge.h"
#include "kmod/pvkit/frontend.h"

#define PVK_XVD_MAJOR 202

/* Nobody waits for longer to hear how a suspend ended. */
#define PVK_SUSPEND_LIMIT (30 * HZ)

struct pvk_disk;

/*
 * A queue of the core and who may drive which side of it; one for each hardware queue that there
 * was at attach. While the backend is away the lanes have no queue. A backend that came back with
 * fewer queues has hardware queues share lanes ("folded"): queue i then uses lane i modulo
 * nr_lanes, its tags shifted.
 */
struct pvk_lane {
	struct pvk_blk_queue *queue;	/* changes under both locks */
	struct pvk_disk *disk;
	struct pvk_blk_segment *pieces;	/* of the request that is being submitted */
	struct blk_mq_tags *tags;
	struct blk_mq_hw_ctx *hctx;
	unsigned int index;
	bool polled;			/* without interrupts */
	bool starved;			/* a request waits for the end of another */
	u64 timeouts, replayed;
	struct hrtimer timer;		/* for responses that bring no event of their own */
	/* Submitters on several CPUs: from a request to the publishing of its batch. */
	spinlock_t submit_lock ____cacheline_aligned_in_smp;
	/* The event handler, pollers, and who takes requests back. */
	spinlock_t complete_lock ____cacheline_aligned_in_smp;
};

struct pvk_disk {
	struct pvk_bus *bus;
	struct pvk_blk *core;
	u32 virtual_device;
	struct pvk_blk_name name;
	struct list_head list;		/* of all disks, for names: module.c */

	/* Serialises what moves the handshake: xenbus, failures, removal. See pvk_disk_lock(). */
	struct mutex lock;
	struct work_struct fail_work;
	struct delayed_work cache_work;	/* the queue's limits have yet to follow */
	struct work_struct awake_work;
	struct delayed_work away_work;	/* a backend that is away for too long */
	struct delayed_work again_work;	/* xenstore has yet to answer */
	unsigned int again_pause;	/* seconds until it is asked */
	bool failed;			/* why fail_work runs still holds */

	/* Between attach and detach. lanes_lock lets a failure sweep while lock is held. */
	struct mutex lanes_lock;
	struct pvk_blk_disk limits;	/* as agreed with the backend that is there now */
	unsigned int depth;		/* tags of a hardware queue */
	unsigned int nr_hctx, nr_lanes;
	unsigned int room;		/* pieces of a request, at most */
	struct pvk_lane *lanes;
	bool up;
	bool held;			/* the backend is away */
	bool leaving;			/* being taken away: nobody waits for long */
	unsigned long suspended;	/* jiffies, 0: the rings may be those of a former life */
	bool flush_refused;		/* the backend offered flushes and then refused one */
	struct blk_mq_tag_set tags;
	struct gendisk *gd;
	struct dentry *debugfs;

	/* Data that the backend of today cannot take at once. */
	struct work_struct split_work;
	spinlock_t split_lock;
	struct bio_list split_bios;
};

/* What a request has been through; in its payload. */
struct pvk_patience {
	unsigned short waits;		/* timeouts */
	unsigned short replays;
	struct request *next;		/* that fails too; rq_next may be the flush machinery's */
};

static inline struct pvk_patience *pvk_patience_of(struct request *rq)
{
	return blk_mq_rq_to_pdu(rq);
}

/* A request that comes again, after a replay or having been turned away, keeps its payload. */
static inline void pvk_request_first_use(struct request *rq)
{
	if (rq->rq_flags & RQF_DONTPREP)
		return;
	rq->rq_flags |= RQF_DONTPREP;
	pvk_patience_of(rq)->waits = 0;
	pvk_patience_of(rq)->replays = 0;
}

/*
 * Between the restoring of a domain and blkfront_resume() the ring is one of a former life, whose
 * answers mean nothing (docs/architecture.md). No event comes from it; everybody else asks here
 * before looking. A suspend that is called off ends this too: see bus.c.
 */
static inline bool pvk_may_have_moved(const struct pvk_disk *disk)
{
	unsigned long suspended = READ_ONCE(disk->suspended);

	return unlikely(suspended) && time_before(jiffies, suspended + PVK_SUSPEND_LIMIT);
}

/*
 * While a disk is held, memory may be wanted for it that could only be had by writing to it: who
 * has its lock makes none that way. Returns what pvk_disk_unlock() wants.
 */
static inline unsigned int pvk_disk_lock(struct pvk_disk *disk)
{
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&disk->lock);
	return noio;
}

static inline void pvk_disk_unlock(struct pvk_disk *disk, unsigned int noio)
{
	mutex_unlock(&disk->lock);
	memalloc_noio_restore(noio);
}

/* Otherwise, what the backend has answered is as safe as it can be made. */
static inline bool pvk_can_flush(const struct pvk_disk *disk)
{
	return (disk->limits.flush || disk->limits.barrier) && !READ_ONCE(disk->flush_refused);
}

static inline bool pvk_folded(const struct pvk_disk *disk)
{
	return unlikely(disk->nr_lanes != disk->nr_hctx);
}

static inline u32 pvk_ring_tag(const struct pvk_disk *disk, struct blk_mq_hw_ctx *hctx,
			       struct request *rq)
{
	if (pvk_folded(disk))
		return rq->tag + hctx->queue_num / disk->nr_lanes * disk->depth;
	return rq->tag;
}

static inline struct request *pvk_request_of(struct pvk_lane *lane, u32 tag)
{
	struct pvk_disk *disk = lane->disk;

	if (likely(tag < disk->depth))
		return blk_mq_tag_to_rq(lane->tags, tag);
	return blk_mq_tag_to_rq(
		disk->tags.tags[lane->index + tag / disk->depth * disk->nr_lanes],
		tag % disk->depth);
}

static inline void pvk_lane_run(struct pvk_lane *lane)
{
	if (pvk_folded(lane->disk))
		blk_mq_run_hw_queues(lane->disk->gd->queue, true);
	else
		blk_mq_run_hw_queue(lane->hctx, true);
}

/*
 * Of all disks: who waits for their work may be who frees memory. What splits has its own, because
 * the others' work waits for it and there may be one thread for a queue.
 */
extern struct workqueue_struct *pvk_disk_queue, *pvk_split_queue;
extern struct pvk_frontend pvk_blkfront;
void pvk_blkfront_params(struct pvk_blk_params *params);
/* Claims the disk's minors among all disks, or -EBUSY. */
int pvk_name_claim(struct pvk_disk *disk);
void pvk_name_release(struct pvk_disk *disk);

/* Seconds, or 0. */
unsigned int pvk_request_timeout(void);
/* Microseconds, or 0: an event for every response. */
unsigned int pvk_coalesce_us(void);

/* The port of the core: disk.c, replay.c and complete.c. */
int pvk_disk_attach(void *context, const struct pvk_blk_disk *limits);
void pvk_disk_detach(void *context, int answers);
void pvk_disk_hold(void *context);
void pvk_disk_take_back(void *context, int answers);
void pvk_disk_carry_on(void *context, const struct pvk_blk_disk *limits);
void pvk_disk_resize(void *context, pvk_u64 sectors);
int pvk_disk_upcall(void *context, pvk_u32 queue);

/* Any context: the disk has no future with this backend; it ends in a moment. */
void pvk_disk_give_up(struct pvk_disk *disk);
/*
 * With disk->lock held, after the core was told anything: what xenstore left without an answer is
 * asked again, for as long as the disk is there.
 */
void pvk_disk_ask_again(struct pvk_disk *disk);
void pvk_again_work(struct work_struct *work);
/* Hands the backend's state on; takes disk->lock. */
void pvk_disk_backend_changed(struct pvk_disk *disk, int state);
/* Breaks all queues and ends every request in flight with an error. */
void pvk_disk_sweep(struct pvk_disk *disk);
/* Sends a request again in pieces that the backend takes. */
void pvk_disk_split(struct pvk_disk *disk, struct request *rq);
void pvk_split_work(struct work_struct *work);
/* With disk->lock held, after trying: @err is what came of it. */
void pvk_disk_limits_changed(struct pvk_disk *disk, int err);
void pvk_queue_limits_of(const struct pvk_disk *disk, struct pvk_queue_limits *limits);
int pvk_lanes_open(struct pvk_disk *disk);
void pvk_lanes_stop(struct pvk_disk *disk);
void pvk_lanes_close(struct pvk_disk *disk);
void pvk_lanes_connect(struct pvk_disk *disk, unsigned int queues);

blk_status_t pvk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data);
void pvk_queue_rqs(pvk_rq_list *list);
void pvk_commit_rqs(struct blk_mq_hw_ctx *hctx);
int pvk_poll(struct blk_mq_hw_ctx *hctx, struct io_comp_batch *batch);
enum blk_eh_timer_return pvk_timed_out(struct request *rq);
enum hrtimer_restart pvk_lane_timer(struct hrtimer *timer);
/* Takes every waiting response; returns how many there were. */
unsigned int pvk_lane_complete(struct pvk_lane *lane, struct io_comp_batch *polled);

void pvk_stats_attach(struct pvk_disk *disk);
void pvk_stats_detach(struct pvk_disk *disk);

#endif
