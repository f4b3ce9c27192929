/* SPDX-License-Identifier: GPL-2.0-only */
/* The two ways of upcalls: vectors.c chooses, line.c is the one for the first CPU alone. */
#ifndef PVKIT_KMOD_OWN_UPCALLS_H
#define PVKIT_KMOD_OWN_UPCALLS_H

#define PVK_PARAM_CALLBACK_IRQ	0	/* HVM_PARAM_CALLBACK_IRQ of xen/hvm/params.h */

/* Runs the upcall of @cpu, and what is left of one that was cut short a little later. */
void pvk_own_run_upcall(unsigned int cpu);

int pvk_own_line_start(void);
void pvk_own_line_stop(void);
/* In a restored domain, while everything stands still. */
void pvk_own_line_resume(void);

#endif
