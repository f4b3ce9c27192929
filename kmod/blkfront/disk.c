// SPDX-License-Identifier: GPL-2.0-only
/* The gendisk of a virtual disk: how it comes, changes and goes. */
#include <linux/blkdev.h>
#include <linux/module.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>

#include "kmod/blkfront/blkfront.h"

PVK_DISK_GETGEO(disk_getgeo, disk, geometry)
{
	sector_t cylinders = get_capacity(disk);

	/* No medium of today has a geometry; these are the numbers that tools expect. */
	geometry->heads = 255;
	geometry->sectors = 63;
	sector_div(cylinders, 255 * 63);
	geometry->cylinders = cylinders;
	return 0;
}

static const struct block_device_operations disk_operations = {
	.owner = THIS_MODULE,
	.getgeo = disk_getgeo,
};

static int init_hctx(struct blk_mq_hw_ctx *hctx, void *data, unsigned int index)
{
	struct pvk_disk *disk = data;

	hctx->driver_data = &disk->lanes[index];
	disk->lanes[index].hctx = hctx;
	return 0;
}

/* The last queues are for polled I/O; reads and writes share the others. */
PVK_MAP_QUEUES(map_queues, set)
{
	struct pvk_disk *disk = set->driver_data;
	unsigned int polled = disk->limits.poll_queues;
	struct blk_mq_queue_map *map = set->map;

	map[HCTX_TYPE_DEFAULT].nr_queues = set->nr_hw_queues - polled;
	map[HCTX_TYPE_DEFAULT].queue_offset = 0;
	blk_mq_map_queues(&map[HCTX_TYPE_DEFAULT]);
	if (!polled)
		return;
	map[HCTX_TYPE_READ].nr_queues = 0;
	map[HCTX_TYPE_POLL].nr_queues = polled;
	map[HCTX_TYPE_POLL].queue_offset = set->nr_hw_queues - polled;
	blk_mq_map_queues(&map[HCTX_TYPE_POLL]);
}

static const struct blk_mq_ops queue_operations = {
	.queue_rq = pvk_queue_rq,
	.queue_rqs = pvk_queue_rqs,
	.commit_rqs = pvk_commit_rqs,
	.poll = pvk_poll,
	.timeout = pvk_timed_out,
	.init_hctx = init_hctx,
	.map_queues = map_queues,
};

void pvk_queue_limits_of(const struct pvk_disk *disk, struct pvk_queue_limits *limits)
{
	const struct pvk_blk_disk *agreed = &disk->limits;

	*limits = (struct pvk_queue_limits) {
		.logical_block_size = agreed->sector_size,
		.physical_block_size = agreed->physical_sector_size,
		.max_hw_sectors = agreed->max_segments * (PAGE_SIZE / SECTOR_SIZE),
		.max_segment_size = PAGE_SIZE,
		.max_segments = agreed->max_segments,
		.seg_boundary_mask = PAGE_SIZE - 1,
		/* Pieces end where a page does, and a backend takes whole sectors in each. */
		.dma_alignment = agreed->sector_size - 1,
		.write_cache = pvk_can_flush(disk),
	};
	if (!agreed->discard)
		return;
	limits->max_hw_discard_sectors = UINT_MAX >> SECTOR_SHIFT;
	limits->discard_granularity = agreed->discard_granularity;
	limits->discard_alignment = agreed->discard_alignment;
	if (agreed->secure_discard)
		limits->max_secure_erase_sectors = UINT_MAX >> SECTOR_SHIFT;
}

/*
 * No elevator by default: the backend's storage has its own, and behind a single queue this one
 * costs a thread switch for each request (docs/performance.md).
 */
static int open_tags(struct pvk_disk *disk)
{
	struct blk_mq_tag_set *tags = &disk->tags;

	memset(tags, 0, sizeof(*tags));
	tags->ops = &queue_operations;
	tags->nr_hw_queues = disk->nr_hctx;
	tags->nr_maps = disk->limits.poll_queues ? HCTX_MAX_TYPES : 1;
	tags->queue_depth = disk->depth;
	tags->numa_node = NUMA_NO_NODE;
	tags->cmd_size = sizeof(struct pvk_patience);
	tags->flags = PVK_TAG_SET_MERGE | BLK_MQ_F_NO_SCHED_BY_DEFAULT;
	tags->driver_data = disk;
	return blk_mq_alloc_tag_set(tags);
}

static int open_gendisk(struct pvk_disk *disk)
{
	struct pvk_queue_limits limits;
	struct gendisk *gd;

	pvk_queue_limits_of(disk, &limits);
	gd = pvk_blk_mq_alloc_disk(&disk->tags, &limits, disk);
	if (IS_ERR(gd))
		return PTR_ERR(gd);
	gd->major = PVK_XVD_MAJOR;
	gd->first_minor = disk->name.minor;
	gd->minors = disk->name.minors;
	gd->fops = &disk_operations;
	gd->private_data = disk;
	strscpy(gd->disk_name, disk->name.name, sizeof(gd->disk_name));
	if (disk->limits.removable)
		gd->flags |= GENHD_FL_REMOVABLE;
	if (gd->minors == 1)
		gd->flags |= GENHD_FL_NO_PART;
	set_capacity(gd, disk->limits.sectors);
	set_disk_ro(gd, disk->limits.read_only || disk->limits.cdrom);
	disk->gd = gd;
	return 0;
}

static void set_up(struct pvk_disk *disk, bool up)
{
	mutex_lock(&disk->lanes_lock);
	/* Pairs with pvk_disk_upcall(): who sees up sees the lanes. */
	smp_store_release(&disk->up, up);
	mutex_unlock(&disk->lanes_lock);
}

static void set_limits(struct pvk_disk *disk, const struct pvk_blk_disk *limits)
{
	disk->limits = *limits;
	disk->depth = limits->depth;
	disk->nr_hctx = limits->queues;
	disk->room = limits->max_segments;
	disk->flush_refused = false;
	disk->held = false;
	disk->leaving = false;
	disk->failed = false;
}

static int open_disk(struct pvk_disk *disk)
{
	int err = pvk_lanes_open(disk);

	if (err)
		return err;
	err = open_tags(disk);
	if (err)
		goto close_lanes;
	err = open_gendisk(disk);
	if (err)
		goto free_tags;
	pvk_lanes_connect(disk, disk->limits.queues);
	set_up(disk, true);
	pvk_stats_attach(disk);
	return 0;

free_tags:
	blk_mq_free_tag_set(&disk->tags);
close_lanes:
	pvk_lanes_close(disk);
	return err;
}

static void close_disk(struct pvk_disk *disk)
{
	pvk_stats_detach(disk);
	set_up(disk, false);
	/*
	 * The channels are closed after this, and a backend may send events until then: an upcall
	 * that has seen the disk up ends before its lanes and tags do, and so does what it started.
	 */
	synchronize_rcu();
	pvk_lanes_stop(disk);
	/* First: a disk that could not be added ends its queue only here, and looks at the tags. */
	pvk_put_disk(disk->gd);
	disk->gd = NULL;
	blk_mq_free_tag_set(&disk->tags);
	pvk_lanes_close(disk);
}

int pvk_disk_attach(void *context, const struct pvk_blk_disk *limits)
{
	struct pvk_disk *disk = context;
	unsigned int i;
	int err;

	set_limits(disk, limits);
	err = open_disk(disk);
	if (err)
		return err;
	/* Events that came before were not looked at. */
	for (i = 0; i < disk->nr_lanes; i++)
		pvk_lane_complete(&disk->lanes[i], NULL);
	err = device_add_disk(disk->bus->dev, disk->gd, NULL);
	if (err) {
		close_disk(disk);
		return err;
	}
	pr_info("pvkit: %s: %llu sectors, %s grants, %u queue(s) of %u, %u segments\n",
		disk->name.name, limits->sectors, limits->data_mode, limits->queues, limits->depth,
		limits->max_segments);
	return 0;
}

void pvk_disk_detach(void *context, int answers)
{
	struct pvk_disk *disk = context;

	cancel_delayed_work(&disk->away_work);
	/* This may be the thread that delivers all devices' xenstore events: see timeout.c. */
	WRITE_ONCE(disk->leaving, true);
	if (!answers)
		pvk_disk_sweep(disk);
	if (disk->held) {
		/* What waited for the backend finds no queue, or a broken one, and fails. */
		pvk_blk_mq_unquiesce_disk(disk->gd);
		blk_mq_kick_requeue_list(disk->gd->queue);
		disk->held = false;
	}
	/*
	 * Not before: from 6.6 on this goes through the file systems and waits for what is being
	 * written. No request that comes in the meantime waits for anything.
	 */
	if (!answers)
		blk_mark_disk_dead(disk->gd);
	/* Writes what is dirty, if the backend still answers, and waits for what is in flight. */
	del_gendisk(disk->gd);
	flush_work(&disk->split_work);
	close_disk(disk);
}

void pvk_disk_resize(void *context, pvk_u64 sectors)
{
	struct pvk_disk *disk = context;

	disk->limits.sectors = sectors;
	set_capacity_and_notify(disk->gd, sectors);
	pr_info("pvkit: %s: now %llu sectors\n", disk->name.name, sectors);
}
