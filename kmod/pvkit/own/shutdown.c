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

#define CONTROL	"control"

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

static void shutdown_work(struct work_struct *unused)
{
	char word[PVK_CONTROL_WORD];
	const int request = pvk_control_take(word);

	if (request < 0 && request != -ENOENT)
		pr_err("pvkit: control/shutdown cannot be taken (%d)\n", request);
	act(request, word);
}

static void sysrq_work(struct work_struct *unused)
{
	const int key = pvk_control_take_sysrq();

	if (key > 0)
		handle_sysrq(key);
	else if (key < 0 && key != -ENOENT)
		pr_err("pvkit: control/sysrq cannot be taken (%d)\n", key);
}

static DECLARE_WORK(shutdown_item, shutdown_work);
static DECLARE_WORK(sysrq_item, sysrq_work);

static void shutdown_changed(struct pvk_store_watch *watch, const char *path)
{
	queue_work(queue, &shutdown_item);
}

static void sysrq_changed(struct pvk_store_watch *watch, const char *path)
{
	queue_work(queue, &sysrq_item);
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
	destroy_workqueue(queue);
	return err;
}

void pvk_shutdown_stop(void)
{
	say_what_we_do("0");
	pvk_store_unwatch(&sysrq_watch);
	pvk_store_unwatch(&shutdown_watch);
	destroy_workqueue(queue);
}

void pvk_shutdown_resume(int cancelled)
{
	if (!cancelled)
		say_what_we_do("1");
}
