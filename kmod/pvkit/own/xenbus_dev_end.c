// SPDX-License-Identifier: GPL-2.0-only
/* How what one open /dev/xen/xenbus has asked ends without an answer: too late, or at its close. */
#include <linux/jiffies.h>
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/slab.h>

#include "kmod/pvkit/own/xenbus_dev.h"

#define CLOSE_SECONDS	10	/* that a close waits for answers */

/*
 * Under both locks. Requests are answered or taken back under the store's lock alone, so one that
 * is found with that lock held stays what it is.
 */
static void take_back(struct pvk_wire *wire, struct pvk_dev_asked *asked, int error)
{
	list_del(&asked->list);
	asked->file->nr_asked--;
	asked->request.wire.error = error;
	pvk_dev_note_answer(asked);
	asked->unsent = asked->request.wire.state == PVK_WIRE_PENDING;
	if (wire)
		pvk_wire_abandon(wire, &asked->request.wire);
}

/* The first request, when its time is over. */
static struct pvk_dev_asked *take_first_back(struct pvk_dev_file *file, bool at_once)
{
	struct pvk_dev_asked *asked;
	struct pvk_wire *wire;
	unsigned long flags;

	wire = pvk_store_lock(&flags);
	spin_lock(&file->lock);
	asked = list_first_entry_or_null(&file->asked, struct pvk_dev_asked, list);
	if (asked && !at_once && !time_after(jiffies, asked->deadline))
		asked = NULL;
	if (asked)
		take_back(wire, asked, ETIMEDOUT);
	spin_unlock(&file->lock);
	pvk_store_unlock(flags);
	if (asked)
		pvk_store_kick();
	return asked;
}

static struct pvk_dev_asked *take_watch_back(struct pvk_dev_file *file,
					     const struct pvk_store_watch *watch)
{
	struct pvk_dev_asked *asked, *found = NULL;
	struct pvk_wire *wire;
	unsigned long flags;

	wire = pvk_store_lock(&flags);
	spin_lock(&file->lock);
	list_for_each_entry(asked, &file->asked, list) {
		if (asked->request.wire.watch == &watch->wire)
			found = asked;
	}
	if (found)
		take_back(wire, found, 0);
	spin_unlock(&file->lock);
	pvk_store_unlock(flags);
	if (found)
		pvk_store_kick();
	return found;
}

/* The server still gets what ends a watch: it lets a guest have so many only. */
static void let_go(struct pvk_dev_asked *asked)
{
	if (!asked->unsent || asked->request.wire.type != PVK_WIRE_UNWATCH) {
		kfree(asked);
		return;
	}
	pvk_dev_send_unheard(asked);
}

static void answer_taken_back(struct pvk_dev_asked *asked)
{
	struct pvk_dev_file *file = asked->file;

	pvk_dev_fill_reply(asked);
	pvk_dev_deliver(file, asked->reply);
	wake_up_all(&file->writers);
	let_go(asked);
}

void pvk_dev_forget(struct pvk_dev_file *file, const struct pvk_store_watch *watch)
{
	struct pvk_dev_asked *asked = take_watch_back(file, watch);

	if (asked)
		answer_taken_back(asked);
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
	struct pvk_dev_asked *asked;

	while ((asked = take_first_back(file, false))) {
		pr_err_ratelimited("pvkit: xenstore (%s): no answer to a program's request %u\n",
				   pvk_store_state(), asked->request.wire.type);
		answer_taken_back(asked);
	}
	if (still_asked(file))
		schedule_delayed_work(&file->expire_work, HZ);
}

void pvk_dev_requests_end(struct pvk_dev_file *file)
{
	struct pvk_dev_asked *asked;
	unsigned int i;

	/* A caller may write and close without waiting: what it wrote is done all the same. */
	wait_event_killable_timeout(file->writers, !still_asked(file), CLOSE_SECONDS * HZ);
	cancel_delayed_work_sync(&file->expire_work);
	while ((asked = take_first_back(file, true))) {
		kfree(asked->reply);
		let_go(asked);
	}
	for (i = 0; i < PVK_DEV_MOST_TRANSACTIONS; i++) {
		if (file->transactions[i])
			pvk_dev_tell_abort(file->transactions[i]);
	}
}
