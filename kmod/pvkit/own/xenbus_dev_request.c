// SPDX-License-Identifier: GPL-2.0-only
/* Requests and transactions of one open /dev/xen/xenbus. */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/pvkit/own/xenbus_dev.h"

#define CLOSE_SECONDS	10	/* that a close waits for answers */

struct asked {
	struct pvk_store_request request;
	struct list_head list;
	struct pvk_dev_file *file;
	struct pvk_dev_message *reply;	/* with the whole length that it may have */
	unsigned long deadline;
	u32 transaction;		/* as the caller wrote it */
	u32 id;
	char body[];
};

static bool has_transaction(struct pvk_dev_file *file, u32 transaction)
{
	unsigned int i;
	bool found = false;

	spin_lock_irq(&file->lock);
	for (i = 0; i < PVK_DEV_MOST_TRANSACTIONS; i++)
		found |= file->transactions[i] == transaction;
	spin_unlock_irq(&file->lock);
	return found;
}

/* Under @file->lock. */
static void change_transaction(struct pvk_dev_file *file, u32 from, u32 to)
{
	unsigned int i;

	for (i = 0; i < PVK_DEV_MOST_TRANSACTIONS; i++) {
		if (file->transactions[i] == from) {
			file->transactions[i] = to;
			return;
		}
	}
}

/* Under @file->lock: what the answer means for the file's transactions. */
static void note_transaction(struct asked *asked)
{
	u32 type = asked->request.wire.type, begun;

	if (type == PVK_WIRE_TRANSACTION_END)
		change_transaction(asked->file, asked->transaction, 0);
	if (type == PVK_WIRE_TRANSACTION_START && !asked->request.wire.error &&
	    !kstrtou32(asked->reply->body, 10, &begun))
		change_transaction(asked->file, 0, begun);
}

/* Errors that xs_wire.h has no name for are EIO to its readers. */
static const char *name_of(int error)
{
	if (error == ENODEV || error == ETIMEDOUT || error == ERANGE)
		error = EIO;
	return pvk_wire_error_name(error);
}

static void fill_reply(struct asked *asked)
{
	struct pvk_dev_message *reply = asked->reply;
	unsigned int length = asked->request.wire.reply_length;

	reply->header.type = asked->request.wire.type;
	reply->header.id = asked->id;
	reply->header.transaction = asked->transaction;
	if (asked->request.wire.error) {
		const char *name = name_of(asked->request.wire.error);

		reply->header.type = PVK_WIRE_ERROR;
		length = strlen(name) + 1;
		memcpy(reply->body, name, length);
	}
	reply->header.length = length;
	reply->size = sizeof(reply->header) + length;
}

/* Under the store's lock, with interrupts off. The file outlives what it asked. */
static void answered(struct pvk_store_request *request)
{
	struct asked *asked = container_of(request, struct asked, request);
	struct pvk_dev_file *file = asked->file;

	spin_lock(&file->lock);
	note_transaction(asked);
	fill_reply(asked);
	pvk_dev_append(file, asked->reply);
	list_del(&asked->list);
	file->nr_asked--;
	/* Inside the lock: a close that finds nothing asked frees the file after taking it. */
	wake_up_interruptible(&file->readers);
	wake_up_all(&file->writers);
	spin_unlock(&file->lock);
	kfree(asked);
}

static struct asked *make_asked(struct pvk_dev_file *file)
{
	const struct pvk_wire_header *header = &file->in.header;
	/* The NUL behind the longest body ends a number. */
	struct pvk_dev_message *reply = pvk_dev_message_alloc(PVK_WIRE_MAX_BODY + 1, GFP_KERNEL);
	struct asked *asked = kzalloc(sizeof(*asked) + header->length, GFP_KERNEL);

	if (!asked || !reply) {
		kfree(asked);
		kfree(reply);
		return NULL;
	}
	memcpy(asked->body, file->in.body, header->length);
	asked->file = file;
	asked->reply = reply;
	asked->deadline = jiffies + pvk_store_timeout() * HZ;
	asked->id = header->id;
	asked->transaction = header->transaction;
	asked->request.finished = answered;
	asked->request.wire.type = header->type;
	asked->request.wire.transaction = header->transaction;
	asked->request.wire.parts[0].bytes = asked->body;
	asked->request.wire.parts[0].length = header->length;
	asked->request.wire.part_count = 1;
	asked->request.wire.reply = reply->body;
	asked->request.wire.capacity = PVK_WIRE_MAX_BODY;
	return asked;
}

int pvk_dev_ask(struct pvk_dev_file *file)
{
	const struct pvk_wire_header *header = &file->in.header;
	struct asked *asked;

	if (header->transaction && !has_transaction(file, header->transaction))
		return pvk_dev_reply_error(file, ENOENT);
	/* One that the server refuses would stay open there, and be closed here. */
	if (header->type == PVK_WIRE_TRANSACTION_END &&
	    (!header->transaction || header->length != 2 || file->in.body[1] ||
	     (file->in.body[0] != 'T' && file->in.body[0] != 'F')))
		return pvk_dev_reply_error(file, EINVAL);
	asked = make_asked(file);
	if (!asked)
		return -ENOMEM;
	spin_lock_irq(&file->lock);
	list_add_tail(&asked->list, &file->asked);
	file->nr_asked++;
	spin_unlock_irq(&file->lock);
	pvk_store_submit(&asked->request);
	/* Again and again while something is asked. */
	schedule_delayed_work(&file->expire_work, HZ);
	return 0;
}

/*
 * The first request, when its time is over. Requests are answered or abandoned under the store's
 * lock alone, so one that is found with that lock held stays what it is.
 */
static struct asked *abandon_first(struct pvk_dev_file *file, bool at_once)
{
	struct asked *asked;
	struct pvk_wire *wire;
	unsigned long flags;

	wire = pvk_store_lock(&flags);
	spin_lock(&file->lock);
	asked = list_first_entry_or_null(&file->asked, struct asked, list);
	if (asked && (at_once || time_after(jiffies, asked->deadline))) {
		list_del(&asked->list);
		file->nr_asked--;
	} else {
		asked = NULL;
	}
	spin_unlock(&file->lock);
	if (asked && wire)
		pvk_wire_abandon(wire, &asked->request.wire);
	pvk_store_unlock(flags);
	if (asked)
		pvk_store_kick();
	return asked;
}

static bool still_asked(struct pvk_dev_file *file)
{
	bool some;

	spin_lock_irq(&file->lock);
	some = !list_empty(&file->asked);
	spin_unlock_irq(&file->lock);
	return some;
}

void pvk_dev_expire(struct work_struct *work)
{
	struct pvk_dev_file *file = container_of(to_delayed_work(work), struct pvk_dev_file,
						 expire_work);
	struct asked *asked;

	while ((asked = abandon_first(file, false))) {
		pr_err_ratelimited("pvkit: xenstore (%s): no answer to a program's request %u\n",
				   pvk_store_state(), asked->request.wire.type);
		asked->request.wire.error = ETIMEDOUT;
		fill_reply(asked);
		if (asked->request.wire.type == PVK_WIRE_TRANSACTION_END) {
			spin_lock_irq(&file->lock);
			note_transaction(asked);
			spin_unlock_irq(&file->lock);
		}
		pvk_dev_deliver(file, asked->reply);
		wake_up_all(&file->writers);
		kfree(asked);
	}
	if (still_asked(file))
		schedule_delayed_work(&file->expire_work, HZ);
}

void pvk_dev_requests_end(struct pvk_dev_file *file)
{
	struct asked *asked;
	unsigned int i;

	/* A caller may write and close without waiting: what it wrote is done all the same. */
	wait_event_timeout(file->writers, !still_asked(file), CLOSE_SECONDS * HZ);
	cancel_delayed_work_sync(&file->expire_work);
	while ((asked = abandon_first(file, true))) {
		kfree(asked->reply);
		kfree(asked);
	}
	/* A silent server costs one time-out, not one for each. */
	for (i = 0; i < PVK_DEV_MOST_TRANSACTIONS; i++) {
		if (file->transactions[i] && pvk_store_end(file->transactions[i], 0) == -ETIMEDOUT)
			break;
	}
}
