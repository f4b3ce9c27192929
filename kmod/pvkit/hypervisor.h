/* SPDX-License-Identifier: GPL-2.0-only */
/* The C face of hypercalls/detect.h. */
#ifndef PVKIT_KMOD_HYPERVISOR_H
#define PVKIT_KMOD_HYPERVISOR_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pvk_hypervisor {
	pvk_u32 base_leaf;	/* CPUID leaf that carries Xen's signature; 0: none seen */
	pvk_u32 major;		/* as CPUID says */
	pvk_u32 minor;
	const char *transport;	/* what our own hypercalls use, or "kernel" */
	int asked;		/* Xen itself gave its version through that instruction */
};

/* @may_call: this guest may use vmcall or vmmcall (it is HVM or PVH). */
void pvk_find_hypervisor(int may_call, struct pvk_hypervisor *found);

#ifdef __cplusplus
}
#endif

#endif
