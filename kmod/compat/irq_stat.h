/* SPDX-License-Identifier: GPL-2.0-only */
/* An interrupt that does not pass through the kernel's own flow handlers. */
#ifndef PVKIT_COMPAT_IRQ_STAT_H
#define PVKIT_COMPAT_IRQ_STAT_H

#include <linux/irq.h>
#include <linux/percpu.h>

#include <pvkit_probes.h>

/* On the CPU that took it, interrupts off. */
static inline void pvk_count_irq(struct irq_desc *desc)
{
#if PVK_HAVE_IRQSTAT
	__this_cpu_inc(desc->kstat_irqs->cnt);
#else
	__this_cpu_inc(*desc->kstat_irqs);
#endif
	desc->tot_count++;
}

/* Its affinity is set by who asks for it: those flow handlers would do it at the next interrupt. */
static inline void pvk_irq_moves_at_once(unsigned int irq)
{
#if PVK_HAVE_IRQ_MOVE_FLAG
	irq_set_status_flags(irq, IRQ_MOVE_PCNTXT);
#endif
}

#endif
