/* SPDX-License-Identifier: GPL-2.0-only */
/* What edges share of this guest's vCPUs: edge_vcpus.cc. */
#pragma once

#include "pvkit/abi/xen.h"
#include "pvkit/types.h"

struct OwnVcpu {
	pvk::u32 number = 0;	   /* Xen's */
	vcpu_info *info = nullptr; /* null: this CPU takes no upcalls */
	bool elsewhere = false;	   /* not in the shared page but in frame `gfn` */
	pvk::u64 gfn = 0;
};

/* By the kernel's number of a CPU, below PVK_OWN_CPUS. */
const OwnVcpu &pvk_own_vcpu(pvk::u32 cpu);
/* Begins with the shared page. Each CPU tells of a place elsewhere again: pvk_own_vcpu_again(). */
void pvk_own_vcpus_attach();
