// SPDX-License-Identifier: GPL-2.0-only
/*
 * 6.0: gnttab_end_foreign_access() takes a struct page. 5.18: the page's address; before also
 * whether it was read-only.
 */
#include <xen/grant_table.h>

void pvk_probe(grant_ref_t ref, struct page *page);
void pvk_probe(grant_ref_t ref, struct page *page)
{
	gnttab_end_foreign_access(ref, page);
}
