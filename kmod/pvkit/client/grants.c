// SPDX-License-Identifier: GPL-2.0-only
/* Grants over the kernel's grant table. */
#include "compat/xen.h"
#include "kmod/pvkit/client/client.h"

int pvk_client_grant_reserve(unsigned int count, pvk_u32 *first)
{
	return gnttab_alloc_grant_reference_seq(count, first) < 0 ? -ENOSPC : 0;
}

void pvk_client_grant_release(pvk_u32 first, unsigned int count)
{
	gnttab_free_grant_reference_seq(first, count);
}

void pvk_client_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly)
{
	gnttab_grant_foreign_access_ref(ref, domid, gfn, readonly);
}

int pvk_client_grant_revoke(pvk_u32 ref)
{
	return pvk_gnttab_end_foreign_access_ref(ref) ? 0 : -EBUSY;
}

int pvk_client_grant_end(pvk_u32 ref)
{
	return gnttab_try_end_foreign_access(ref) ? 0 : -EBUSY;
}

/* The kernel's own deferred release outlives this module. */
void pvk_client_grant_abandon(pvk_u32 ref, struct page *page)
{
	pvk_gnttab_end_foreign_access(ref, page);
}
