// SPDX-License-Identifier: GPL-2.0-only
/* Requests to xenstore, each waiting for its answer. */
#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/pvkit/own/store_inner.h"

struct call {
	struct pvk_store_request request;
	struct completion done;
};

static void call_finished(struct pvk_store_request *request)
{
	complete(&container_of(request, struct call, request)->done);
}

static void report_silence(const struct pvk_wire_request *request, unsigned int seconds)
{
	const struct pvk_wire_part *dir = &request->parts[0], *key = &request->parts[2];
	bool has_key = request->part_count >= 3;

	pr_err_ratelimited("pvkit: xenstore (%s): no answer to request %u '%.*s%s%.*s' in %u s\n",
			   pvk_store_state(), request->type, (int)dir->length, dir->bytes,
			   has_key ? "/" : "", has_key ? (int)key->length : 0,
			   has_key ? key->bytes : "", seconds);
}

int pvk_store_call(struct pvk_wire_request *request)
{
	struct call call = { .request = { .wire = *request, .finished = call_finished } };
	unsigned int seconds = pvk_store_timeout();

	init_completion(&call.done);
	pvk_store_submit(&call.request);
	if (!wait_for_completion_timeout(&call.done, seconds * HZ) &&
	    pvk_store_abandon(&call.request)) {
		report_silence(request, seconds);
		return -ETIMEDOUT;
	}
	request->reply_length = call.request.wire.reply_length;
	return -call.request.wire.error;
}

static void add_part(struct pvk_wire_request *request, const char *bytes, size_t length)
{
	struct pvk_wire_part *part = &request->parts[request->part_count++];

	part->bytes = bytes;
	/* Too long is for the client to refuse, not for a cast to hide. */
	part->length = min_t(size_t, length, PVK_WIRE_MAX_BODY + 1);
}

/* At most three parts, the last one with the path's NUL. */
static void add_path(struct pvk_wire_request *request, const char *dir, const char *key)
{
	bool has_dir = dir && *dir, has_key = key && *key;

	if (has_dir)
		add_part(request, dir, strlen(dir) + !has_key);
	if (has_dir && has_key)
		add_part(request, "/", 1);
	if (has_key)
		add_part(request, key, strlen(key) + 1);
	if (!request->part_count)
		add_part(request, "", 1);
}

static int simple_call(pvk_u32 type, pvk_u32 transaction, const char *dir, const char *key,
		       const char *value)
{
	struct pvk_wire_request request = { .type = type, .transaction = transaction };

	add_path(&request, dir, key);
	if (value)
		add_part(&request, value, strlen(value));
	return pvk_store_call(&request);
}

int pvk_store_write(pvk_u32 transaction, const char *dir, const char *key, const char *value)
{
	return simple_call(PVK_WIRE_WRITE, transaction, dir, key, value);
}

int pvk_store_mkdir(pvk_u32 transaction, const char *dir, const char *key)
{
	return simple_call(PVK_WIRE_MKDIR, transaction, dir, key, NULL);
}

int pvk_store_remove(pvk_u32 transaction, const char *dir, const char *key)
{
	return simple_call(PVK_WIRE_RM, transaction, dir, key, NULL);
}

int pvk_store_read(pvk_u32 transaction, const char *dir, const char *key, char *buffer,
		   size_t capacity)
{
	struct pvk_wire_request request = {
		.type = PVK_WIRE_READ,
		.transaction = transaction,
		.reply = buffer,
		.capacity = min_t(size_t, capacity, PVK_WIRE_MAX_BODY),
	};
	int err;

	add_path(&request, dir, key);
	err = pvk_store_call(&request);
	if (err)
		return err;
	return request.reply_length <= capacity ? (int)request.reply_length : -ERANGE;
}

static char *call_alloc(pvk_u32 type, pvk_u32 transaction, const char *dir, const char *key,
			unsigned int *length)
{
	struct pvk_wire_request request = {
		.type = type,
		.transaction = transaction,
		.capacity = PVK_WIRE_MAX_BODY,
	};
	char *value;
	int err;

	/* NOIO: a disk may wait for what is read. */
	request.reply = kmalloc(PVK_WIRE_MAX_BODY, GFP_NOIO);
	if (!request.reply)
		return ERR_PTR(-ENOMEM);
	add_path(&request, dir, key);
	err = pvk_store_call(&request);
	value = err ? ERR_PTR(err) : kmemdup_nul(request.reply, request.reply_length, GFP_NOIO);
	kfree(request.reply);
	if (!value)
		return ERR_PTR(-ENOMEM);
	if (length && !err)
		*length = request.reply_length;
	return value;
}

char *pvk_store_read_alloc(pvk_u32 transaction, const char *dir, const char *key,
			   unsigned int *length)
{
	return call_alloc(PVK_WIRE_READ, transaction, dir, key, length);
}

char *pvk_store_directory(pvk_u32 transaction, const char *dir, const char *key,
			  unsigned int *length)
{
	char *names = call_alloc(PVK_WIRE_DIRECTORY, transaction, dir, key, length);

	/* So that every name has its NUL within @length, whatever the server sent. */
	if (!IS_ERR(names) && *length && names[*length - 1])
		(*length)++;
	return names;
}

int pvk_store_begin(pvk_u32 *transaction)
{
	char number[12] = { };
	struct pvk_wire_request request = {
		.type = PVK_WIRE_TRANSACTION_START,
		.reply = number,
		.capacity = sizeof(number) - 1,
	};
	int err;

	add_part(&request, "", 1);
	err = pvk_store_call(&request);
	return err ? err : kstrtou32(number, 10, transaction);
}

int pvk_store_end(pvk_u32 transaction, int commit)
{
	struct pvk_wire_request request = {
		.type = PVK_WIRE_TRANSACTION_END,
		.transaction = transaction,
	};

	add_part(&request, commit ? "T" : "F", 2);
	return pvk_store_call(&request);
}
