// SPDX-License-Identifier: GPL-2.0-only
/* Our own xenbus: /sys/bus/pvkit, and how its devices and the frontends meet. */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/compat/bus.h"
#include "kmod/pvkit/own/bus.h"
#include "kmod/pvkit/own/device.h"

struct own_driver {
	struct device_driver driver;
	struct pvk_frontend *frontend;
};

static struct pvk_own_device *to_own_device(const struct device *dev)
{
	return container_of(dev, struct pvk_own_device, dev);
}

struct pvk_frontend *pvk_own_frontend_of(struct device *dev)
{
	if (!dev->driver)
		return NULL;
	return container_of(dev->driver, struct own_driver, driver)->frontend;
}

PVK_BUS_MATCH(own_match, dev, driver)
{
	const struct own_driver *own = container_of(driver, struct own_driver, driver);

	return !strcmp(to_own_device(dev)->type, own->frontend->type);
}

PVK_BUS_UEVENT(own_uevent, dev, env)
{
	return add_uevent_var(env, "MODALIAS=xen:%s", to_own_device(dev)->type);
}

/* All that xenstore may mean by "not now". A frontend has its own reasons for these. */
static int or_late(int err)
{
	switch (err) {
	case -EINTR:
	case -EIO:
	case -EAGAIN:
	case -EBUSY:
		return -ETIMEDOUT;
	default:
		return err;
	}
}

static int meet(struct pvk_own_device *device)
{
	int err = or_late(pvk_own_device_meet(device));

	if (err && err != -ETIMEDOUT)
		dev_err(&device->dev, "pvkit: xenstore does not say who the backend is\n");
	if (!err)
		err = or_late(pvk_own_device_end_previous(device));
	return err;
}

static int try_probe(struct pvk_own_device *device, struct pvk_frontend *frontend)
{
	int err;

	if (pvk_own_bus_moves())
		return -EPROBE_DEFER;
	WRITE_ONCE(device->away, false);
	err = meet(device);
	if (!err)
		err = frontend->probe(&device->bus);
	if (err)
		return err;
	err = or_late(pvk_own_device_watch(device));
	if (err)
		frontend->remove(&device->bus);
	return err;
}

static int own_probe(struct device *dev)
{
	struct pvk_own_device *device = to_own_device(dev);
	int err = try_probe(device, pvk_own_frontend_of(dev));

	/* While the domain moves, what is agreed on would be neither suspended nor made anew. */
	bool later = err == -EPROBE_DEFER || err == -ETIMEDOUT || err == -ENOMEM;

	WRITE_ONCE(device->probe_later, later);
	if (!later)
		return err;
	if (err != -EPROBE_DEFER)
		pvk_own_bus_later(err);
	return -EPROBE_DEFER;
}

static void own_remove(struct device *dev)
{
	struct pvk_own_device *device = to_own_device(dev);

	pvk_own_device_unwatch(device);
	pvk_own_frontend_of(dev)->remove(&device->bus);
}

/* The driver stays bound, to a device that it has left: it will not be asked for anything more. */
static void own_shutdown(struct device *dev)
{
	if (!pvk_own_kexec())
		return;
	if (pvk_own_frontend_of(dev))
		own_remove(dev);
	pvk_own_kexec_left();
}

struct bus_type pvk_own_bus = {
	.name = "pvkit",
	.dev_groups = pvk_own_device_groups,
	.match = own_match,
	.uevent = own_uevent,
	.probe = own_probe,
	.remove = own_remove,
	.shutdown = own_shutdown,
};

int pvk_own_frontend_register(struct pvk_frontend *frontend)
{
	struct own_driver *own = kzalloc(sizeof(*own), GFP_KERNEL);
	int err;

	if (!own)
		return -ENOMEM;
	own->frontend = frontend;
	own->driver.name = frontend->type;
	own->driver.bus = &pvk_own_bus;
	own->driver.mod_name = frontend->module;
	frontend->registration = own;
	err = driver_register(&own->driver);
	if (err)
		kfree(own);
	return err;
}

void pvk_own_frontend_unregister(struct pvk_frontend *frontend)
{
	struct own_driver *own = frontend->registration;

	driver_unregister(&own->driver);
	kfree(own);
}

pvk_u16 pvk_own_backend_domid(const struct pvk_bus *bus)
{
	return pvk_own_device_of(bus)->backend_domid;
}
