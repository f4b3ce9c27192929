// SPDX-License-Identifier: GPL-2.0-only
/* Watches: callbacks one at a time, in process context. */
#include <linux/kernel.h>
#include <linux/sched.h>
#include <linux/string.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/faults.h"
#include "kmod/pvkit/own/store_inner.h"

static struct workqueue_struct *watch_queue;	/* ordered: one callback at a time */
static struct pvk_store_watch *running;		/* under the store's lock */
static struct task_struct *runner;		/* who runs it */
static DECLARE_WAIT_QUEUE_HEAD(ended_wait);

static void call_watches(struct work_struct *work);
static DECLARE_WORK(watch_work, call_watches);

static struct pvk_store_watch *next_event(char *path)
{
	struct pvk_wire_watch *found = NULL;
	struct pvk_wire *wire;
	unsigned long flags;

	wire = pvk_store_lock(&flags);
	if (wire)
		found = pvk_wire_next_event(wire, path);
	running = found ? container_of(found, struct pvk_store_watch, wire) : NULL;
	runner = running ? current : NULL;
	pvk_store_unlock(flags);
	wake_up_all(&ended_wait);
	return found ? container_of(found, struct pvk_store_watch, wire) : NULL;
}

static void call_watches(struct work_struct *work)
{
	static char path[PVK_WIRE_MAX_PATH];	/* one worker */
	struct pvk_store_watch *watch;

	/* The callback may end its watch and free it: it is not touched afterwards. */
	while ((watch = next_event(path))) {
		pvk_faults_enter("watch");
		watch->changed(watch, path);
		pvk_faults_leave("watch");
	}
}

void pvk_store_watches_kick(void)
{
	queue_work(watch_queue, &watch_work);
}

int pvk_store_watches_start(void)
{
	watch_queue = alloc_ordered_workqueue("pvkit_store", WQ_MEM_RECLAIM);
	return watch_queue ? 0 : -ENOMEM;
}

void pvk_store_watches_stop(void)
{
	destroy_workqueue(watch_queue);
	watch_queue = NULL;
}

static int watch_call(pvk_u32 type, struct pvk_store_watch *watch)
{
	struct pvk_wire_request request = {
		.type = type,
		.parts = {
			{ watch->path, watch->wire.path_length + 1 },
			{ watch->wire.token, strlen(watch->wire.token) + 1 },
		},
		.part_count = 2,
		.watch = type == PVK_WIRE_WATCH ? &watch->wire : NULL,
	};

	return pvk_store_call(&request);
}

int pvk_store_watch(struct pvk_store_watch *watch)
{
	struct pvk_wire *wire;
	unsigned long flags;
	int err;

	watch->wire.path = watch->path;
	watch->wire.path_length = strlen(watch->path);
	wire = pvk_store_lock(&flags);
	/* First: an event may come before the answer. */
	if (wire)
		pvk_wire_add_watch(wire, &watch->wire);
	watch->active = wire;
	pvk_store_unlock(flags);
	if (!wire)
		return -ENODEV;
	err = watch_call(PVK_WIRE_WATCH, watch);
	/* One that is taken too late after all fires for nobody. */
	if (err)
		pvk_store_unwatch_tell(watch, false);
	return err;
}

/* Whether the callback runs, for somebody who may wait for its end. */
static bool must_wait(const struct pvk_store_watch *watch)
{
	unsigned long flags;
	bool wait;

	pvk_store_lock(&flags);
	wait = running == watch && runner != current;
	pvk_store_unlock(flags);
	return wait;
}

int pvk_store_unwatch_tell(struct pvk_store_watch *watch, bool tell)
{
	struct pvk_wire *wire;
	unsigned long flags;
	bool was_active;

	wire = pvk_store_lock(&flags);
	was_active = watch->active;
	watch->active = false;
	/* What is queued for it finds nobody from now on. */
	if (wire && was_active)
		pvk_wire_remove_watch(wire, &watch->wire);
	pvk_store_unlock(flags);
	wait_event(ended_wait, !must_wait(watch));
	return wire && was_active && tell ? watch_call(PVK_WIRE_UNWATCH, watch) : 0;
}

void pvk_store_unwatch(struct pvk_store_watch *watch)
{
	/* Refused when the server never had it, or lost it: all the same. */
	pvk_store_unwatch_tell(watch, true);
}
