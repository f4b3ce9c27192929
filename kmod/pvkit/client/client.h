/* SPDX-License-Identifier: GPL-2.0-only */
/* The parts of the way through the kernel's own Xen support; struct pvk_way says what each does. */
#ifndef PVKIT_KMOD_CLIENT_H
#define PVKIT_KMOD_CLIENT_H

#include "kmod/pvkit/pvkit.h"

int pvk_client_grant_reserve(unsigned int count, pvk_u32 *first);
void pvk_client_grant_release(pvk_u32 first, unsigned int count);
int pvk_client_grant_end(pvk_u32 ref);
void pvk_client_grant_abandon(pvk_u32 ref, struct page *page);

int pvk_client_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context,
			  struct pvk_event **event);
void pvk_client_event_close(struct pvk_event *event);

int pvk_client_xs_read(struct pvk_bus *bus, int side, const char *key, char *buffer,
		       pvk_size capacity);
int pvk_client_xs_write(struct pvk_bus *bus, pvk_u32 transaction, const char *key,
			const char *value);
int pvk_client_xs_remove(struct pvk_bus *bus, pvk_u32 transaction, const char *key);
int pvk_client_xs_begin(pvk_u32 *transaction);
int pvk_client_xs_end(pvk_u32 transaction, int commit);
int pvk_client_xs_set_state(struct pvk_bus *bus, int state);

int pvk_client_frontend_register(struct pvk_frontend *frontend);
void pvk_client_frontend_unregister(struct pvk_frontend *frontend);

#endif
