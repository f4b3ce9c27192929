// SPDX-License-Identifier: GPL-2.0-only
/* How a device of our own xenbus meets its backend and its frontend. */
#include <linux/kernel.h>
#include <linux/sched/mm.h>
#include <linux/string.h>

#include "kmod/pvkit/own/bus.h"
#include "kmod/pvkit/own/device.h"

int pvk_own_device_meet(struct pvk_own_device *device)
{
	char number[8];
	u16 domid;
	int length;

	length = pvk_store_read(0, device->frontend, "backend-id", number, sizeof(number) - 1);
	if (length < 0)
		return length;
	number[length] = '\0';
	if (kstrtou16(number, 10, &domid))
		return -EINVAL;
	length = pvk_store_read(0, device->frontend, "backend", device->backend,
				sizeof(device->backend) - 1);
	if (length < 0)
		return length;
	device->backend[length] = '\0';
	device->backend_domid = domid;
	return length ? 0 : -EINVAL;
}

/*
 * A kernel that crashed, whose crash kernel we are, left its rings with the backend, which would go
 * on with them whatever we write there. Frontends wait for a backend that has yet to leave.
 */
int pvk_own_device_end_previous(struct pvk_own_device *device)
{
	int err, state = pvk_bus_state(&device->bus, PVK_FRONTEND);

	if (state != PVK_STATE_INITIALISED && state != PVK_STATE_CONNECTED &&
	    state != PVK_STATE_CLOSING)
		return min(state, 0);
	dev_info(&device->dev, "pvkit: connected by an earlier kernel: connecting anew\n");
	err = pvk_own_xs_set_state(&device->bus, PVK_STATE_CLOSED);
	if (err)
		dev_err(&device->dev, "pvkit: cannot end the earlier connection\n");
	return err;
}

static void backend_changed(struct pvk_store_watch *watch, const char *path)
{
	struct pvk_own_device *device = container_of(watch, struct pvk_own_device, watch);
	struct pvk_frontend *frontend = pvk_own_frontend_of(&device->dev);
	/* A disk that waits for its backend may be the one that memory would be written to. */
	unsigned int noio = memalloc_noio_save();

	if (frontend && device->watching)
		frontend->backend_changed(&device->bus,
					  pvk_bus_state(&device->bus, PVK_BACKEND));
	memalloc_noio_restore(noio);
}

int pvk_own_device_watch(struct pvk_own_device *device)
{
	int err;

	/* The client's list of watches must not have one twice. */
	if (device->watching)
		return 0;
	snprintf(device->watched, sizeof(device->watched), "%s/state", device->backend);
	device->watch.path = device->watched;
	device->watch.changed = backend_changed;
	device->watching = true;
	err = pvk_store_watch(&device->watch);
	if (err)
		device->watching = false;
	return err;
}

void pvk_own_device_unwatch(struct pvk_own_device *device)
{
	if (!device->watching)
		return;
	device->watching = false;
	pvk_store_unwatch(&device->watch);
}
