/* SPDX-License-Identifier: GPL-2.0-only */
/* 5.19 to 6.8; only included by blk_limits.h. */
#ifndef PVKIT_COMPAT_BLK_LIMITS_SETTERS_H
#define PVKIT_COMPAT_BLK_LIMITS_SETTERS_H

#if !PVK_HAVE_BLK_QUEUE_WRITE_CACHE
#error "pvkit: this kernel declares a write cache in a way that is not known"
#endif

static inline void pvk_set_queue_limits(struct request_queue *q,
					const struct pvk_queue_limits *limits)
{
	blk_queue_logical_block_size(q, limits->logical_block_size);
	blk_queue_physical_block_size(q, limits->physical_block_size);
	blk_queue_max_hw_sectors(q, limits->max_hw_sectors);
	blk_queue_max_segment_size(q, limits->max_segment_size);
	blk_queue_max_segments(q, limits->max_segments);
	blk_queue_segment_boundary(q, limits->seg_boundary_mask);
	blk_queue_dma_alignment(q, limits->dma_alignment);
	blk_queue_max_discard_sectors(q, limits->max_hw_discard_sectors);
	blk_queue_max_secure_erase_sectors(q, limits->max_secure_erase_sectors);
	q->limits.discard_granularity = limits->discard_granularity;
	q->limits.discard_alignment = limits->discard_alignment;
	blk_queue_write_cache(q, limits->write_cache, limits->write_cache && limits->fua);
#if PVK_HAVE_QUEUE_FLAG_NONROT
	blk_queue_flag_set(QUEUE_FLAG_NONROT, q);
#endif
}

static inline struct gendisk *pvk_blk_mq_alloc_disk(struct blk_mq_tag_set *set,
						    const struct pvk_queue_limits *limits,
						    void *queuedata)
{
	struct gendisk *disk = blk_mq_alloc_disk(set, queuedata);

	if (!IS_ERR(disk))
		pvk_set_queue_limits(disk->queue, limits);
	return disk;
}

/* Replaces the limits of a disk; there is no lock, so that nobody is ever in the way. */
static inline int pvk_queue_limits_try(struct request_queue *q,
				       const struct pvk_queue_limits *limits)
{
	pvk_set_queue_limits(q, limits);
	return 0;
}

/* Any context: the backend refused a discard, do not send another. */
static inline void pvk_blk_queue_disable_discard(struct request_queue *q)
{
	blk_queue_max_discard_sectors(q, 0);
	blk_queue_max_secure_erase_sectors(q, 0);
}

#endif
