// SPDX-License-Identifier: GPL-2.0-only
/*
 * What the toolstack asks for in xenstore's control/. The watches only wake a work item: a suspend
 * stops the store, which must not wait for a callback of its own.
 */
#include <linux/kernel.h>
#include <linux/reboot.h>
#include <linux/sysrq.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"

#define CONTROL		"control"
#define LONGEST_PAUSE	8	/* seconds */

/* What stands in a node is looked at, and again while xenstore does not let us take it. */
struct node {
	struct delayed_work work;
	const char *name;
	unsigned int pause;	/* seconds, 0: it could be taken */
};

static struct workqueue_struct *queue;

/* Not yet while user space prepares for it, which may be cancelled. */
int pvk_control_going_down(void)
{
	return system_state >= SYSTEM_HALT && system_state <= SYSTEM_RESTART;
}

int pvk_control_begin(pvk_u32 *transaction)
{
	return pvk_store_begin(transaction);
}

int pvk_control_read(pvk_u32 transaction, const char *key, char *buffer, pvk_size capacity)
{
	return pvk_store_read(transaction, CONTROL, key, buffer, capacity);
}

int pvk_control_write(pvk_u32 transaction, const char *key, const char *value)
{
	return pvk_store_write(transaction, CONTROL, key, value);
}

int pvk_control_end(pvk_u32 transaction, int commit)
{
	return pvk_store_end(transaction, commit);
}

static void suspend(void)
{
	if (!pvk_own_suspend())
		pr_info("pvkit: running again after a suspension\n");
}

/* With force: a guest without a working poweroff program goes down all the same. */
static void act(int request, const char *word)
{
	switch (request) {
	case PVK_CONTROL_POWEROFF:
		pr_info("pvkit: the toolstack asks for %s\n", word);
		orderly_poweroff(true);
		break;
	case PVK_CONTROL_REBOOT:
		pr_info("pvkit: the toolstack asks for %s\n", word);
		orderly_reboot();
		break;
	case PVK_CONTROL_SUSPEND:
		suspend();
		break;
	case PVK_CONTROL_CRASH:
		panic("pvkit: the toolstack asks for a crash");
	case PVK_CONTROL_UNKNOWN:
		pr_warn("pvkit: the toolstack asks for '%s', which is unknown\n", word);
		break;
	}
}

/* Nobody writes the node a second time, so no watch will say that it is still there. */
static void retry_unless_taken(struct node *node, int result)
{
	if (result >= 0 || result == -ENOENT) {
		node->pause = 0;
		return;
	}
	if (!node->pause)
		pr_err("pvkit: control/%s cannot be taken (%d): trying again\n", node->name,
		       result);
	node->pause = clamp(2 * node->pause, 1u, (unsigned int)LONGEST_PAUSE);
	queue_delayed_work(queue, &node->work, node->pause * HZ);
}

static struct node *to_node(struct work_struct *work)
{
	return container_of(work, struct node, work.work);
}

static void shutdown_work(struct work_struct *work)
{
	char word[PVK_CONTROL_WORD];
	const int request = pvk_control_take(word);

	retry_unless_taken(to_node(work), request);
	act(request, word);
}

static void sysrq_work(struct work_struct *work)
{
	const int key = pvk_control_take_sysrq();

	retry_unless_taken(to_node(work), key);
	if (key > 0)
		handle_sysrq(key);
}

static struct node shutdown_node = {
	.work = __DELAYED_WORK_INITIALIZER(shutdown_node.work, shutdown_work, 0),
	.name = "shutdown",
};

static struct node sysrq_node = {
	.work = __DELAYED_WORK_INITIALIZER(sysrq_node.work, sysrq_work, 0),
	.name = "sysrq",
};

static void shutdown_changed(struct pvk_store_watch *watch, const char *path)
{
	mod_delayed_work(queue, &shutdown_node.work, 0);
}

static void sysrq_changed(struct pvk_store_watch *watch, const char *path)
{
	mod_delayed_work(queue, &sysrq_node.work, 0);
}

static struct pvk_store_watch shutdown_watch = {
	.path = CONTROL "/shutdown",
	.changed = shutdown_changed,
};

static struct pvk_store_watch sysrq_watch = {
	.path = CONTROL "/sysrq",
	.changed = sysrq_changed,
};

/* What a toolstack reads before it asks. It need not have made the nodes writable. */
static void say_what_we_do(const char *flag)
{
	static const char * const features[] = {
		"feature-poweroff", "feature-reboot", "feature-suspend",
	};
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(features); i++)
		if (pvk_store_write(0, CONTROL, features[i], flag))
			pr_debug("pvkit: control/%s cannot be written\n", features[i]);
}

static void close_queue(void)
{
	cancel_delayed_work_sync(&shutdown_node.work);
	cancel_delayed_work_sync(&sysrq_node.work);
	destroy_workqueue(queue);
}

int pvk_shutdown_start(void)
{
	int err;

	/* Ordered: one request after the other. Not freezable: it is what thaws again. */
	queue = alloc_ordered_workqueue("pvkit-control", 0);
	if (!queue)
		return -ENOMEM;
	err = pvk_store_watch(&shutdown_watch);
	if (err)
		goto no_watch;
	err = pvk_store_watch(&sysrq_watch);
	if (err)
		goto no_sysrq;
	say_what_we_do("1");
	return 0;

no_sysrq:
	pvk_store_unwatch(&shutdown_watch);
no_watch:
	close_queue();
	return err;
}

void pvk_shutdown_stop(void)
{
	say_what_we_do("0");
	pvk_store_unwatch(&sysrq_watch);
	pvk_store_unwatch(&shutdown_watch);
	close_queue();
}

void pvk_shutdown_resume(int cancelled)
{
	if (!cancelled)
		say_what_we_do("1");
}
