// SPDX-License-Identifier: GPL-2.0-only
/* xenstore over the kernel's xenbus. */
#include <linux/err.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "compat/xen.h"
#include "kmod/pvkit/client/client.h"

static struct xenbus_transaction transaction_of(pvk_u32 id)
{
	struct xenbus_transaction transaction = { .id = id };

	return transaction;
}

static const char *directory(const struct pvk_bus *bus, int side)
{
	return side == PVK_BACKEND ? bus->xenbus->otherend : bus->xenbus->nodename;
}

int pvk_client_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer,
		       pvk_size capacity)
{
	unsigned int length;
	char *value;

	value = xenbus_read(XBT_NIL, directory(bus, side), key, &length);
	if (IS_ERR(value))
		return PTR_ERR(value);
	if (length <= capacity)
		memcpy(buffer, value, length);
	kfree(value);
	return length <= capacity ? (int)length : -ERANGE;
}

int pvk_client_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key,
			const char *value)
{
	return xenbus_write(transaction_of(transaction), bus->xenbus->nodename, key, value);
}

int pvk_client_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key)
{
	return xenbus_rm(transaction_of(transaction), bus->xenbus->nodename, key);
}

int pvk_client_xs_begin(pvk_u32 *transaction)
{
	struct xenbus_transaction started;
	int err = xenbus_transaction_start(&started);

	if (!err)
		*transaction = started.id;
	return err;
}

int pvk_client_xs_end(pvk_u32 transaction, int commit)
{
	return xenbus_transaction_end(transaction_of(transaction), !commit);
}

int pvk_client_xs_set_state(struct pvk_bus *bus, int state)
{
	return xenbus_switch_state(bus->xenbus, state);
}
