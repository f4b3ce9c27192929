// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.10, and older stable releases: the event stays masked until the handler says whether there
 * was work (the cure for event storms, XSA-332).
 */
#include <xen/events.h>

int pvk_probe(evtchn_port_t port, irq_handler_t handler, void *context);
int pvk_probe(evtchn_port_t port, irq_handler_t handler, void *context)
{
	int irq = bind_evtchn_to_irqhandler_lateeoi(port, handler, 0, "pvk", context);

	xen_irq_lateeoi(irq, XEN_EOI_FLAG_SPURIOUS);
	return irq;
}
