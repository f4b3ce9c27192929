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
	bool missed;		/* under @file->lock */
	char path[];		/* and the token behind it */
};

/* The two texts of the message in @file->in; false when they are not there. */
static bool parse(const struct pvk_dev_file *file, const char **path, const char **token)
{
	const char *body = file->in.body, *end = body + file->in.header.length;
	const char *first = memchr(body, 0, end - body);

	if (!first || !memchr(first + 1, 0, end - first - 1))
		return false;
	*path = body;
	*token = first + 1;
	return true;
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

/* Whether there is room; if not, the watch is remembered until there is. */
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
	spin_unlock_irqrestore(&file->lock, flags);
	return may;
}

static void deliver(struct dev_watch *watch, const char *path)
{
	size_t path_size = strlen(path) + 1, token_size = strlen(watch->token) + 1;
	struct pvk_dev_message *event;

	event = pvk_dev_message_alloc(path_size + token_size, GFP_KERNEL | __GFP_NOFAIL);
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
	missed = watch->missed;
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
	watch->store.changed = watch_changed;
	return watch;
}

static void enter(struct dev_watch *watch)
{
	struct pvk_dev_file *file = watch->file;

	mutex_lock(&file->watch_lock);
	list_add_tail(&watch->list, &file->watches);
	file->nr_watches++;
	mutex_unlock(&file->watch_lock);
}

/* Its callback must not run any more. */
static void leave(struct dev_watch *watch)
{
	struct pvk_dev_file *file = watch->file;

	mutex_lock(&file->watch_lock);
	list_del(&watch->list);
	file->nr_watches--;
	mutex_unlock(&file->watch_lock);
	kfree(watch);
}

int pvk_dev_watch(struct pvk_dev_file *file)
{
	const char *path, *token;
	struct dev_watch *watch;
	int err;

	if (!parse(file, &path, &token))
		return pvk_dev_reply_error(file, EINVAL);
	if (find(file, path, token))
		return pvk_dev_reply_error(file, EEXIST);
	if (file->nr_watches >= PVK_DEV_MOST_WATCHES)
		return pvk_dev_reply_error(file, E2BIG);
	watch = make_watch(file, path, token);
	if (!watch)
		return -ENOMEM;
	/* First: an event may come before the answer, and be missed. */
	enter(watch);
	err = pvk_store_watch(&watch->store);
	if (err) {
		leave(watch);
		return pvk_dev_reply_error(file, err == -ETIMEDOUT || err == -ENODEV ? EIO : -err);
	}
	return pvk_dev_reply(file, PVK_WIRE_WATCH, "OK");
}

static int end_watch(struct dev_watch *watch, bool tell)
{
	int err = pvk_store_unwatch_tell(&watch->store, tell);

	leave(watch);
	return err;
}

int pvk_dev_unwatch(struct pvk_dev_file *file)
{
	const char *path, *token;
	struct dev_watch *watch;

	if (!parse(file, &path, &token))
		return pvk_dev_reply_error(file, EINVAL);
	watch = find(file, path, token);
	if (!watch)
		return pvk_dev_reply_error(file, ENOENT);
	end_watch(watch, true);
	return pvk_dev_reply(file, PVK_WIRE_UNWATCH, "OK");
}

void pvk_dev_watches_end(struct pvk_dev_file *file)
{
	struct dev_watch *watch, *next;
	bool tell = true;

	/* A silent server costs one time-out, not one for each. */
	list_for_each_entry_safe(watch, next, &file->watches, list)
		tell = end_watch(watch, tell) != -ETIMEDOUT && tell;
}
