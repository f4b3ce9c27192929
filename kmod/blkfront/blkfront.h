/* SPDX-License-Identifier: GPL-2.0-only */
/* What the shims of pvkit-blkfront.ko share. */
#ifndef PVKIT_KMOD_BLKFRONT_H
#define PVKIT_KMOD_BLKFRONT_H

#include <linux/blk-mq.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "compat/compat.h"
#include "kmod/blkfront/edge.h"
#include "kmod/pvkit/pvkit.h"

#define PVK_XVD_MAJOR 202

struct pvk_disk;

/* A hardware queue: the core's queue and who may drive which side of it. */
struct pvk_lane {
	struct pvk_blk_queue *queue;
	struct pvk_disk *disk;
	struct blk_mq_hw_ctx *hctx;
	unsigned int index;
	bool starved;			/* a request waits for the end of another */
	/* Submitters on several CPUs: held from prepare to publish. */
	spinlock_t submit_lock ____cacheline_aligned_in_smp;
	/* The event handler and who gives requests up. */
	spinlock_t complete_lock ____cacheline_aligned_in_smp;
};

struct pvk_disk {
	struct pvk_bus bus;
	struct pvk_blk *core;
	struct pvk_blk_name name;
	struct list_head list;		/* of all disks, for names: module.c */

	/* Serialises everything that moves the handshake: xenbus, failures, removal. */
	struct mutex lock;
	struct work_struct fail_work;
	struct work_struct cache_work;

	/* Between attach and detach. lanes_lock lets a failure sweep while lock is held. */
	struct mutex lanes_lock;
	struct pvk_blk_disk limits;
	struct pvk_lane *lanes;
	bool up;
	bool flush_refused;		/* the backend offered flushes and then refused one */
	struct blk_mq_tag_set tags;
	struct gendisk *gd;
	struct dentry *debugfs;
};

extern struct xenbus_driver pvk_blkfront_driver;
void pvk_blkfront_params(struct pvk_blk_params *params);
/* Claims the disk's minors among all disks, or -EBUSY. */
int pvk_name_claim(struct pvk_disk *disk);
void pvk_name_release(struct pvk_disk *disk);

/* The port of the core: disk.c and complete.c. */
int pvk_disk_attach(void *context, const struct pvk_blk_disk *limits);
void pvk_disk_detach(void *context, int answers);
void pvk_disk_resize(void *context, pvk_u64 sectors);
int pvk_disk_upcall(void *context, pvk_u32 queue);

/* Ends every request in flight with an error; no queue takes a new one (they are broken). */
void pvk_disk_sweep(struct pvk_disk *disk);
void pvk_queue_limits_of(const struct pvk_disk *disk, struct pvk_queue_limits *limits);

blk_status_t pvk_queue_rq(struct blk_mq_hw_ctx *hctx, const struct blk_mq_queue_data *data);
void pvk_commit_rqs(struct blk_mq_hw_ctx *hctx);
/* Takes every waiting response; returns how many there were. */
unsigned int pvk_lane_complete(struct pvk_lane *lane);

void pvk_stats_attach(struct pvk_disk *disk);
void pvk_stats_detach(struct pvk_disk *disk);

#endif
