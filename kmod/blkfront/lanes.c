// SPDX-License-Identifier: GPL-2.0-only
/* The hardware queues of the block layer and the queues of the core, brought together. */
#include <linux/slab.h>

#include "kmod/blkfront/blkfront.h"

int pvk_lanes_open(struct pvk_disk *disk)
{
	unsigned int i;

	disk->lanes = kcalloc(disk->nr_hctx, sizeof(*disk->lanes), GFP_KERNEL);
	if (!disk->lanes)
		return -ENOMEM;
	for (i = 0; i < disk->nr_hctx; i++) {
		struct pvk_lane *lane = &disk->lanes[i];

		lane->disk = disk;
		lane->index = i;
		lane->polled = i >= disk->nr_hctx - disk->limits.poll_queues;
		spin_lock_init(&lane->submit_lock);
		spin_lock_init(&lane->complete_lock);
		pvk_hrtimer_setup(&lane->timer, pvk_lane_timer, CLOCK_MONOTONIC,
				  HRTIMER_MODE_REL_SOFT);
		lane->pieces = kvmalloc_array(disk->room, sizeof(*lane->pieces), GFP_KERNEL);
		if (!lane->pieces) {
			pvk_lanes_close(disk);
			return -ENOMEM;
		}
	}
	return 0;
}

/* No upcall comes any more that would start a timer again. */
void pvk_lanes_stop(struct pvk_disk *disk)
{
	unsigned int i;

	for (i = 0; i < disk->nr_hctx; i++)
		hrtimer_cancel(&disk->lanes[i].timer);
}

void pvk_lanes_close(struct pvk_disk *disk)
{
	unsigned int i;

	for (i = 0; i < disk->nr_hctx; i++)
		kvfree(disk->lanes[i].pieces);
	kfree(disk->lanes);
	disk->lanes = NULL;
}

/* Nothing is in flight and no request on its way. */
void pvk_lanes_connect(struct pvk_disk *disk, unsigned int queues)
{
	unsigned int i;

	disk->nr_lanes = queues;
	for (i = 0; i < disk->nr_hctx; i++) {
		struct pvk_lane *lane = &disk->lanes[i];

		lane->tags = disk->tags.tags[i];
		if (lane->hctx)
			lane->hctx->driver_data = &disk->lanes[i % queues];
		if (i >= queues)
			continue;
		if (lane->polled)
			pvk_blk_stay_quiet(pvk_blk_get_queue(disk->core, i));
		WRITE_ONCE(lane->queue, pvk_blk_get_queue(disk->core, i));
	}
}
