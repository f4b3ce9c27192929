/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * xenstore for the own way. Everything here but pvk_store_counters() may sleep, and no request
 * takes longer than the module parameter store_timeout. Errors are negative errno values:
 * -ETIMEDOUT for no answer, -ENODEV when there is no connection, and what xenstored says.
 *
 * A path is @dir, a slash and @key; either may be NULL or "" and the slash is left out then.
 * @transaction is what pvk_store_begin() gave, or 0.
 */
#ifndef PVKIT_KMOD_OWN_STORE_H
#define PVKIT_KMOD_OWN_STORE_H

#include <linux/types.h>

#include "kmod/pvkit/own/edge_store.h"

struct seq_file;

/* @ring: the store's page, mapped; @port: its channel, which the toolstack opened. */
int pvk_store_start(void *ring, pvk_u32 port);
/* No watch is left. Requests that still wait fail with -ENODEV. Drains first. */
void pvk_store_stop(void);
/*
 * Leaves no half request to whoever has the page next. Waits for a server that takes nothing, ten
 * seconds at most; requests made from now on are not sent any more.
 */
void pvk_store_drain(void);
/* Waits until nothing is on the wire; requests made from now on wait for pvk_store_resume(). */
void pvk_store_suspend(void);
/* Goes on where it was, or anew on a page that is another one: watches are registered again. */
void pvk_store_resume(void *ring, pvk_u32 port);
/* Name and number, one a line. */
void pvk_store_counters(struct seq_file *file);
/* For messages: "connected", "broken" and so on. */
const char *pvk_store_state(void);

/* Returns the length of the value, which gets no NUL, or -ERANGE when it is longer. */
int pvk_store_read(pvk_u32 transaction, const char *dir, const char *key, char *buffer,
		   size_t capacity);
/* The value, with a NUL behind it, for kfree(); or an ERR_PTR. @length may be NULL. */
char *pvk_store_read_alloc(pvk_u32 transaction, const char *dir, const char *key,
			   unsigned int *length);
/* The names in a directory, each with its NUL, one behind the other: @length bytes for kfree(). */
char *pvk_store_directory(pvk_u32 transaction, const char *dir, const char *key,
			  unsigned int *length);
int pvk_store_write(pvk_u32 transaction, const char *dir, const char *key, const char *value);
int pvk_store_mkdir(pvk_u32 transaction, const char *dir, const char *key);
int pvk_store_remove(pvk_u32 transaction, const char *dir, const char *key);
int pvk_store_begin(pvk_u32 *transaction);
/* -EAGAIN when another writer came between, or the connection went: start again. */
int pvk_store_end(pvk_u32 transaction, int commit);

/* All zero but the first two, which the caller sets and does not change. */
struct pvk_store_watch {
	const char *path;
	/*
	 * One at a time over all watches, in process context, at least once for every change at or
	 * below the path after pvk_store_watch(), and once to begin with. @path: what changed.
	 */
	void (*changed)(struct pvk_store_watch *watch, const char *path);
	struct pvk_wire_watch wire;
	bool active;
};

int pvk_store_watch(struct pvk_store_watch *watch);
/*
 * When it returns, the callback does not run and never will. From within a callback too, also the
 * watch's own, which then is the last. Elsewhere the caller must hold no lock that it wants.
 */
void pvk_store_unwatch(struct pvk_store_watch *watch);

#endif
