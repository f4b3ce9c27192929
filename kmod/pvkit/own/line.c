// SPDX-License-Identifier: GPL-2.0-only
/*
 * Upcalls by the interrupt line of Xen's PCI device: where Xen has no vectors, or where they are
 * not wanted. Xen raises it for vCPU 0 alone (HVM_PARAM_CALLBACK_IRQ in xen/hvm/params.h).
 */
#include <linux/interrupt.h>
#include <linux/pci.h>

#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/upcalls.h"

#define CALLBACK_PCI_LINE	(1ULL << 56)

static irqreturn_t line_handler(int irq, void *data)
{
	/* It may have come to any CPU, and others share it. */
	if (!pvk_own_upcall_pending(0))
		return IRQ_NONE;
	pvk_own_run_upcall(0);
	return IRQ_HANDLED;
}

static int tell_line(struct pci_dev *dev)
{
	return pvk_own_set_param(PVK_PARAM_CALLBACK_IRQ,
				 CALLBACK_PCI_LINE |
				 (u64)pci_domain_nr(dev->bus) << 32 | dev->bus->number << 16 |
				 dev->devfn << 8 | (dev->pin - 1));
}

int pvk_own_line_start(void)
{
	struct pci_dev *dev = pvk_own_pci();
	int err;

	if (!dev || !dev->pin)
		return -ENODEV;
	err = pvk_own_add_cpu(0, 0, NULL, 0);
	if (!err)
		err = pvk_own_fifo_cpu(0);
	if (err)
		return err;
	err = request_irq(dev->irq, line_handler, IRQF_SHARED | IRQF_NOBALANCING, "pvkit", dev);
	if (err)
		return err;
	irq_set_affinity(dev->irq, cpumask_of(0));
	err = tell_line(dev);
	if (err)
		free_irq(dev->irq, dev);
	return err;
}

void pvk_own_line_stop(void)
{
	struct pci_dev *dev = pvk_own_pci();

	free_irq(dev->irq, dev);
}

void pvk_own_line_resume(void)
{
	if (tell_line(pvk_own_pci()))
		pr_err("pvkit: Xen does not take the interrupt line again: no more events\n");
}
