// SPDX-License-Identifier: GPL-2.0-only
/* A device's two directories in xenstore, over our own client. */
#include <linux/kernel.h>
#include <linux/string.h>

#include "kmod/pvkit/own/device.h"
#include "kmod/pvkit/own/store.h"

#define STATE_TRIES	32

static const char *directory(const struct pvk_bus *bus, int side)
{
	const struct pvk_own_device *device = pvk_own_device_of(bus);

	return side == PVK_BACKEND ? device->backend : device->frontend;
}

int pvk_own_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer,
		    pvk_size capacity)
{
	/* The backend of another life says nothing about this one. */
	if (side == PVK_BACKEND && READ_ONCE(pvk_own_device_of(bus)->away))
		return -EAGAIN;
	return pvk_store_read(0, directory(bus, side), key, buffer, capacity);
}

int pvk_own_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key,
		     const char *value)
{
	return pvk_store_write(transaction, directory(bus, PVK_FRONTEND), key, value);
}

int pvk_own_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key)
{
	return pvk_store_remove(transaction, directory(bus, PVK_FRONTEND), key);
}

int pvk_own_xs_begin(pvk_u32 *transaction)
{
	return pvk_store_begin(transaction);
}

int pvk_own_xs_end(pvk_u32 transaction, int commit)
{
	return pvk_store_end(transaction, commit);
}

/* In a transaction: a device that is being removed must not come back as a lone state key. */
static int try_set_state(const char *dir, const char *value)
{
	pvk_u32 transaction;
	char present[16];
	int err = pvk_store_begin(&transaction);

	if (err)
		return err;
	err = pvk_store_read(transaction, dir, "state", present, sizeof(present));
	if (err < 0) {
		pvk_store_end(transaction, 0);
		return err == -ENOENT ? 0 : err;
	}
	err = pvk_store_write(transaction, dir, "state", value);
	if (err) {
		pvk_store_end(transaction, 0);
		return err;
	}
	return pvk_store_end(transaction, 1);
}

int pvk_own_xs_set_state(struct pvk_bus *bus, int state)
{
	char value[12];
	unsigned int tries;
	int err = -EAGAIN;

	snprintf(value, sizeof(value), "%d", state);
	for (tries = 0; tries < STATE_TRIES && err == -EAGAIN; tries++)
		err = try_set_state(directory(bus, PVK_FRONTEND), value);
	if (!err)
		WRITE_ONCE(pvk_own_device_of(bus)->state, state);
	return err;
}
