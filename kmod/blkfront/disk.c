// SPDX-License-Identifier: GPL-2.0-only
/* The gendisk of a virtual disk: how it comes, changes and goes. */
#include <linux/blkdev.h>
#include <linux/module.h>
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

static const struct blk_mq_ops queue_operations = {
	.queue_rq = pvk_queue_rq,
	.commit_rqs = pvk_commit_rqs,
	.init_hctx = init_hctx,
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
		.dma_alignment = SECTOR_SIZE - 1,
		.write_cache = (agreed->flush || agreed->barrier) && !disk->flush_refused,
	};
	if (!agreed->discard)
		return;
	limits->max_hw_discard_sectors = UINT_MAX >> SECTOR_SHIFT;
	limits->discard_granularity = agreed->discard_granularity;
	limits->discard_alignment = agreed->discard_alignment;
	if (agreed->secure_discard)
		limits->max_secure_erase_sectors = UINT_MAX >> SECTOR_SHIFT;
}

static int open_lanes(struct pvk_disk *disk)
{
	unsigned int i;

	disk->lanes = kcalloc(disk->limits.queues, sizeof(*disk->lanes), GFP_KERNEL);
	if (!disk->lanes)
		return -ENOMEM;
	for (i = 0; i < disk->limits.queues; i++) {
		struct pvk_lane *lane = &disk->lanes[i];

		lane->disk = disk;
		lane->index = i;
		lane->queue = pvk_blk_get_queue(disk->core, i);
		spin_lock_init(&lane->submit_lock);
		spin_lock_init(&lane->complete_lock);
	}
	return 0;
}

static int open_tags(struct pvk_disk *disk)
{
	struct blk_mq_tag_set *tags = &disk->tags;

	memset(tags, 0, sizeof(*tags));
	tags->ops = &queue_operations;
	tags->nr_hw_queues = disk->limits.queues;
	tags->queue_depth = disk->limits.depth;
	tags->numa_node = NUMA_NO_NODE;
	tags->flags = PVK_TAG_SET_MERGE;
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

int pvk_disk_attach(void *context, const struct pvk_blk_disk *limits)
{
	struct pvk_disk *disk = context;
	unsigned int i;
	int err;

	disk->limits = *limits;
	disk->flush_refused = false;
	err = open_lanes(disk);
	if (err)
		return err;
	err = open_tags(disk);
	if (err)
		goto free_lanes;
	err = open_gendisk(disk);
	if (err)
		goto free_tags;
	set_up(disk, true);
	/* Events that came before were not looked at. */
	for (i = 0; i < limits->queues; i++)
		pvk_lane_complete(&disk->lanes[i]);
	pvk_stats_attach(disk);
	err = device_add_disk(&disk->bus.dev->dev, disk->gd, NULL);
	if (err)
		goto take_down;
	pr_info("pvkit: %s: %llu sectors, %s grants, %u queue(s) of %u, %u segments\n",
		disk->name.name, limits->sectors, limits->data_mode, limits->queues, limits->depth,
		limits->max_segments);
	return 0;

take_down:
	pvk_stats_detach(disk);
	set_up(disk, false);
	pvk_put_disk(disk->gd);
	disk->gd = NULL;
free_tags:
	blk_mq_free_tag_set(&disk->tags);
free_lanes:
	kfree(disk->lanes);
	disk->lanes = NULL;
	return err;
}

void pvk_disk_detach(void *context, int answers)
{
	struct pvk_disk *disk = context;

	if (!answers) {
		blk_mark_disk_dead(disk->gd);
		pvk_disk_sweep(disk);
	}
	/* Writes what is dirty, if the backend still answers, and waits for what is in flight. */
	del_gendisk(disk->gd);
	pvk_stats_detach(disk);
	set_up(disk, false);
	blk_mq_free_tag_set(&disk->tags);
	pvk_put_disk(disk->gd);
	disk->gd = NULL;
	kfree(disk->lanes);
	disk->lanes = NULL;
}

void pvk_disk_resize(void *context, pvk_u64 sectors)
{
	struct pvk_disk *disk = context;

	disk->limits.sectors = sectors;
	set_capacity_and_notify(disk->gd, sectors);
	pr_info("pvkit: %s: now %llu sectors\n", disk->name.name, sectors);
}
