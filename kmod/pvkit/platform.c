// SPDX-License-Identifier: GPL-2.0-only
/* platform.h's services, each by the way that this guest goes. Grants: parking.c. */
#include <linux/atomic.h>
#include <linux/device.h>
#include <linux/module.h>

#include "kmod/pvkit/pvkit.h"

const struct pvk_way *pvk_way;

static atomic_t open_events = ATOMIC_INIT(0);

#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
DEFINE_STATIC_KEY_FALSE(pvk_own_key);
#endif

int pvk_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context, struct pvk_event **event)
{
	int err = pvk_way->event_open(bus, upcall, context, event);

	if (!err)
		atomic_inc(&open_events);
	return err;
}
EXPORT_SYMBOL_GPL(pvk_event_open);

void pvk_event_close(struct pvk_event *event)
{
	pvk_way->event_close(event);
	atomic_dec(&open_events);
}
EXPORT_SYMBOL_GPL(pvk_event_close);

pvk_u32 pvk_event_port(const struct pvk_event *event)
{
	return event->port;
}
EXPORT_SYMBOL_GPL(pvk_event_port);

void pvk_event_notify(struct pvk_event *event)
{
	if (pvk_is_own())
		pvk_own_notify(event->port);
	else
		pvk_client_notify(event->port);
}
EXPORT_SYMBOL_GPL(pvk_event_notify);

unsigned int pvk_events_open(void)
{
	return atomic_read(&open_events);
}

int pvk_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer, pvk_size capacity)
{
	return pvk_way->xs_read(bus, side, key, buffer, capacity);
}
EXPORT_SYMBOL_GPL(pvk_xs_read);

int pvk_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key, const char *value)
{
	return pvk_way->xs_write(bus, transaction, key, value);
}
EXPORT_SYMBOL_GPL(pvk_xs_write);

int pvk_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key)
{
	return pvk_way->xs_remove(bus, transaction, key);
}
EXPORT_SYMBOL_GPL(pvk_xs_remove);

int pvk_xs_begin(struct pvk_bus *bus, pvk_u32 *transaction)
{
	return pvk_way->xs_begin(transaction);
}
EXPORT_SYMBOL_GPL(pvk_xs_begin);

int pvk_xs_end(struct pvk_bus *bus, pvk_u32 transaction, int commit)
{
	return pvk_way->xs_end(transaction, commit);
}
EXPORT_SYMBOL_GPL(pvk_xs_end);

int pvk_xs_set_state(struct pvk_bus *bus, int state)
{
	return pvk_way->xs_set_state(bus, state);
}
EXPORT_SYMBOL_GPL(pvk_xs_set_state);

pvk_u16 pvk_bus_backend_domid(const struct pvk_bus *bus)
{
	return pvk_way->backend_domid(bus);
}
EXPORT_SYMBOL_GPL(pvk_bus_backend_domid);

const char *pvk_bus_name(const struct pvk_bus *bus)
{
	return dev_name(bus->dev);
}
EXPORT_SYMBOL_GPL(pvk_bus_name);

int pvk_bus_state(struct pvk_bus *bus, int side)
{
	char value[4];
	int length = pvk_way->xs_read(bus, side, "state", value, sizeof(value));

	/* EACCES is how xenstored denies what is not there, below what we may not list. */
	if (length < 0 && length != -ENOENT && length != -EACCES && length != -ERANGE)
		return length;
	/* One digit, as every state there is. */
	if (length != 1 || value[0] < '0' || value[0] > '9')
		return PVK_STATE_UNKNOWN;
	return value[0] - '0';
}
EXPORT_SYMBOL_GPL(pvk_bus_state);

int pvk_frontend_register(struct pvk_frontend *frontend)
{
	return pvk_way->frontend_register(frontend);
}
EXPORT_SYMBOL_GPL(pvk_frontend_register);

void pvk_frontend_unregister(struct pvk_frontend *frontend)
{
	pvk_way->frontend_unregister(frontend);
}
EXPORT_SYMBOL_GPL(pvk_frontend_unregister);

bool pvk_disks_are_ours(void)
{
	return pvk_way->disks_are_ours();
}
EXPORT_SYMBOL_GPL(pvk_disks_are_ours);

bool pvk_disk_is_ours(pvk_u32 virtual_device)
{
	return pvk_way->disk_is_ours(virtual_device);
}
EXPORT_SYMBOL_GPL(pvk_disk_is_ours);

bool pvk_guest_is_hvm(void)
{
	return !strcmp(pvk_way->guest_type(), "hvm");
}
EXPORT_SYMBOL_GPL(pvk_guest_is_hvm);
