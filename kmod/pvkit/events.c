// SPDX-License-Identifier: GPL-2.0-only
/* Event channels for the runtime (platform.h), over the kernel's late-EOI interrupts. */
#include <linux/interrupt.h>
#include <linux/module.h>
#include <linux/slab.h>

#include "compat/compat.h"
#include "kmod/pvkit/pvkit.h"

struct pvk_event {
	evtchn_port_t port;
	int irq;
	pvk_upcall upcall;
	void *context;
};

static atomic_t open_events = ATOMIC_INIT(0);

/* An event without work counts against the backend: the kernel delays its next ones (XSA-391). */
static irqreturn_t handle_event(int irq, void *data)
{
	struct pvk_event *event = data;
	int had_work = event->upcall(event->context);

	xen_irq_lateeoi(irq, had_work ? 0 : XEN_EOI_FLAG_SPURIOUS);
	return IRQ_HANDLED;
}

int pvk_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context, struct pvk_event **result)
{
	struct xenbus_device *dev = bus->dev;
	struct pvk_event *event = kzalloc(sizeof(*event), GFP_KERNEL);
	int err;

	if (!event)
		return -ENOMEM;
	event->upcall = upcall;
	event->context = context;
	err = xenbus_alloc_evtchn(dev, &event->port);
	if (err)
		goto free;
	err = bind_evtchn_to_irqhandler_lateeoi(event->port, handle_event, 0, dev_name(&dev->dev),
						event);
	if (err < 0)
		goto close;
	event->irq = err;
	atomic_inc(&open_events);
	*result = event;
	return 0;

close:
	xenbus_free_evtchn(dev, event->port);
free:
	kfree(event);
	return err;
}
EXPORT_SYMBOL_GPL(pvk_event_open);

void pvk_event_close(struct pvk_event *event)
{
	/* Waits for a running handler and closes the channel itself. */
	unbind_from_irqhandler(event->irq, event);
	atomic_dec(&open_events);
	kfree(event);
}
EXPORT_SYMBOL_GPL(pvk_event_close);

pvk_u32 pvk_event_port(const struct pvk_event *event)
{
	return event->port;
}
EXPORT_SYMBOL_GPL(pvk_event_port);

void pvk_event_notify(struct pvk_event *event)
{
	notify_remote_via_evtchn(event->port);
}
EXPORT_SYMBOL_GPL(pvk_event_notify);

unsigned int pvk_events_open(void)
{
	return atomic_read(&open_events);
}
