/* SPDX-License-Identifier: GPL-2.0-only */
/* The kernel's own Xen interfaces: xenbus, grants, event channels. */
#ifndef PVKIT_COMPAT_XEN_H
#define PVKIT_COMPAT_XEN_H

#include <xen/events.h>
#include <xen/grant_table.h>
#include <xen/xenbus.h>

#include <pvkit_probes.h>

#if !PVK_HAVE_EVTCHN_LATEEOI
#error "pvkit: this kernel has no late EOI for event channels: it is open to event storms"
#endif
#if !PVK_HAVE_GRANT_REFERENCE_SEQ || !PVK_HAVE_TRY_END_ACCESS
#error "pvkit: this kernel's grant interface is older than 5.19: see docs/kernel-support.md"
#endif

/*
 * The remove callback, written as "PVK_XENBUS_REMOVE(name, dev) { body without a value }".
 */
#if PVK_HAVE_XENBUS_REMOVE_VOID
#define PVK_XENBUS_REMOVE(name, dev) \
	static void name(struct xenbus_device *dev)
#else
#define PVK_XENBUS_REMOVE(name, dev) \
	static void name##_device(struct xenbus_device *dev); \
	static int name(struct xenbus_device *dev) \
	{ name##_device(dev); return 0; } \
	static void name##_device(struct xenbus_device *dev)
#endif

/* 1: access ended, the reference is still the caller's. 0: the other domain holds the page. */
static inline int pvk_gnttab_end_foreign_access_ref(grant_ref_t ref)
{
#if PVK_HAVE_END_ACCESS_REF_ONLY
	return gnttab_end_foreign_access_ref(ref);
#else
	return gnttab_end_foreign_access_ref(ref, 0);
#endif
}

#if PVK_HAVE_END_ACCESS_PAGE
/* Ends the access now or later, gives the reference back and drops a reference of @page then. */
static inline void pvk_gnttab_end_foreign_access(grant_ref_t ref, struct page *page)
{
	gnttab_end_foreign_access(ref, page);
}
#endif

#endif
