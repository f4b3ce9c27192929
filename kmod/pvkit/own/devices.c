// SPDX-License-Identifier: GPL-2.0-only
/*
 * The devices of our own xenbus: what xenstore's device/<type>/ lists; one scan after another, each
 * prompted by a watch, makes the two agree.
 */
#include <linux/kernel.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/bus.h"
#include "kmod/pvkit/own/device.h"

#define MOST_DEVICES	1024	/* whatever xenstore says */
#define LONGEST_PAUSE	8	/* seconds */

static DEFINE_MUTEX(scan_lock);	/* devices; held while they come and go */
static LIST_HEAD(devices);
static unsigned int nr_devices;
static bool incomplete;	/* there was no memory for a device */
static bool put_off;	/* something has yet to be done */
static unsigned int pause;	/* seconds until it is tried */
static bool frozen;	/* devices come and go no more */
static bool moving;	/* from before devices are suspended until they are resumed */

/* Memory may wait for a disk that has yet to find its backend. */
static struct workqueue_struct *queue;
static void rescan_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(rescan, rescan_work);

static void release_device(struct device *dev)
{
	kfree(container_of(dev, struct pvk_own_device, dev));
}

static int add_device(const char *type, const char *id)
{
	struct pvk_own_device *device;
	int err;

	if (nr_devices >= MOST_DEVICES)
		return -ENOSPC;
	device = kzalloc(sizeof(*device), GFP_KERNEL);
	if (!device)
		return -ENOMEM;
	strscpy(device->type, type, sizeof(device->type));
	snprintf(device->frontend, sizeof(device->frontend), "device/%s/%s", type, id);
	device->bus.dev = &device->dev;
	device->dev.bus = &pvk_own_bus;
	device->dev.release = release_device;
	device->seen = true;
	device_initialize(&device->dev);
	err = dev_set_name(&device->dev, "%s-%s", type, id);
	if (!err)
		err = device_add(&device->dev);
	if (err) {
		put_device(&device->dev);
		return err;
	}
	list_add_tail(&device->list, &devices);
	nr_devices++;
	return 0;
}

static void drop_device(struct pvk_own_device *device)
{
	list_del(&device->list);
	nr_devices--;
	device_unregister(&device->dev);
}

static bool fits(const char *name, size_t space)
{
	bool good = *name && strlen(name) < space && !strchr(name, '/');

	if (!good)
		pr_warn_once("pvkit: xenstore has a directory whose name no device can have\n");
	return good;
}

/* Both its name and its place: "a-b" has a "c" as "a" may have a "b-c". */
static int see_device(const char *type, const char *id)
{
	struct pvk_own_device *device;
	char name[PVK_PATH], path[PVK_PATH];

	if (!fits(id, sizeof(path) - sizeof("device//") - strlen(type)))
		return 0;
	snprintf(name, sizeof(name), "%s-%s", type, id);
	snprintf(path, sizeof(path), "device/%s/%s", type, id);
	list_for_each_entry(device, &devices, list) {
		if (strcmp(dev_name(&device->dev), name))
			continue;
		if (!strcmp(device->frontend, path))
			device->seen = true;
		return 0;
	}
	if (add_device(type, id) == -ENOMEM)
		incomplete = true;
	return 0;
}

/* Calls @see for each name below a directory. Names come as one block, each with its NUL. */
static int for_each_name(const char *dir, const char *key, const char *type,
			 int (*see)(const char *type, const char *name))
{
	unsigned int length;
	const char *name;
	char *names;
	int err = 0;

	names = pvk_store_directory(0, dir, key, &length);
	if (IS_ERR(names))
		return PTR_ERR(names) == -ENOENT ? 0 : PTR_ERR(names);
	for (name = names; name < names + length && !err; name += strlen(name) + 1)
		err = see(type, name);
	kfree(names);
	return err;
}

void pvk_own_bus_later(int err)
{
	unsigned int seconds = max(READ_ONCE(pause), 1u);

	if (!READ_ONCE(put_off) && !READ_ONCE(pause))
		pr_warn("pvkit: not every device can be set up now (%d): trying again\n", err);
	WRITE_ONCE(put_off, true);
	queue_delayed_work(queue, &rescan, seconds * HZ);
}

static int see_type(const char *unused, const char *type)
{
	struct pvk_own_device *device;
	int err;

	if (!fits(type, sizeof(device->type)))
		return 0;
	err = for_each_name("device", type, type, see_device);
	if (!err)
		return 0;
	/* Of these nothing is known to have gone; others come and go meanwhile. */
	list_for_each_entry(device, &devices, list) {
		if (!strcmp(device->type, type))
			device->seen = true;
	}
	pvk_own_bus_later(err);
	return 0;
}

static void scan_all(void)
{
	struct pvk_own_device *device, *next;
	int err;

	incomplete = false;
	list_for_each_entry(device, &devices, list)
		device->seen = false;
	/* Without every answer nothing is known to have gone: a request may fail in a suspend. */
	err = for_each_name("device", NULL, NULL, see_type);
	if (err) {
		pvk_own_bus_later(err);
		return;
	}
	list_for_each_entry_safe(device, next, &devices, list) {
		if (!device->seen)
			drop_device(device);
	}
	if (incomplete)
		pvk_own_bus_later(-ENOMEM);
}

/* Drivers that came, or were bound by hand, at a moment at which nothing could be agreed on. */
static void probe_again(void)
{
	struct pvk_own_device *device;

	list_for_each_entry(device, &devices, list) {
		if (!READ_ONCE(device->probe_later))
			continue;
		WRITE_ONCE(device->probe_later, false);
		if (device_attach(&device->dev) < 0)
			dev_err(&device->dev, "pvkit: cannot be probed again\n");
	}
}

/* With scan_lock held. */
static void for_each_bound(void (*act)(struct pvk_own_device *device,
				       struct pvk_frontend *frontend))
{
	struct pvk_own_device *device;
	struct pvk_frontend *frontend;

	list_for_each_entry(device, &devices, list) {
		device_lock(&device->dev);
		frontend = pvk_own_frontend_of(&device->dev);
		if (frontend)
			act(device, frontend);
		device_unlock(&device->dev);
	}
}

/* For a device that has lost its backend; for the others there is nothing to do. */
static void find_backend(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	int err = device->away ? pvk_own_device_meet(device) : 0;

	if (!err) {
		WRITE_ONCE(device->away, false);
		err = pvk_own_device_watch(device);
	}
	if (err)
		pvk_own_bus_later(err);
}

static void scan(void)
{
	/* Others wait meanwhile, whose disks may be where memory is written to. */
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&scan_lock);
	WRITE_ONCE(put_off, false);
	if (!frozen) {
		scan_all();
		probe_again();
	}
	if (!frozen && !moving)
		for_each_bound(find_backend);
	WRITE_ONCE(pause, put_off ? clamp(2 * pause, 1u, (unsigned int)LONGEST_PAUSE) : 0);
	mutex_unlock(&scan_lock);
	memalloc_noio_restore(noio);
}

static void rescan_work(struct work_struct *work)
{
	scan();
}

static void devices_changed(struct pvk_store_watch *watch, const char *path)
{
	scan();
}

static struct pvk_store_watch devices_watch = {
	.path = "device",
	.changed = devices_changed,
};

bool pvk_own_bus_moves(void)
{
	return READ_ONCE(moving);
}

int pvk_own_bus_start(void)
{
	int err;

	queue = alloc_workqueue("pvkit_bus", WQ_MEM_RECLAIM, 0);
	if (!queue)
		return -ENOMEM;
	err = bus_register(&pvk_own_bus);
	if (err) {
		destroy_workqueue(queue);
		return err;
	}
	frozen = moving = put_off = false;
	pause = 0;
	err = pvk_store_watch(&devices_watch);
	/* It may have fired before it was refused. */
	if (err)
		pvk_own_bus_stop();
	return err;
}

unsigned int pvk_own_bus_freeze(void)
{
	pvk_store_unwatch(&devices_watch);
	mutex_lock(&scan_lock);
	frozen = true;
	mutex_unlock(&scan_lock);
	cancel_delayed_work_sync(&rescan);
	return nr_devices;
}

void pvk_own_bus_stop(void)
{
	struct pvk_own_device *device, *next;

	pvk_own_bus_freeze();
	list_for_each_entry_safe(device, next, &devices, list)
		drop_device(device);
	bus_unregister(&pvk_own_bus);
	destroy_workqueue(queue);
}

/*
 * Nobody may look at the old backend's state in the new domain, where it is not there, nor believe
 * what stands in the rings.
 */
static void suspend_device(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	pvk_own_device_unwatch(device);
	WRITE_ONCE(device->away, true);
	frontend->suspend(&device->bus);
}

static void stay(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	WRITE_ONCE(device->away, false);
	find_backend(device, frontend);
}

/* The frontend first: what waits is safe with it, however late the new backend is. */
static void resume_device(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	frontend->resume(&device->bus);
	find_backend(device, frontend);
}

/*
 * Both see the same devices, because none is bound in between: a probe that has not seen @moving
 * has the device's lock, for which suspending waits.
 */
void pvk_own_bus_suspend(void)
{
	WRITE_ONCE(moving, true);
	mutex_lock(&scan_lock);
	for_each_bound(suspend_device);
	mutex_unlock(&scan_lock);
}

void pvk_own_bus_resume(int cancelled)
{
	mutex_lock(&scan_lock);
	for_each_bound(cancelled ? stay : resume_device);
	WRITE_ONCE(moving, false);
	mutex_unlock(&scan_lock);
	mod_delayed_work(queue, &rescan, 0);
}
