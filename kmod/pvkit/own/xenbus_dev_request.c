// SPDX-License-Identifier: GPL-2.0-only
/* Requests and transactions of one open /dev/xen/xenbus. */
#include <linux/atomic.h>
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/pvkit/own/xenbus_dev.h"

static atomic_t nr_unheard = ATOMIC_INIT(0);

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

void pvk_dev_note_answer(struct pvk_dev_asked *asked)
{
	u32 type = asked->request.wire.type, begun;

	if (type == PVK_WIRE_TRANSACTION_END)
		change_transaction(asked->file, asked->transaction, 0);
	if (type == PVK_WIRE_TRANSACTION_START && !asked->request.wire.error &&
	    !kstrtou32(asked->reply->body, 10, &begun))
		change_transaction(asked->file, 0, begun);
	if (asked->request.wire.watch && asked->request.wire.error)
		pvk_dev_refused(asked->request.wire.watch);
}

/* Errors that xs_wire.h has no name for are EIO to its readers. */
static const char *name_of(int error)
{
	if (error == ENODEV || error == ETIMEDOUT || error == ERANGE)
		error = EIO;
	return pvk_wire_error_name(error);
}

static void put_text(struct pvk_dev_asked *asked, u32 type, const char *text)
{
	asked->reply->header.type = type;
	asked->reply->header.length = strlen(text) + 1;
	memcpy(asked->reply->body, text, asked->reply->header.length);
}

void pvk_dev_fill_reply(struct pvk_dev_asked *asked)
{
	const struct pvk_wire_request *wire = &asked->request.wire;
	struct pvk_dev_message *reply = asked->reply;

	reply->header.id = asked->id;
	reply->header.transaction = asked->transaction;
	reply->header.type = wire->type;
	reply->header.length = wire->reply_length;
	/* A watch that was ended here is gone for its caller, whatever the server says. */
	if (wire->type == PVK_WIRE_UNWATCH || (wire->type == PVK_WIRE_WATCH && !wire->error))
		put_text(asked, wire->type, "OK");
	else if (wire->error)
		put_text(asked, PVK_WIRE_ERROR, name_of(wire->error));
	reply->size = sizeof(reply->header) + reply->header.length;
}

/* Under the store's lock, with interrupts off. The file outlives what it asked. */
static void answered(struct pvk_store_request *request)
{
	struct pvk_dev_asked *asked = container_of(request, struct pvk_dev_asked, request);
	struct pvk_dev_file *file = asked->file;

	spin_lock(&file->lock);
	pvk_dev_note_answer(asked);
	pvk_dev_fill_reply(asked);
	pvk_dev_append(file, asked->reply);
	list_del(&asked->list);
	file->nr_asked--;
	/* Inside the lock: a close that finds nothing asked frees the file after taking it. */
	wake_up_interruptible(&file->readers);
	wake_up_all(&file->writers);
	spin_unlock(&file->lock);
	kfree(asked);
}

static void unheard(struct pvk_store_request *request)
{
	kfree(container_of(request, struct pvk_dev_asked, request));
	atomic_dec(&nr_unheard);
}

void pvk_dev_send_unheard(struct pvk_dev_asked *asked)
{
	asked->request.finished = unheard;
	asked->request.wire.reply = NULL;
	asked->request.wire.capacity = 0;
	atomic_inc(&nr_unheard);
	pvk_store_submit(&asked->request);
}

unsigned int pvk_dev_nr_unheard(void)
{
	return atomic_read(&nr_unheard);
}

/* A request of two parts, of which the second may be empty. */
static struct pvk_dev_asked *make_request(u32 type, const struct pvk_wire_part *first,
					  const struct pvk_wire_part *second, gfp_t gfp)
{
	struct pvk_dev_asked *asked = kzalloc(sizeof(*asked) + first->length + second->length, gfp);

	if (!asked)
		return NULL;
	memcpy(asked->body, first->bytes, first->length);
	memcpy(asked->body + first->length, second->bytes, second->length);
	asked->request.wire.type = type;
	asked->request.wire.parts[0].bytes = asked->body;
	asked->request.wire.parts[0].length = first->length + second->length;
	asked->request.wire.part_count = 1;
	return asked;
}

/* It answers the message in @file->in. Takes @asked, which may be NULL, in any case. */
static struct pvk_dev_asked *for_file(struct pvk_dev_asked *asked, struct pvk_dev_file *file)
{
	/* The NUL behind the longest body ends a number. */
	struct pvk_dev_message *reply = pvk_dev_message_alloc(PVK_WIRE_MAX_BODY + 1, GFP_KERNEL);

	if (!asked || !reply) {
		kfree(asked);
		kfree(reply);
		return NULL;
	}
	asked->file = file;
	asked->reply = reply;
	asked->deadline = jiffies + pvk_store_timeout() * HZ;
	asked->id = file->in.header.id;
	asked->transaction = file->in.header.transaction;
	asked->request.finished = answered;
	asked->request.wire.reply = reply->body;
	asked->request.wire.capacity = PVK_WIRE_MAX_BODY;
	return asked;
}

static struct pvk_dev_asked *make_asked(struct pvk_dev_file *file)
{
	const struct pvk_wire_part body = { file->in.body, file->in.header.length };
	const struct pvk_wire_part nothing = { "", 0 };
	struct pvk_dev_asked *asked = make_request(file->in.header.type, &body, &nothing,
						   GFP_KERNEL);

	asked = for_file(asked, file);
	if (asked)
		asked->request.wire.transaction = file->in.header.transaction;
	return asked;
}

/* About @watch, with our own token. */
static struct pvk_dev_asked *make_about(u32 type, const struct pvk_store_watch *watch, gfp_t gfp)
{
	const struct pvk_wire_part path = { watch->path, strlen(watch->path) + 1 };
	const struct pvk_wire_part token = { watch->wire.token, strlen(watch->wire.token) + 1 };

	return make_request(type, &path, &token, gfp);
}

struct pvk_dev_asked *pvk_dev_make_watch(struct pvk_dev_file *file, struct pvk_store_watch *watch)
{
	struct pvk_dev_asked *asked = for_file(make_about(PVK_WIRE_WATCH, watch, GFP_KERNEL), file);

	if (asked)
		asked->request.wire.watch = &watch->wire;
	return asked;
}

struct pvk_dev_asked *pvk_dev_make_unwatch(struct pvk_dev_file *file,
					   const struct pvk_store_watch *watch)
{
	return for_file(make_about(PVK_WIRE_UNWATCH, watch, GFP_KERNEL), file);
}

void pvk_dev_send(struct pvk_dev_asked *asked)
{
	struct pvk_dev_file *file = asked->file;

	spin_lock_irq(&file->lock);
	list_add_tail(&asked->list, &file->asked);
	file->nr_asked++;
	spin_unlock_irq(&file->lock);
	pvk_store_submit(&asked->request);
	/* Again and again while something is asked. */
	schedule_delayed_work(&file->expire_work, HZ);
}

void pvk_dev_tell_unwatch(const struct pvk_store_watch *watch)
{
	pvk_dev_send_unheard(make_about(PVK_WIRE_UNWATCH, watch, GFP_KERNEL | __GFP_NOFAIL));
}

void pvk_dev_tell_abort(u32 transaction)
{
	const struct pvk_wire_part abort = { "F", 2 };
	const struct pvk_wire_part nothing = { "", 0 };
	struct pvk_dev_asked *asked = make_request(PVK_WIRE_TRANSACTION_END, &abort, &nothing,
						   GFP_KERNEL | __GFP_NOFAIL);

	asked->request.wire.transaction = transaction;
	pvk_dev_send_unheard(asked);
}

/* Whether one more transaction can be noted when those that begin have begun. */
static bool may_begin(struct pvk_dev_file *file)
{
	const struct pvk_dev_asked *asked;
	int places = 0;
	unsigned int i;

	spin_lock_irq(&file->lock);
	for (i = 0; i < PVK_DEV_MOST_TRANSACTIONS; i++)
		places += !file->transactions[i];
	list_for_each_entry(asked, &file->asked, list)
		places -= asked->request.wire.type == PVK_WIRE_TRANSACTION_START;
	spin_unlock_irq(&file->lock);
	return places > 0;
}

int pvk_dev_ask(struct pvk_dev_file *file)
{
	const struct pvk_wire_header *header = &file->in.header;
	struct pvk_dev_asked *asked;

	if (header->transaction && !has_transaction(file, header->transaction))
		return pvk_dev_reply_error(file, ENOENT);
	/* One that the server refuses would stay open there, and be closed here. */
	if (header->type == PVK_WIRE_TRANSACTION_END &&
	    (!header->transaction || header->length != 2 || file->in.body[1] ||
	     (file->in.body[0] != 'T' && file->in.body[0] != 'F')))
		return pvk_dev_reply_error(file, EINVAL);
	/* Those of a lost connection count until their caller has ended them. */
	if (header->type == PVK_WIRE_TRANSACTION_START && !may_begin(file))
		return pvk_dev_reply_error(file, ENOSPC);
	asked = make_asked(file);
	if (!asked)
		return -ENOMEM;
	pvk_dev_send(asked);
	return 0;
}
