// SPDX-License-Identifier: GPL-2.0-only
/* Frontends on the kernel's xenbus. */
#include <linux/module.h>
#include <linux/sched/mm.h>
#include <linux/slab.h>

#include "compat/xen.h"
#include "kmod/pvkit/client/client.h"

struct client_driver {
	struct xenbus_driver driver;
	struct xenbus_device_id ids[2];
	struct pvk_frontend *frontend;
};

static struct pvk_frontend *frontend_of(struct xenbus_device *dev)
{
	struct xenbus_driver *driver = to_xenbus_driver(dev->dev.driver);

	return container_of(driver, struct client_driver, driver)->frontend;
}

/*
 * xenbus calls all of these from the one thread, or the one suspend, that can bring back a disk
 * which waits for its backend. It may be the one that memory would be written to.
 */
static int probe(struct xenbus_device *dev)
{
	struct pvk_bus *bus = kzalloc(sizeof(*bus), GFP_KERNEL);
	int err;

	if (!bus)
		return -ENOMEM;
	bus->dev = &dev->dev;
	bus->xenbus = dev;
	/* Before probe, which lets the backend's first answer in. */
	dev_set_drvdata(&dev->dev, bus);
	err = frontend_of(dev)->probe(bus);
	if (!err)
		return 0;
	dev_set_drvdata(&dev->dev, NULL);
	kfree(bus);
	return err;
}

static int client_probe(struct xenbus_device *dev, const struct xenbus_device_id *id)
{
	unsigned int noio = memalloc_noio_save();
	int err = probe(dev);

	memalloc_noio_restore(noio);
	return err;
}

PVK_XENBUS_REMOVE(client_remove, dev)
{
	struct pvk_bus *bus = dev_get_drvdata(&dev->dev);

	if (!bus)
		return;
	frontend_of(dev)->remove(bus);
	dev_set_drvdata(&dev->dev, NULL);
	kfree(bus);
}

static void client_backend_changed(struct xenbus_device *dev, enum xenbus_state state)
{
	struct pvk_bus *bus = dev_get_drvdata(&dev->dev);
	unsigned int noio;

	if (!bus)
		return;
	noio = memalloc_noio_save();
	/* Also what xenbus says when it could not read it. */
	frontend_of(dev)->backend_changed(bus, state == XenbusStateUnknown ?
					  pvk_bus_state(bus, PVK_BACKEND) : (int)state);
	memalloc_noio_restore(noio);
}

static int client_suspend(struct xenbus_device *dev)
{
	struct pvk_bus *bus = dev_get_drvdata(&dev->dev);

	if (bus)
		frontend_of(dev)->suspend(bus);
	return 0;
}

static int client_resume(struct xenbus_device *dev)
{
	struct pvk_bus *bus = dev_get_drvdata(&dev->dev);
	unsigned int noio = memalloc_noio_save();

	if (bus)
		frontend_of(dev)->resume(bus);
	memalloc_noio_restore(noio);
	return 0;
}

/* Asked at boot by who waits for root disks. */
static int client_is_ready(struct xenbus_device *dev)
{
	struct pvk_bus *bus = dev_get_drvdata(&dev->dev);

	return !bus || frontend_of(dev)->is_ready(bus);
}

int pvk_client_frontend_register(struct pvk_frontend *frontend)
{
	struct client_driver *client = kzalloc(sizeof(*client), GFP_KERNEL);
	int err;

	if (!client)
		return -ENOMEM;
	client->frontend = frontend;
	strscpy(client->ids[0].devicetype, frontend->type, sizeof(client->ids[0].devicetype));
	client->driver.ids = client->ids;
	client->driver.probe = client_probe;
	client->driver.remove = client_remove;
	client->driver.otherend_changed = client_backend_changed;
	client->driver.suspend = client_suspend;
	client->driver.resume = client_resume;
	client->driver.is_ready = client_is_ready;
	/*
	 * Without an owner: xenbus would take a reference of the module for each device, and no
	 * rmmod could ever let go of them. A disk that is in use holds the module by itself.
	 */
	err = __xenbus_register_frontend(&client->driver, NULL, frontend->module);
	if (err) {
		kfree(client);
		return err;
	}
	frontend->registration = client;
	return 0;
}

void pvk_client_frontend_unregister(struct pvk_frontend *frontend)
{
	struct client_driver *client = frontend->registration;

	xenbus_unregister_driver(&client->driver);
	kfree(client);
}
