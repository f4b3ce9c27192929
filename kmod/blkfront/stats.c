// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/pvkit/<disk>/: what was negotiated and what happened. docs/counters.md. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "kmod/blkfront/blkfront.h"

static int features_show(struct seq_file *file, void *unused)
{
	const struct pvk_disk *disk = file->private;
	const struct pvk_blk_disk *agreed = &disk->limits;

	seq_printf(file, "state %s\n", disk->held ? "held" : "connected");
	seq_printf(file, "grants %s\n", agreed->data_mode);
	seq_printf(file, "queues %u\n", agreed->queues);
	seq_printf(file, "poll_queues %u\n", agreed->poll_queues);
	seq_printf(file, "ring_page_order %u\n", agreed->ring_page_order);
	seq_printf(file, "queue_depth %u\n", agreed->depth);
	seq_printf(file, "max_segments %u\n", agreed->max_segments);
	seq_printf(file, "indirect %d\n", agreed->indirect_pages != 0);
	seq_printf(file, "flush %s\n", disk->flush_refused ? "refused" :
		   agreed->flush ? "flush" : agreed->barrier ? "barrier" : "none");
	seq_printf(file, "discard %d\n", agreed->discard);
	seq_printf(file, "secure_discard %d\n", agreed->secure_discard);
	seq_printf(file, "sector_size %u\n", agreed->sector_size);
	seq_printf(file, "physical_sector_size %u\n", agreed->physical_sector_size);
	seq_printf(file, "sectors %llu\n", agreed->sectors);
	seq_printf(file, "read_only %d\n", agreed->read_only);
	seq_printf(file, "removable %d\n", agreed->removable);
	seq_printf(file, "cdrom %d\n", agreed->cdrom);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(features);

static void show_counter(void *context, const char *name, pvk_u64 value)
{
	seq_printf(context, "%s %llu\n", name, value);
}

static int queues_show(struct seq_file *file, void *unused)
{
	struct pvk_disk *disk = file->private;
	unsigned int i;

	/* So that no queue ends meanwhile. */
	mutex_lock(&disk->lanes_lock);
	for (i = 0; i < disk->nr_hctx; i++) {
		const struct pvk_lane *lane = &disk->lanes[i];

		seq_printf(file, "queue %u\n", i);
		seq_printf(file, "timeouts %llu\n", lane->timeouts);
		seq_printf(file, "replayed %llu\n", lane->replayed);
		if (lane->queue)
			pvk_blk_counters(lane->queue, show_counter, file);
	}
	mutex_unlock(&disk->lanes_lock);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(queues);

void pvk_stats_attach(struct pvk_disk *disk)
{
	disk->debugfs = debugfs_create_dir(disk->name.name, pvk_debugfs_root());
	debugfs_create_file("features", 0444, disk->debugfs, disk, &features_fops);
	debugfs_create_file("queues", 0444, disk->debugfs, disk, &queues_fops);
}

void pvk_stats_detach(struct pvk_disk *disk)
{
	/* Waits for readers. */
	debugfs_remove_recursive(disk->debugfs);
	disk->debugfs = NULL;
}
