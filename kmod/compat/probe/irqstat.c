// SPDX-License-Identifier: GPL-2.0-only
/* 6.11: an interrupt's counts on each CPU became struct irqstat. */
#include <linux/irq.h>

unsigned int pvk_probe(const struct irq_desc *desc);
unsigned int pvk_probe(const struct irq_desc *desc)
{
	return desc->kstat_irqs->cnt;
}
