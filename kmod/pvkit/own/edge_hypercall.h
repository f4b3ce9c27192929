/* SPDX-License-Identifier: GPL-2.0-only */
/* The C face of hypercalls/any_transport.h: how this machine's hypercalls leave it. */
#ifndef PVKIT_KMOD_OWN_EDGE_HYPERCALL_H
#define PVKIT_KMOD_OWN_EDGE_HYPERCALL_H

#include "pvkit/platform.h"

#ifdef __cplusplus
#ifdef PVK_FAULTS
#include "kmod/pvkit/own/faulty_transport.h"
using OwnTransport = FaultyTransport;
#else
#include "hypercalls/any_transport.h"
using OwnTransport = pvk::AnyTransport;
#endif

/* What every edge calls through; it refuses calls until an instruction is chosen. */
extern OwnTransport pvk_own_transport;

extern "C" {
#endif

/*
 * Chooses vmcall or vmmcall by the CPU, and has Xen answer through it. -ENODEV: no Xen below;
 * -EOPNOTSUPP: a CPU of which it is not known which instruction it has. Once, before all else.
 */
int pvk_own_choose_transport(void);

/* Any hypercall: 0 or a positive value, or a negative errno (xen/errno.h). Any context. */
long pvk_hypercall(pvk_u64 number, pvk_u64 a1, pvk_u64 a2, pvk_u64 a3, pvk_u64 a4, pvk_u64 a5);

#ifdef __cplusplus
}
#endif

#endif
