// SPDX-License-Identifier: GPL-2.0-only
/*
 * 5.17, and older stable releases: end a grant and give the reference back, or say that the
 * other domain still uses it.
 */
#include <xen/grant_table.h>

int pvk_probe(grant_ref_t ref);
int pvk_probe(grant_ref_t ref)
{
	return gnttab_try_end_foreign_access(ref);
}
