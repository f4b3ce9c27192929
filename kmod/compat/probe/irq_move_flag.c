// SPDX-License-Identifier: GPL-2.0-only
/* Until 6.14 an interrupt's affinity was set at its next handling, unless a flag said otherwise. */
#include <linux/irq.h>

void pvk_probe(unsigned int irq);
void pvk_probe(unsigned int irq)
{
	irq_set_status_flags(irq, IRQ_MOVE_PCNTXT);
}
