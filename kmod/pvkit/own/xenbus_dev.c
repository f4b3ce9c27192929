// SPDX-License-Identifier: GPL-2.0-only
/*
 * /dev/xen/xenbus, as libxenstore and its tools know it: whole or partial messages of
 * xen/io/xs_wire.h are written, replies and watch events read. Every open file has transactions
 * and watches of its own.
 */
#include <linux/fs.h>
#include <linux/miscdevice.h>
#include <linux/module.h>
#include <linux/poll.h>
#include <linux/slab.h>
#include <linux/uaccess.h>

#include "kmod/pvkit/own/xenbus_dev.h"

struct pvk_dev_message *pvk_dev_message_alloc(unsigned int length, gfp_t gfp)
{
	struct pvk_dev_message *message = kzalloc(sizeof(*message) + length, gfp);

	if (message) {
		message->header.length = length;
		message->size = sizeof(message->header) + length;
	}
	return message;
}

static bool is_reply(const struct pvk_dev_message *message)
{
	return message->header.type != PVK_WIRE_WATCH_EVENT;
}

void pvk_dev_append(struct pvk_dev_file *file, struct pvk_dev_message *message)
{
	list_add_tail(&message->list, &file->unread);
	file->nr_unread++;
	file->nr_unread_replies += is_reply(message);
}

void pvk_dev_deliver(struct pvk_dev_file *file, struct pvk_dev_message *message)
{
	unsigned long flags;

	spin_lock_irqsave(&file->lock, flags);
	pvk_dev_append(file, message);
	spin_unlock_irqrestore(&file->lock, flags);
	wake_up_interruptible(&file->readers);
}

int pvk_dev_reply(struct pvk_dev_file *file, u32 type, const char *body)
{
	unsigned int length = strlen(body) + 1;
	struct pvk_dev_message *message = pvk_dev_message_alloc(length, GFP_KERNEL);

	if (!message)
		return -ENOMEM;
	message->header.type = type;
	message->header.id = file->in.header.id;
	message->header.transaction = file->in.header.transaction;
	memcpy(message->body, body, length);
	pvk_dev_deliver(file, message);
	return 0;
}

int pvk_dev_reply_error(struct pvk_dev_file *file, int error)
{
	return pvk_dev_reply(file, PVK_WIRE_ERROR, pvk_wire_error_name(error));
}

static int dev_open(struct inode *inode, struct file *filp)
{
	struct pvk_dev_file *file;

	/* What ends the watches and transactions of closed files is kept for a silent server. */
	if (pvk_dev_nr_unheard() > PVK_DEV_MOST_UNHEARD) {
		pr_err_ratelimited("pvkit: xenstore (%s): no program is let in: too many left "
				   "something open, and it does not answer\n", pvk_store_state());
		return -EAGAIN;
	}
	file = kzalloc(sizeof(*file), GFP_KERNEL);
	if (!file)
		return -ENOMEM;
	mutex_init(&file->write_lock);
	mutex_init(&file->watch_lock);
	mutex_init(&file->read_lock);
	spin_lock_init(&file->lock);
	INIT_LIST_HEAD(&file->watches);
	INIT_LIST_HEAD(&file->unread);
	INIT_LIST_HEAD(&file->asked);
	init_waitqueue_head(&file->readers);
	init_waitqueue_head(&file->writers);
	INIT_DELAYED_WORK(&file->expire_work, pvk_dev_expire);
	filp->private_data = file;
	return stream_open(inode, filp);
}

static int dev_release(struct inode *inode, struct file *filp)
{
	struct pvk_dev_file *file = filp->private_data;
	struct pvk_dev_message *message, *next;

	pvk_dev_watches_end(file);
	pvk_dev_requests_end(file);
	list_for_each_entry_safe(message, next, &file->unread, list)
		kfree(message);
	kfree(file);
	return 0;
}

static struct pvk_dev_message *first_unread(struct pvk_dev_file *file)
{
	struct pvk_dev_message *message;

	spin_lock_irq(&file->lock);
	message = list_first_entry_or_null(&file->unread, struct pvk_dev_message, list);
	spin_unlock_irq(&file->lock);
	return message;
}

static void drop_first(struct pvk_dev_file *file, struct pvk_dev_message *message)
{
	bool missed;

	spin_lock_irq(&file->lock);
	list_del(&message->list);
	file->nr_unread--;
	file->nr_unread_replies -= is_reply(message);
	missed = file->missed && !file->nr_unread;
	if (missed)
		file->missed = false;
	spin_unlock_irq(&file->lock);
	kfree(message);
	wake_up_interruptible(&file->writers);
	if (missed)
		pvk_dev_catch_up(file);
}

/* As much as there is, at most @count bytes. */
static ssize_t take_unread(struct pvk_dev_file *file, char __user *to, size_t count)
{
	struct pvk_dev_message *message;
	size_t done = 0;

	while (done < count && (message = first_unread(file))) {
		const char *bytes = (const char *)message + offsetof(typeof(*message), header);
		size_t part = min_t(size_t, count - done, message->size - message->taken);
		size_t left = copy_to_user(to + done, bytes + message->taken, part);

		message->taken += part - left;
		done += part - left;
		if (left)
			return done ? done : -EFAULT;
		if (message->taken == message->size)
			drop_first(file, message);
	}
	return done;
}

static ssize_t read_unread(struct pvk_dev_file *file, char __user *to, size_t count)
{
	ssize_t done;

	if (mutex_lock_interruptible(&file->read_lock))
		return -ERESTARTSYS;
	done = take_unread(file, to, count);
	mutex_unlock(&file->read_lock);
	return done;
}

static ssize_t dev_read(struct file *filp, char __user *to, size_t count, loff_t *position)
{
	struct pvk_dev_file *file = filp->private_data;
	ssize_t done;

	if (!count)
		return 0;
	/* Looked for before it is waited for: another reader may be faster than any wait. */
	while (!(done = read_unread(file, to, count))) {
		if (filp->f_flags & O_NONBLOCK)
			return -EAGAIN;
		if (wait_event_interruptible(file->readers, first_unread(file)))
			return -ERESTARTSYS;
	}
	return done;
}

/*
 * Whether a message may be added: 0, -EBUSY until replies have been read, for which a caller of
 * one thread must not be made to wait, or -EAGAIN. Events do not count, as such a caller reads them
 * only while it waits for a reply.
 */
static int room(struct pvk_dev_file *file)
{
	int err = 0;

	spin_lock_irq(&file->lock);
	if (file->nr_unread_replies >= PVK_DEV_MOST_UNREAD)
		err = -EBUSY;
	else if (file->nr_asked >= PVK_DEV_MOST_ASKED)
		err = -EAGAIN;
	spin_unlock_irq(&file->lock);
	return err;
}

static int wait_for_room(struct file *filp, struct pvk_dev_file *file)
{
	int err = room(file);

	/* An edge of poll tells when it may: after an answer, or a read. */
	if (err && (filp->f_flags & O_NONBLOCK))
		return -EAGAIN;
	if (err != -EAGAIN)
		return err;
	/* Nobody else fills it up: writers are one at a time. */
	if (wait_event_interruptible(file->writers, room(file) != -EAGAIN))
		return -ERESTARTSYS;
	return room(file);
}

/* What the message in @file->in lacks; its header is whole before its length counts. */
static size_t lacking(const struct pvk_dev_file *file)
{
	size_t whole = sizeof(file->in.header);

	if (file->written >= whole)
		whole += file->in.header.length;
	return whole - file->written;
}

static int handle_message(struct pvk_dev_file *file)
{
	switch (file->in.header.type) {
	case PVK_WIRE_WATCH:
		return pvk_dev_watch(file);
	case PVK_WIRE_UNWATCH:
		return pvk_dev_unwatch(file);
	case PVK_WIRE_RESET_WATCHES:
		/* They are not only this caller's. */
		return pvk_dev_reply_error(file, EACCES);
	default:
		return pvk_dev_ask(file);
	}
}

/* One piece of a message, and the message when it is whole. The bytes taken, or an errno. */
static ssize_t take_piece(struct pvk_dev_file *file, const char __user *from, size_t count)
{
	size_t piece = min(count, lacking(file));
	int err;

	if (copy_from_user((char *)&file->in + file->written, from, piece)) {
		err = -EFAULT;
		goto drop;
	}
	file->written += piece;
	err = -EINVAL;
	if (file->written == sizeof(file->in.header) &&
	    file->in.header.length > PVK_WIRE_MAX_BODY)
		goto drop;
	if (file->written < sizeof(file->in.header) || lacking(file))
		return piece;
	err = handle_message(file);
drop:
	file->written = 0;
	return err ? err : piece;
}

static ssize_t dev_write(struct file *filp, const char __user *from, size_t count, loff_t *position)
{
	struct pvk_dev_file *file = filp->private_data;
	ssize_t done = 0, whole = 0, taken;
	int err = 0;

	if (mutex_lock_interruptible(&file->write_lock))
		return -ERESTARTSYS;
	while (done < count) {
		err = wait_for_room(filp, file);
		if (err)
			break;
		taken = take_piece(file, from + done, count - done);
		if (taken < 0) {
			/* The message is dropped, with what came of it before: start it again. */
			done = whole;
			err = taken;
			break;
		}
		done += taken;
		if (!file->written)
			whole = done;
	}
	mutex_unlock(&file->write_lock);
	return done ? done : err;
}

static __poll_t dev_poll(struct file *filp, poll_table *table)
{
	struct pvk_dev_file *file = filp->private_data;
	__poll_t ready = 0;

	poll_wait(filp, &file->readers, table);
	poll_wait(filp, &file->writers, table);
	if (first_unread(file))
		ready |= EPOLLIN | EPOLLRDNORM;
	if (!room(file))
		ready |= EPOLLOUT | EPOLLWRNORM;
	return ready;
}

static const struct file_operations dev_operations = {
	.owner = THIS_MODULE,
	.open = dev_open,
	.release = dev_release,
	.read = dev_read,
	.write = dev_write,
	.poll = dev_poll,
};

static struct miscdevice dev = {
	.minor = MISC_DYNAMIC_MINOR,
	.name = "xen/xenbus",
	.fops = &dev_operations,
	.mode = 0600,
};

int pvk_xenbus_dev_start(void)
{
	return misc_register(&dev);
}

void pvk_xenbus_dev_stop(void)
{
	misc_deregister(&dev);
}
