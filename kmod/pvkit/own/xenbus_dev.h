/* SPDX-License-Identifier: GPL-2.0-only */
/* One open /dev/xen/xenbus: what the xenbus_dev*.c share. */
#ifndef PVKIT_KMOD_OWN_XENBUS_DEV_H
#define PVKIT_KMOD_OWN_XENBUS_DEV_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/store_inner.h"

#define PVK_DEV_MOST_ASKED	16	/* requests without an answer; more wait */
#define PVK_DEV_MOST_UNREAD	128	/* replies, for a request; messages, for an event */
#define PVK_DEV_MOST_TRANSACTIONS 32
#define PVK_DEV_MOST_WATCHES	512
#define PVK_DEV_MOST_UNHEARD	4096	/* requests for nobody; with more no file is opened */

/* What a reader gets, header and body in a row. */
struct pvk_dev_message {
	struct list_head list;
	unsigned int size;	/* bytes of header and body */
	unsigned int taken;	/* of these, read */
	struct pvk_wire_header header;
	char body[];
};

struct pvk_dev_file {
	struct mutex write_lock;	/* the message that is being written */
	unsigned int written;
	struct {
		struct pvk_wire_header header;
		char body[PVK_WIRE_MAX_BODY];
	} in;

	/* Inside write_lock and read_lock; changes need write_lock too. */
	struct mutex watch_lock;
	struct list_head watches;
	unsigned int nr_watches;

	struct mutex read_lock;		/* one reader at a time in a message */

	spinlock_t lock;		/* the rest; inside the store's lock, interrupts off */
	struct list_head unread;
	unsigned int nr_unread;
	unsigned int nr_unread_replies;	/* of these, no events */
	struct list_head asked;
	unsigned int nr_asked;
	u32 transactions[PVK_DEV_MOST_TRANSACTIONS];	/* open ones; 0: free */
	bool missed;			/* an event found no room */
	wait_queue_head_t readers;
	wait_queue_head_t writers;
	struct delayed_work expire_work;
};

/* A request on its way, of a file or, when nobody is to hear of it, of none. */
struct pvk_dev_asked {
	struct pvk_store_request request;
	struct list_head list;
	struct pvk_dev_file *file;
	struct pvk_dev_message *reply;	/* with the whole length that it may have */
	unsigned long deadline;
	u32 transaction;		/* as the caller wrote it */
	u32 id;
	bool unsent;			/* when it was taken back */
	char body[];
};

struct pvk_dev_message *pvk_dev_message_alloc(unsigned int length, gfp_t gfp);
/* Under @file->lock: @message is the last one that is unread. */
void pvk_dev_append(struct pvk_dev_file *file, struct pvk_dev_message *message);
/* Hands @message to the readers. */
void pvk_dev_deliver(struct pvk_dev_file *file, struct pvk_dev_message *message);
/* Answers the message in @file->in. 0 or -ENOMEM. */
int pvk_dev_reply(struct pvk_dev_file *file, u32 type, const char *body);
int pvk_dev_reply_error(struct pvk_dev_file *file, int error);

/* xenbus_dev_request.c: sends the message in @file->in. */
int pvk_dev_ask(struct pvk_dev_file *file);
/*
 * About a watch that is there, and answers the message in @file->in. NULL: no memory. Sent by
 * pvk_dev_send(), that of XS_UNWATCH when the watch is gone.
 */
struct pvk_dev_asked *pvk_dev_make_watch(struct pvk_dev_file *file, struct pvk_store_watch *watch);
struct pvk_dev_asked *pvk_dev_make_unwatch(struct pvk_dev_file *file,
					   const struct pvk_store_watch *watch);
void pvk_dev_send(struct pvk_dev_asked *asked);
/*
 * For nobody, and before whatever is asked from now on: the server lets a guest have only so many
 * watches and transactions.
 */
void pvk_dev_tell_unwatch(const struct pvk_store_watch *watch);
void pvk_dev_tell_abort(u32 transaction);
/* Under the file's lock: what the answer means for its transactions and watches. */
void pvk_dev_note_answer(struct pvk_dev_asked *asked);
void pvk_dev_fill_reply(struct pvk_dev_asked *asked);
/* Sends @asked for nobody: it is freed when the server has answered. */
void pvk_dev_send_unheard(struct pvk_dev_asked *asked);
/* How many of these have no answer. */
unsigned int pvk_dev_nr_unheard(void);

/* xenbus_dev_end.c */
void pvk_dev_expire(struct work_struct *work);
/* @watch goes: the request for it, if there is no answer yet, is done with. */
void pvk_dev_forget(struct pvk_dev_file *file, const struct pvk_store_watch *watch);
/* Waits a while for what was asked, and has what is open ended without waiting. */
void pvk_dev_requests_end(struct pvk_dev_file *file);

/* xenbus_dev_watch.c: the message in @file->in is XS_WATCH or XS_UNWATCH. */
int pvk_dev_watch(struct pvk_dev_file *file);
int pvk_dev_unwatch(struct pvk_dev_file *file);
void pvk_dev_watches_end(struct pvk_dev_file *file);
/* Under @file->lock: the server did not take it, or not in time. */
void pvk_dev_refused(struct pvk_wire_watch *watch);
/* There is room again: one event for each watch that missed some. */
void pvk_dev_catch_up(struct pvk_dev_file *file);

int pvk_xenbus_dev_start(void);
void pvk_xenbus_dev_stop(void);

/* proc_xen.c: the same by the name that older programs know. */
int pvk_proc_xen_start(void);
void pvk_proc_xen_stop(void);

#endif
