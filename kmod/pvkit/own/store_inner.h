/* SPDX-License-Identifier: GPL-2.0-only */
/* What the files of xenstore's port share: store*.c, xenbus_dev*.c. */
#ifndef PVKIT_KMOD_OWN_STORE_INNER_H
#define PVKIT_KMOD_OWN_STORE_INNER_H

#include "kmod/pvkit/own/store.h"

struct pvk_store_request {
	struct pvk_wire_request wire;
	/* Under the store's lock, in any context; the request is the caller's again. */
	void (*finished)(struct pvk_store_request *request);
};

/*
 * The one lock round the client. Returns the client, or NULL when there is none; the lock is held
 * in both cases.
 */
struct pvk_wire *pvk_store_lock(unsigned long *flags);
void pvk_store_unlock(unsigned long flags);

/* @request->finished will be called, perhaps before this returns. */
void pvk_store_submit(struct pvk_store_request *request);
/* Afterwards @request->finished is not called any more. Says whether it has not been. */
bool pvk_store_abandon(struct pvk_store_request *request);
/* Submits and waits. 0 or a negative errno. */
int pvk_store_call(struct pvk_wire_request *request);
unsigned int pvk_store_timeout(void);	/* seconds */
/* After something was done to the client with the lock alone: sends what there is to send. */
void pvk_store_kick(void);

/* store_watch.c */
int pvk_store_watches_start(void);
void pvk_store_watches_stop(void);
/* Under the lock: events wait. */
void pvk_store_watches_kick(void);
/* pvk_store_unwatch() that says what became of it, and leaves the server out without @tell. */
int pvk_store_unwatch_tell(struct pvk_store_watch *watch, bool tell);

#endif
