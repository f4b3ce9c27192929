// SPDX-License-Identifier: GPL-2.0-only
/* Watches of one open /dev/xen/xenbus: each is one of ours that gives back the caller's token. */
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/pvkit/own/xenbus_dev.h"

struct dev_watch {
	struct pvk_store_watch store;
	struct list_head list;
	struct pvk_dev_file *file;
	const char *token;
	bool missed;		/* under @file->lock, as the next */
	bool refused;		/* by the server: waits to be freed, and has no events */
	char path[];		/* and the token behind it */
};

/* With the longest path an event is no longer than a message may be. */
#define MOST_TOKEN	(PVK_WIRE_MAX_BODY - PVK_WIRE_MAX_PATH)

/* The two texts of the message in @file->in; false when they are not there. */
static bool parse(const struct pvk_dev_file *file, const char **path, const char **token)
{
	const char *body = file->in.body, *end = body + file->in.header.length;
	const char *first = memchr(body, 0, end - body);

	if (!first || !memchr(first + 1, 0, end - first - 1))
		return false;
	*path = body;
	*token = first + 1;
	return strlen(*token) < MOST_TOKEN;
}

static struct dev_watch *find(struct pvk_dev_file *file, const char *path, const char *token)
{
	struct dev_watch *watch;

	list_for_each_entry(watch, &file->watches, list) {
		if (!strcmp(watch->path, path) && !strcmp(watch->token, token))
			return watch;
	}
	return NULL;
}

/* Whether it is for the reader and there is room; if not, it is remembered until there is. */
static bool may_deliver(struct dev_watch *watch)
{
	struct pvk_dev_file *file = watch->file;
	unsigned long flags;
	bool may;

	spin_lock_irqsave(&file->lock, flags);
	may = file->nr_unread < PVK_DEV_MOST_UNREAD;
	/* What was missed before stays so, though there is room now: the reader is to know. */
	watch->missed |= !may;
	file->missed |= !may;
	may &= !watch->refused;
	spin_unlock_irqrestore(&file->lock, flags);
	return may;
}

static void deliver(struct dev_watch *watch, const char *path)
{
	size_t path_size = strlen(path) + 1, token_size = strlen(watch->token) + 1;
	struct pvk_dev_message *event;

	/* NOIO: what a disk waits for is told by callbacks too, after this one. */
	event = pvk_dev_message_alloc(path_size + token_size, GFP_NOIO | __GFP_NOFAIL);
	event->header.type = PVK_WIRE_WATCH_EVENT;
	memcpy(event->body, path, path_size);
	memcpy(event->body + path_size, watch->token, token_size);
	pvk_dev_deliver(watch->file, event);
}

static void watch_changed(struct pvk_store_watch *store, const char *path)
{
	struct dev_watch *watch = container_of(store, struct dev_watch, store);

	if (may_deliver(watch))
		deliver(watch, path);
}

static bool take_missed(struct pvk_dev_file *file, struct dev_watch *watch)
{
	bool missed;

	spin_lock_irq(&file->lock);
	missed = watch->missed && !watch->refused;
	watch->missed = false;
	spin_unlock_irq(&file->lock);
	return missed;
}

void pvk_dev_catch_up(struct pvk_dev_file *file)
{
	struct dev_watch *watch;

	mutex_lock(&file->watch_lock);
	list_for_each_entry(watch, &file->watches, list) {
		if (take_missed(file, watch))
			deliver(watch, watch->path);
	}
	mutex_unlock(&file->watch_lock);
}

void pvk_dev_refused(struct pvk_wire_watch *wire)
{
	container_of(wire, struct dev_watch, store.wire)->refused = true;
}

static struct dev_watch *make_watch(struct pvk_dev_file *file, const char *path, const char *token)
{
	size_t path_size = strlen(path) + 1, token_size = strlen(token) + 1;
	struct dev_watch *watch = kzalloc(sizeof(*watch) + path_size + token_size, GFP_KERNEL);

	if (!watch)
		return NULL;
	memcpy(watch->path, path, path_size);
	memcpy(watch->path + path_size, token, token_size);
	watch->token = watch->path + path_size;
	watch->file = file;
	watch->store.path = watch->path;
	watch->store.wire.path = watch->path;
	watch->store.wire.path_length = path_size - 1;
	watch->store.changed = watch_changed;
	return watch;
}

/* Where events are given out. An event may come before the answer, and be missed. */
static void enter(struct dev_watch *watch)
{
	struct pvk_dev_file *file = watch->file;
	struct pvk_wire *wire;
	unsigned long flags;

	mutex_lock(&file->watch_lock);
	list_add_tail(&watch->list, &file->watches);
	file->nr_watches++;
	mutex_unlock(&file->watch_lock);
	wire = pvk_store_lock(&flags);
	if (wire)
		pvk_wire_add_watch(wire, &watch->store.wire);
	watch->store.active = wire;
	pvk_store_unlock(flags);
}

/* Waits for a callback that runs, and never for the server, which is told by somebody else. */
static void leave(struct dev_watch *watch)
{
	struct pvk_dev_file *file = watch->file;

	pvk_dev_forget(file, &watch->store);
	pvk_store_unwatch_tell(&watch->store, false);
	mutex_lock(&file->watch_lock);
	list_del(&watch->list);
	file->nr_watches--;
	mutex_unlock(&file->watch_lock);
	kfree(watch);
}

static void end_watch(struct dev_watch *watch)
{
	pvk_dev_tell_unwatch(&watch->store);
	leave(watch);
}

static bool is_refused(struct dev_watch *watch)
{
	bool refused;

	spin_lock_irq(&watch->file->lock);
	refused = watch->refused;
	spin_unlock_irq(&watch->file->lock);
	return refused;
}

/* One that was only late may be the server's all the same. */
static void end_refused(struct pvk_dev_file *file)
{
	struct dev_watch *watch, *next;

	list_for_each_entry_safe(watch, next, &file->watches, list) {
		if (is_refused(watch))
			end_watch(watch);
	}
}

int pvk_dev_watch(struct pvk_dev_file *file)
{
	const char *path, *token;
	struct pvk_dev_asked *asked;
	struct dev_watch *watch;

	if (!parse(file, &path, &token))
		return pvk_dev_reply_error(file, EINVAL);
	end_refused(file);
	if (find(file, path, token))
		return pvk_dev_reply_error(file, EEXIST);
	if (file->nr_watches >= PVK_DEV_MOST_WATCHES)
		return pvk_dev_reply_error(file, E2BIG);
	watch = make_watch(file, path, token);
	if (!watch)
		return -ENOMEM;
	enter(watch);
	asked = pvk_dev_make_watch(file, &watch->store);
	if (!asked) {
		leave(watch);
		return -ENOMEM;
	}
	pvk_dev_send(asked);
	return 0;
}

int pvk_dev_unwatch(struct pvk_dev_file *file)
{
	const char *path, *token;
	struct pvk_dev_asked *asked;
	struct dev_watch *watch;

	if (!parse(file, &path, &token))
		return pvk_dev_reply_error(file, EINVAL);
	end_refused(file);
	watch = find(file, path, token);
	if (!watch)
		return pvk_dev_reply_error(file, ENOENT);
	asked = pvk_dev_make_unwatch(file, &watch->store);
	if (!asked)
		return -ENOMEM;
	/* First: after the answer there are no events. */
	leave(watch);
	pvk_dev_send(asked);
	return 0;
}

void pvk_dev_watches_end(struct pvk_dev_file *file)
{
	struct dev_watch *watch, *next;

	list_for_each_entry_safe(watch, next, &file->watches, list)
		end_watch(watch);
}
