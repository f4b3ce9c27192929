/* SPDX-License-Identifier: GPL-2.0-only */
/* 6.9 and later; only included by blk_limits.h. */
#ifndef PVKIT_COMPAT_BLK_LIMITS_STRUCT_H
#define PVKIT_COMPAT_BLK_LIMITS_STRUCT_H

#if !PVK_HAVE_FEATURES_IN_LIMITS && !PVK_HAVE_BLK_QUEUE_WRITE_CACHE
#error "pvkit: this kernel declares a write cache in a way that is not known"
#endif

static inline void pvk_fill_queue_limits(struct queue_limits *to,
					 const struct pvk_queue_limits *from)
{
	to->logical_block_size = from->logical_block_size;
	to->physical_block_size = from->physical_block_size;
	to->max_hw_sectors = from->max_hw_sectors;
	to->max_segment_size = from->max_segment_size;
	to->max_segments = from->max_segments;
	to->seg_boundary_mask = from->seg_boundary_mask;
	to->dma_alignment = from->dma_alignment;
	to->max_hw_discard_sectors = from->max_hw_discard_sectors;
	to->max_secure_erase_sectors = from->max_secure_erase_sectors;
	to->discard_granularity = from->discard_granularity;
	to->discard_alignment = from->discard_alignment;
#if PVK_HAVE_FEATURES_IN_LIMITS
	to->features &= ~(BLK_FEAT_WRITE_CACHE | BLK_FEAT_FUA);
	if (from->write_cache)
		to->features |= BLK_FEAT_WRITE_CACHE | (from->fua ? BLK_FEAT_FUA : 0);
#endif
}

/* 6.9 and 6.10: limits in a struct, the write cache still by its setter. */
static inline void pvk_set_write_cache(struct request_queue *q,
				       const struct pvk_queue_limits *limits)
{
#if !PVK_HAVE_FEATURES_IN_LIMITS
	blk_queue_write_cache(q, limits->write_cache, limits->write_cache && limits->fua);
#endif
#if PVK_HAVE_QUEUE_FLAG_NONROT
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
#endif
}

static inline struct gendisk *pvk_blk_mq_alloc_disk(struct blk_mq_tag_set *set,
						    const struct pvk_queue_limits *limits,
						    void *queuedata)
{
	struct queue_limits kernel_limits = {};
	struct gendisk *disk;

	pvk_fill_queue_limits(&kernel_limits, limits);
	disk = blk_mq_alloc_disk(set, &kernel_limits, queuedata);
	if (!IS_ERR(disk))
		pvk_set_write_cache(disk->queue, limits);
	return disk;
}

/*
 * Replaces the limits of a disk, or -EBUSY when somebody else is at it. Who writes one in sysfs
 * locks them and then freezes the queue: waiting for the lock would be waiting for requests.
 */
static inline int pvk_queue_limits_try(struct request_queue *q,
				       const struct pvk_queue_limits *limits)
{
	struct queue_limits kernel_limits;
	int err;

	if (!mutex_trylock(&q->limits_lock))
		return -EBUSY;
	kernel_limits = q->limits;
	pvk_fill_queue_limits(&kernel_limits, limits);
	err = queue_limits_commit_update(q, &kernel_limits);
	if (!err)
		pvk_set_write_cache(q, limits);
	return err;
}

/* Any context: the backend refused a discard, do not send another. */
static inline void pvk_blk_queue_disable_discard(struct request_queue *q)
{
#if PVK_HAVE_DISABLE_DISCARD
	blk_queue_disable_discard(q);
	blk_queue_disable_secure_erase(q);
#else
	blk_queue_max_discard_sectors(q, 0);
	blk_queue_max_secure_erase_sectors(q, 0);
#endif
}

#endif
