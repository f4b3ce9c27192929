// SPDX-License-Identifier: GPL-2.0-only
/* Event channels over the kernel's late-EOI interrupts. */
#include <linux/interrupt.h>
#include <linux/slab.h>

#include "compat/xen.h"
#include "kmod/pvkit/client/client.h"

struct client_event {
	struct pvk_event event;
	int irq;
	pvk_upcall upcall;
	void *context;
};

/* An event without work counts against the backend: the kernel delays its next ones (XSA-391). */
static irqreturn_t handle_event(int irq, void *data)
{
	struct client_event *event = data;
	int had_work = event->upcall(event->context);

	xen_irq_lateeoi(irq, had_work ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

int pvk_client_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context,
			  struct pvk_event **result)
{
	struct client_event *event = kzalloc(sizeof(*event), GFP_KERNEL);
	evtchn_port_t port;
	int err;

	if (!event)
		return -ENOMEM;
	event->upcall = upcall;
	event->context = context;
	err = xenbus_alloc_evtchn(bus->xenbus, &port);
	if (err)
		goto free;
	event->event.port = port;
	err = bind_evtchn_to_irqhandler_lateeoi(port, handle_event, 0, dev_name(bus->dev), event);
	if (err < 0)
		goto close;
	event->irq = err;
	*result = &event->event;
	return 0;

close:
	xenbus_free_evtchn(bus->xenbus, port);
free:
	kfree(event);
	return err;
}

void pvk_client_event_close(struct pvk_event *event)
{
	struct client_event *closing = container_of(event, struct client_event, event);

	/* Waits for a running handler and closes the channel itself. */
	unbind_from_irqhandler(closing->irq, closing);
	kfree(closing);
}

void pvk_client_notify(pvk_u32 port)
{
	notify_remote_via_evtchn(port);
}
