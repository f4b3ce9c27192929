/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Failures on purpose, for the lab's own-faults: only in modules built with FAULTS=1. In all others
 * nothing of it is left, not a branch.
 *
 * The kernel's own fail-nth counts the allocations of one task, those of the module loader
 * included; ours run in several tasks. So the code that is to be tried says where it begins and
 * ends, and fail-nth counts in between.
 */
#ifndef PVKIT_KMOD_FAULTS_H
#define PVKIT_KMOD_FAULTS_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

#ifdef PVK_FAULTS

/* Between the two, in one task, allocations count if pvkit.ko's parameter fail_in says @where. */
void pvk_faults_enter(const char *where);
void pvk_faults_leave(const char *where);
/* Whether this hypercall is the one to fail. Any context. */
int pvk_faults_hypercall(pvk_u64 number, pvk_u64 operation);

#else

static inline void pvk_faults_enter(const char *where)
{
}

static inline void pvk_faults_leave(const char *where)
{
}

#endif

#ifdef __cplusplus
}
#endif

#endif
