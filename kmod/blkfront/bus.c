// SPDX-License-Identifier: GPL-2.0-only
/* A block device on xenbus: how it is found, told of its backend, and taken away. */
#include <linux/cpumask.h>
#include <linux/delay.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "kmod/blkfront/blkfront.h"

#define CLOSE_POLL_MS	10
#define CLOSE_SECONDS	5

/* An errno is no sign that it has left. */
static bool backend_is_busy(int state)
{
	return state < 0 || state == PVK_STATE_INITIALISED || state == PVK_STATE_CONNECTED ||
	       state == PVK_STATE_CLOSING;
}

/* A direct read: this may run in the thread that delivers xenstore events. */
static void wait_backend_closed(void *context)
{
	struct pvk_disk *disk = context;
	unsigned long end = jiffies + CLOSE_SECONDS * HZ;

	do {
		if (!backend_is_busy(pvk_bus_state(disk->bus, PVK_BACKEND)))
			return;
		msleep(CLOSE_POLL_MS);
	} while (time_before(jiffies, end));
	pr_warn("pvkit: %s: the backend does not close\n", pvk_bus_name(disk->bus));
}

static const struct pvk_blk_port port = {
	.attach = pvk_disk_attach,
	.detach = pvk_disk_detach,
	.hold = pvk_disk_hold,
	.take_back = pvk_disk_take_back,
	.carry_on = pvk_disk_carry_on,
	.resize = pvk_disk_resize,
	.wait_backend_closed = wait_backend_closed,
	.upcall = pvk_disk_upcall,
};

static void fail_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, fail_work);
	unsigned int noio;

	/* One that goes anyway is let go; one that came in its place is not to blame. */
	if (!READ_ONCE(disk->failed) || READ_ONCE(disk->held))
		return;
	/* First, so that nobody who holds the lock waits for an answer that will not come. */
	pvk_disk_sweep(disk);
	noio = pvk_disk_lock(disk);
	if (disk->failed && !disk->held)
		pvk_blk_fail(disk->core);
	pvk_disk_ask_again(disk);
	pvk_disk_unlock(disk, noio);
}

void pvk_disk_give_up(struct pvk_disk *disk)
{
	WRITE_ONCE(disk->failed, true);
	queue_work(pvk_disk_queue, &disk->fail_work);
}

static void away_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, away_work.work);
	unsigned int noio = pvk_disk_lock(disk);

	if (disk->up && disk->held) {
		pr_err("pvkit: %s: the backend stays away; the device is given up\n",
		       disk->name.name);
		pvk_blk_fail(disk->core);
		pvk_disk_ask_again(disk);
	}
	pvk_disk_unlock(disk, noio);
}

/* Neither waits, for the limits or for requests, nor stops the queue: bios are cut above it. */
static void cache_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, cache_work.work);
	unsigned int noio = pvk_disk_lock(disk);
	struct pvk_queue_limits limits;

	if (disk->up && !disk->held) {
		pvk_queue_limits_of(disk, &limits);
		pvk_disk_limits_changed(disk, pvk_queue_limits_try(disk->gd->queue, &limits));
	}
	pvk_disk_unlock(disk, noio);
}

/* A suspend is over: blkfront_resume() has done its part, or it was called off. */
static void awake_work(struct work_struct *work)
{
	struct pvk_disk *disk = container_of(work, struct pvk_disk, awake_work);

	WRITE_ONCE(disk->suspended, 0);
}

/* Some are another driver's, in an HVM guest: those that are also emulated, and CDs. */
static int refuse_others(struct pvk_disk *disk)
{
	int cdrom;

	if (!pvk_guest_is_hvm())
		return 0;
	if (!pvk_disk_is_ours(disk->virtual_device)) {
		pr_info("pvkit: %s: an emulated disk serves this one\n", pvk_bus_name(disk->bus));
		return -ENODEV;
	}
	cdrom = pvk_blk_is_cd(disk->bus);
	return cdrom > 0 ? -ENODEV : cdrom;
}

static int name_disk(struct pvk_disk *disk)
{
	long long device = pvk_blk_read_number(disk->bus, "virtual-device", U32_MAX);

	if (device == -ENOENT)
		device = pvk_blk_read_number(disk->bus, "virtual-device-ext", U32_MAX);
	if (device < 0) {
		pr_err("pvkit: %s: no usable virtual-device number\n", pvk_bus_name(disk->bus));
		return device;
	}
	disk->virtual_device = device;
	if (pvk_blk_name_disk(device, &disk->name)) {
		pr_err("pvkit: %s: virtual-device %lld is of no known kind\n",
		       pvk_bus_name(disk->bus), device);
		return -EINVAL;
	}
	return 0;
}

static struct pvk_disk *new_disk(struct pvk_bus *bus)
{
	struct pvk_disk *disk = kzalloc(sizeof(*disk), GFP_KERNEL);
	struct pvk_blk_params params;

	if (!disk)
		return NULL;
	disk->bus = bus;
	mutex_init(&disk->lock);
	mutex_init(&disk->lanes_lock);
	INIT_WORK(&disk->fail_work, fail_work);
	INIT_DELAYED_WORK(&disk->cache_work, cache_work);
	INIT_WORK(&disk->awake_work, awake_work);
	INIT_DELAYED_WORK(&disk->away_work, away_work);
	INIT_DELAYED_WORK(&disk->again_work, pvk_again_work);
	INIT_WORK(&disk->split_work, pvk_split_work);
	spin_lock_init(&disk->split_lock);
	bio_list_init(&disk->split_bios);
	pvk_blkfront_params(&params);
	disk->core = pvk_blk_create(disk->bus, &params, num_online_cpus(), &port, disk);
	if (disk->core)
		return disk;
	kfree(disk);
	return NULL;
}

static void free_disk(struct pvk_disk *disk)
{
	pvk_blk_destroy(disk->core);
	kfree(disk);
}

/* Another driver may have left the device a moment ago: its backend has to see the end of that. */
static int wait_for_previous(struct pvk_disk *disk)
{
	int own = pvk_bus_state(disk->bus, PVK_FRONTEND);

	if (own == PVK_STATE_CLOSING || own == PVK_STATE_CLOSED)
		wait_backend_closed(disk);
	return own < 0 ? -ETIMEDOUT : 0;
}

/* Its name is claimed. */
static int start_disk(struct pvk_disk *disk)
{
	int err = wait_for_previous(disk);

	if (err)
		return err;
	disk->bus->frontend = disk;
	err = pvk_blk_start(disk->core);
	if (err)
		disk->bus->frontend = NULL;
	else
		pvk_disk_ask_again(disk);
	return err;
}

static int blkfront_probe(struct pvk_bus *bus)
{
	struct pvk_disk *disk = new_disk(bus);
	int err;

	if (!disk)
		return -ENOMEM;
	err = name_disk(disk);
	if (err)
		goto free;
	err = refuse_others(disk);
	if (err)
		goto free;
	err = pvk_name_claim(disk);
	if (err) {
		pr_err("pvkit: %s: the name %s is taken\n", pvk_bus_name(disk->bus),
		       disk->name.name);
		goto free;
	}
	err = start_disk(disk);
	if (!err)
		return 0;
	pvk_name_release(disk);
free:
	free_disk(disk);
	return err;
}

static void blkfront_backend_changed(struct pvk_bus *bus, int state)
{
	struct pvk_disk *disk = bus->frontend;

	if (disk)
		pvk_disk_backend_changed(disk, state);
}

static void blkfront_told(struct pvk_bus *bus, int state)
{
	struct pvk_disk *disk = bus->frontend;

	/* On our own xenbus a device hears nothing until its suspend is over, then at once. */
	if (disk && !bus->xenbus)
		WRITE_ONCE(disk->suspended, 0);
	blkfront_backend_changed(bus, state);
}

static void blkfront_remove(struct pvk_bus *bus)
{
	struct pvk_disk *disk = bus->frontend;
	unsigned int noio;

	if (!disk)
		return;
	noio = pvk_disk_lock(disk);
	pvk_blk_remove(disk->core);
	pvk_disk_unlock(disk, noio);
	/* Its queues are gone, so nothing can schedule work any more. */
	cancel_work_sync(&disk->fail_work);
	cancel_delayed_work_sync(&disk->cache_work);
	cancel_work_sync(&disk->awake_work);
	cancel_delayed_work_sync(&disk->away_work);
	/* Last: the others may have something to ask. */
	cancel_delayed_work_sync(&disk->again_work);
	bus->frontend = NULL;
	pvk_name_release(disk);
	free_disk(disk);
}

static void blkfront_suspend(struct pvk_bus *bus)
{
	struct pvk_disk *disk = bus->frontend;

	if (!disk)
		return;
	WRITE_ONCE(disk->suspended, jiffies ?: 1);
	/* The kernel's xenbus does not say that a suspend was called off; it freezes and thaws. */
	if (bus->xenbus)
		queue_work(system_freezable_wq, &disk->awake_work);
}

/* The domain was restored or has moved: what was shared is gone, the backend is another one. */
static void blkfront_resume(struct pvk_bus *bus)
{
	struct pvk_disk *disk = bus->frontend;
	unsigned int noio;

	if (!disk)
		return;
	noio = pvk_disk_lock(disk);
	pvk_blk_resumed(disk->core);
	WRITE_ONCE(disk->suspended, 0);
	pvk_disk_ask_again(disk);
	pvk_disk_unlock(disk, noio);
}

/* Asked at boot by who waits for root disks. */
static bool blkfront_is_ready(struct pvk_bus *bus)
{
	struct pvk_disk *disk = bus->frontend;

	return !disk || pvk_blk_settled(disk->core);
}

struct pvk_frontend pvk_blkfront = {
	.type = "vbd",
	.module = KBUILD_MODNAME,
	.probe = blkfront_probe,
	.remove = blkfront_remove,
	.backend_changed = blkfront_told,
	.suspend = blkfront_suspend,
	.resume = blkfront_resume,
	.is_ready = blkfront_is_ready,
};
