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

static DEFINE_MUTEX(scan_lock);	/* devices; held while they come and go */
static LIST_HEAD(devices);
static unsigned int nr_devices;
static bool incomplete;	/* there was no memory for a device */
static bool frozen;	/* devices come and go no more */
static bool moving;	/* from before devices are suspended until they are resumed */

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

static int see_device(const char *type, const char *id)
{
	struct pvk_own_device *device;
	char name[64];

	snprintf(name, sizeof(name), "%s-%s", type, id);
	list_for_each_entry(device, &devices, list) {
		if (!strcmp(dev_name(&device->dev), name)) {
			device->seen = true;
			return 0;
		}
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

static int see_type(const char *unused, const char *type)
{
	return for_each_name("device", type, type, see_device);
}

static void scan_again(int err)
{
	pr_warn("pvkit: devices cannot be listed (%d): once more in a second\n", err);
	queue_delayed_work(system_wq, &rescan, HZ);
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
		scan_again(err);
		return;
	}
	list_for_each_entry_safe(device, next, &devices, list) {
		if (!device->seen)
			drop_device(device);
	}
	if (incomplete)
		scan_again(-ENOMEM);
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

static void scan(void)
{
	/* Others wait meanwhile, whose disks may be where memory is written to. */
	unsigned int noio = memalloc_noio_save();

	mutex_lock(&scan_lock);
	if (!frozen) {
		scan_all();
		probe_again();
	}
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
	int err = bus_register(&pvk_own_bus);

	if (err)
		return err;
	frozen = moving = false;
	err = pvk_store_watch(&devices_watch);
	if (err)
		bus_unregister(&pvk_own_bus);
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
}

static void for_each_bound(void (*act)(struct pvk_own_device *device,
				       struct pvk_frontend *frontend))
{
	struct pvk_own_device *device;
	struct pvk_frontend *frontend;

	mutex_lock(&scan_lock);
	list_for_each_entry(device, &devices, list) {
		device_lock(&device->dev);
		frontend = pvk_own_frontend_of(&device->dev);
		if (frontend)
			act(device, frontend);
		device_unlock(&device->dev);
	}
	mutex_unlock(&scan_lock);
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

static void watch_again(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	WRITE_ONCE(device->away, false);
	if (pvk_own_device_watch(device))
		dev_err(&device->dev, "pvkit: the backend's state cannot be watched\n");
}

static void resume_device(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	if (pvk_own_device_meet(device))
		dev_err(&device->dev, "pvkit: no backend after the domain was restored\n");
	frontend->resume(&device->bus);
	watch_again(device, frontend);
}

/*
 * Both see the same devices, because none is bound in between: a probe that has not seen @moving
 * has the device's lock, for which suspending waits.
 */
void pvk_own_bus_suspend(void)
{
	WRITE_ONCE(moving, true);
	for_each_bound(suspend_device);
}

void pvk_own_bus_resume(int cancelled)
{
	for_each_bound(cancelled ? watch_again : resume_device);
	WRITE_ONCE(moving, false);
	queue_delayed_work(system_wq, &rescan, 0);
}
