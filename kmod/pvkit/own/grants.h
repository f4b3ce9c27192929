/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * grants.c: the grant table that pvkit.ko owns. The contracts of the single references are those of
 * platform.h; pvk_own_grant_publish and pvk_own_grant_revoke are in edge_grants.h.
 */
#ifndef PVKIT_KMOD_OWN_GRANTS_H
#define PVKIT_KMOD_OWN_GRANTS_H

#include "kmod/pvkit/own/edge_grants.h"

int pvk_own_grants_start(void);
void pvk_own_grants_stop(void);
/* In a restored domain, with interrupts off and every other CPU stopped. */
int pvk_own_grants_resume(void);
void pvk_own_grants_count(struct pvk_own_grant_numbers *numbers);

int pvk_own_grant_reserve(unsigned int count, pvk_u32 *first);
void pvk_own_grant_release(pvk_u32 first, unsigned int count);
int pvk_own_grant_end(pvk_u32 ref);

#endif
