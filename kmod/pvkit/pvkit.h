/* SPDX-License-Identifier: GPL-2.0-only */
/* What the shims of pvkit.ko share. */
#ifndef PVKIT_KMOD_PVKIT_H
#define PVKIT_KMOD_PVKIT_H

#include <linux/jump_label.h>

#include "kmod/pvkit/frontend.h"

struct page;
struct seq_file;

/* How both ways' channels begin, so that a port is found without asking whose it is. */
struct pvk_event {
	pvk_u32 port;
};

/*
 * A way to be a guest: as a client of the kernel's own Xen support, or with pvkit owning the
 * hypervisor's interface. Calls of the I/O path do not go through here but branch (platform.c).
 */
struct pvk_way {
	const char *name;
	int (*start)(void);
	void (*stop)(void);
	const char *(*guest_type)(void);
	/* Further lines "name value" of what is in use; may be NULL. */
	void (*report)(struct seq_file *file);
	int (*xen_version)(void);	/* major << 16 | minor; NULL: by our own hypercalls alone */

	int (*grant_reserve)(unsigned int count, pvk_u32 *first);
	void (*grant_release)(pvk_u32 first, unsigned int count);
	/* Ends a grant and gives its reference back, or -EBUSY. Says nothing to the log. */
	int (*grant_end)(pvk_u32 ref);
	/* The module goes and the backend still holds the page. */
	void (*grant_abandon)(pvk_u32 ref, struct page *page);

	int (*event_open)(struct pvk_bus *bus, pvk_upcall upcall, void *context,
			  struct pvk_event **event);
	void (*event_close)(struct pvk_event *event);

	int (*xs_read)(struct pvk_bus *bus, int side, const char *key, char *buffer,
		       pvk_size capacity);
	int (*xs_write)(struct pvk_bus *bus, pvk_u32 transaction, const char *key,
			const char *value);
	int (*xs_remove)(struct pvk_bus *bus, pvk_u32 transaction, const char *key);
	int (*xs_begin)(pvk_u32 *transaction);
	int (*xs_end)(pvk_u32 transaction, int commit);
	int (*xs_set_state)(struct pvk_bus *bus, int state);
	pvk_u16 (*backend_domid)(const struct pvk_bus *bus);

	int (*frontend_register)(struct pvk_frontend *frontend);
	void (*frontend_unregister)(struct pvk_frontend *frontend);
	bool (*disks_are_ours)(void);
	bool (*disk_is_ours)(pvk_u32 virtual_device);
};

extern const struct pvk_way *pvk_way;	/* set once, before anything else may ask */
extern const struct pvk_way pvk_own;

#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
extern const struct pvk_way pvk_client;

DECLARE_STATIC_KEY_FALSE(pvk_own_key);

static inline bool pvk_is_own(void)
{
	return static_branch_unlikely(&pvk_own_key);
}
#else
static inline bool pvk_is_own(void)
{
	return true;
}
#endif

/* The I/O path of each way: any context. */
void pvk_client_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly);
int pvk_client_grant_revoke(pvk_u32 ref);
void pvk_client_notify(pvk_u32 port);
void pvk_own_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly);
int pvk_own_grant_revoke(pvk_u32 ref);
void pvk_own_notify(pvk_u32 port);

/* What is held of the hypervisor, over all frontends. */
struct pvk_held {
	unsigned int grants;	/* references reserved */
	unsigned int parked;	/* of these, kept by a backend after their end */
	unsigned int parked_ever;
	unsigned int events;	/* open event channels */
};

void pvk_count_held(struct pvk_held *held);
unsigned int pvk_events_open(void);
/* Waits until no grant is parked, or hands what is left to the way. */
void pvk_parking_exit(void);
void pvk_report_init(void);
void pvk_report_exit(void);

#endif
