// SPDX-License-Identifier: GPL-2.0-only
/* xenstore for the runtime (platform.h), over the kernel's xenbus. */
#include <linux/err.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/compat.h"
#include "kmod/pvkit/pvkit.h"

static struct xenbus_transaction transaction_of(pvk_u32 id)
{
	struct xenbus_transaction transaction = { .id = id };

	return transaction;
}

int pvk_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer, pvk_size capacity)
{
	const char *dir = side == PVK_BACKEND ? bus->dev->otherend : bus->dev->nodename;
	unsigned int length;
	char *value;

	value = xenbus_read(XBT_NIL, dir, key, &length);
	if (IS_ERR(value))
		return PTR_ERR(value);
	if (length <= capacity)
		memcpy(buffer, value, length);
	kfree(value);
	return length <= capacity ? (int)length : -ERANGE;
}
EXPORT_SYMBOL_GPL(pvk_xs_read);

int pvk_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key, const char *value)
{
	return xenbus_write(transaction_of(transaction), bus->dev->nodename, key, value);
}
EXPORT_SYMBOL_GPL(pvk_xs_write);

int pvk_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key)
{
	return xenbus_rm(transaction_of(transaction), bus->dev->nodename, key);
}
EXPORT_SYMBOL_GPL(pvk_xs_remove);

int pvk_xs_begin(struct pvk_bus *bus, pvk_u32 *transaction)
{
	struct xenbus_transaction started;
	int err = xenbus_transaction_start(&started);

	if (!err)
		*transaction = started.id;
	return err;
}
EXPORT_SYMBOL_GPL(pvk_xs_begin);

int pvk_xs_end(struct pvk_bus *bus, pvk_u32 transaction, int commit)
{
	return xenbus_transaction_end(transaction_of(transaction), !commit);
}
EXPORT_SYMBOL_GPL(pvk_xs_end);

int pvk_xs_set_state(struct pvk_bus *bus, int state)
{
	return xenbus_switch_state(bus->dev, state);
}
EXPORT_SYMBOL_GPL(pvk_xs_set_state);

pvk_u16 pvk_bus_backend_domid(const struct pvk_bus *bus)
{
	return bus->dev->otherend_id;
}
EXPORT_SYMBOL_GPL(pvk_bus_backend_domid);

const char *pvk_bus_name(const struct pvk_bus *bus)
{
	return dev_name(&bus->dev->dev);
}
EXPORT_SYMBOL_GPL(pvk_bus_name);
