// SPDX-License-Identifier: GPL-2.0-only
/*
 * pvkit-blkfront.ko: virtual disks over the freestanding block frontend, in place of xen-blkfront
 * and with its parameters, aliases and device names.
 */
#include <linux/list.h>
#include <linux/module.h>

#include "kmod/blkfront/blkfront.h"
#include "kmod/pvkit/faults.h"

/* Written while disks are connected, those that are negotiated count from the next time on. */

static unsigned int max_indirect_segments = 256;
module_param(max_indirect_segments, uint, 0644);
MODULE_PARM_DESC(max_indirect_segments, "Most segments of an indirect request (default 256)");

static unsigned int max_queues = 4;
module_param(max_queues, uint, 0644);
MODULE_PARM_DESC(max_queues, "Most queues of a disk (default 4, never more than CPUs)");

static unsigned int poll_queues;
module_param(poll_queues, uint, 0644);
MODULE_PARM_DESC(poll_queues, "Further queues of a disk for polled I/O (default 0)");

static unsigned int max_ring_page_order = 2;
module_param(max_ring_page_order, uint, 0644);
MODULE_PARM_DESC(max_ring_page_order, "Most pages of a ring, log 2 (default 2, at most 4)");

static bool trusted = true;
module_param(trusted, bool, 0644);
MODULE_PARM_DESC(trusted, "Whether backends may see what else is in a page (default yes)");

static bool feature_persistent = true;
module_param(feature_persistent, bool, 0644);
MODULE_PARM_DESC(feature_persistent, "Keep grants between requests (default yes)");

static unsigned int request_timeout = 300;
module_param(request_timeout, uint, 0644);
MODULE_PARM_DESC(request_timeout,
		 "Seconds until a silent or absent backend is given up (default 300, 0: never)");

static unsigned int coalesce_us;
module_param(coalesce_us, uint, 0644);
MODULE_PARM_DESC(coalesce_us,
		 "Longest wait for an event that stands for several responses (default 0: none)");

static DEFINE_MUTEX(names_lock);
static LIST_HEAD(disks);

void pvk_blkfront_params(struct pvk_blk_params *params)
{
	params->max_queues = max_queues;
	params->poll_queues = poll_queues;
	params->max_ring_page_order = max_ring_page_order;
	params->max_indirect_segments = max_indirect_segments;
	params->feature_persistent = feature_persistent;
	params->trusted = trusted;
}

unsigned int pvk_request_timeout(void)
{
	return READ_ONCE(request_timeout);
}

unsigned int pvk_coalesce_us(void)
{
	return READ_ONCE(coalesce_us);
}

int pvk_name_claim(struct pvk_disk *disk)
{
	const struct pvk_disk *other;
	int err = 0;

	mutex_lock(&names_lock);
	list_for_each_entry(other, &disks, list) {
		if (disk->name.minor < other->name.minor + other->name.minors &&
		    other->name.minor < disk->name.minor + disk->name.minors)
			err = -EBUSY;
	}
	if (!err)
		list_add(&disk->list, &disks);
	mutex_unlock(&names_lock);
	return err;
}

void pvk_name_release(struct pvk_disk *disk)
{
	mutex_lock(&names_lock);
	list_del(&disk->list);
	mutex_unlock(&names_lock);
}

struct workqueue_struct *pvk_disk_queue, *pvk_split_queue;

static void close_queues(void)
{
	if (pvk_split_queue)
		destroy_workqueue(pvk_split_queue);
	if (pvk_disk_queue)
		destroy_workqueue(pvk_disk_queue);
}

static int open_queues(void)
{
	pvk_disk_queue = alloc_workqueue("pvkit_disk", WQ_MEM_RECLAIM, 0);
	pvk_split_queue = alloc_workqueue("pvkit_split", WQ_MEM_RECLAIM, 0);
	if (pvk_disk_queue && pvk_split_queue)
		return 0;
	close_queues();
	return -ENOMEM;
}

static int start(void)
{
	int err;

	if (!pvk_disks_are_ours()) {
		pr_err("pvkit-blkfront: the emulated disks were not unplugged\n");
		return -ENODEV;
	}
	err = open_queues();
	if (err)
		return err;
	err = register_blkdev(PVK_XVD_MAJOR, "xvd");
	if (err == -EBUSY)
		pr_err("pvkit-blkfront: block major %d is taken: is xen-blkfront loaded?\n",
		       PVK_XVD_MAJOR);
	if (err)
		goto close;
	err = pvk_frontend_register(&pvk_blkfront);
	if (!err)
		return 0;
	unregister_blkdev(PVK_XVD_MAJOR, "xvd");
close:
	close_queues();
	return err;
}

static int __init pvk_blkfront_init(void)
{
	int err;

	pvk_faults_enter("disk-init");
	err = start();
	pvk_faults_leave("disk-init");
	if (err)
		pr_err("pvkit-blkfront: cannot start (%d)\n", err);
	return err;
}

static void __exit pvk_blkfront_exit(void)
{
	pvk_faults_enter("disk-exit");
	pvk_frontend_unregister(&pvk_blkfront);
	unregister_blkdev(PVK_XVD_MAJOR, "xvd");
	close_queues();
	pvk_faults_leave("disk-exit");
}

module_init(pvk_blkfront_init);
module_exit(pvk_blkfront_exit);
MODULE_DESCRIPTION("pvkit: Xen virtual block device frontend");
MODULE_LICENSE("GPL");
MODULE_ALIAS_BLOCKDEV_MAJOR(PVK_XVD_MAJOR);
MODULE_ALIAS("xen:vbd");
MODULE_ALIAS("xenblk");
