// SPDX-License-Identifier: GPL-2.0-only
/* The paravirtual console: its ring, from where the toolstack put it. */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/console.h"
#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/services.h"

#define PARAM_CONSOLE_PFN	17	/* xen/hvm/params.h */
#define PARAM_CONSOLE_EVTCHN	18

static bool wanted = true;
module_param_named(console, wanted, bool, 0444);
MODULE_PARM_DESC(console, "offer the paravirtual console as hvc0 (default: yes)");

static void *page;
static pvk_u64 page_gfn;
static DEFINE_SPINLOCK(out_lock);
static DEFINE_SPINLOCK(in_lock);
static struct pvk_event *event;	/* NULL: nobody looks at the output; under out_lock */
static bool broken; /* the daemon's indexes made no sense, and it was said */

static void look_again(struct work_struct *unused);
static DECLARE_WORK(again_item, look_again);

static void complain(int result)
{
	if (result < 0 && !xchg(&broken, true))
		pr_err("pvkit: the console daemon broke the protocol: the console is silent\n");
}

static int put_locked(const char *text, unsigned int count)
{
	int written;

	if (!event)
		return -ENODEV;
	written = pvk_console_write(text, count);
	if (written > 0)
		pvk_event_notify(event);
	return written;
}

int pvk_console_put(const char *text, unsigned int count)
{
	unsigned long flags;
	int written;

	/* A CPU that died with the lock held must not keep the last words of the kernel back. */
	if (oops_in_progress) {
		if (!spin_trylock_irqsave(&out_lock, flags))
			return 0;
	} else {
		spin_lock_irqsave(&out_lock, flags);
	}
	written = put_locked(text, count);
	spin_unlock_irqrestore(&out_lock, flags);
	return written;
}

/* Beside a writer our index and the daemon's would be of different moments. */
int pvk_console_space(void)
{
	unsigned long flags;
	int room;

	spin_lock_irqsave(&out_lock, flags);
	room = event ? pvk_console_room() : -ENODEV;
	spin_unlock_irqrestore(&out_lock, flags);
	return room;
}

/* A daemon can type for ever, but not keep a CPU: what is more than the ring holds comes later. */
static int take_typed(void)
{
	char buffer[128];
	unsigned long flags;
	int count, total = 0;

	spin_lock_irqsave(&in_lock, flags);
	do {
		count = pvk_console_read(buffer, sizeof(buffer));
		if (count <= 0)
			break;
		pvk_console_tty_typed(buffer, count);
		total += count;
	} while (total < PVK_CONSOLE_IN);
	if (total)
		pvk_console_tty_flush();
	spin_unlock_irqrestore(&in_lock, flags);
	complain(count);
	if (total >= PVK_CONSOLE_IN)
		queue_work(system_wq, &again_item);
	return total;
}

/* Whether the daemon took something. @tell: it is to look at the ring too. */
static int look_at_output(bool tell)
{
	unsigned long flags;
	int moved = 0;

	spin_lock_irqsave(&out_lock, flags);
	if (event) {
		moved = pvk_console_drained();
		if (tell)
			pvk_event_notify(event);
	}
	spin_unlock_irqrestore(&out_lock, flags);
	complain(moved);
	return moved > 0;
}

/* The daemon typed, or made room. */
static int upcall(void *unused)
{
	int typed = take_typed();
	int moved = look_at_output(typed != 0);

	if (moved)
		pvk_console_tty_wake();
	return typed || moved;
}

static void look_again(struct work_struct *unused)
{
	upcall(NULL);
}

/* Where the toolstack has put the ring, and its channel. */
static int find_ring(pvk_u64 *gfn, pvk_u64 *channel)
{
	if (pvk_own_param(PARAM_CONSOLE_PFN, gfn) ||
	    pvk_own_param(PARAM_CONSOLE_EVTCHN, channel) || !*gfn || !*channel)
		return -ENODEV;
	return 0;
}

/* An event may have come when nobody took it, on either side. */
static void catch_up(void)
{
	take_typed();
	look_at_output(true);
	pvk_console_tty_wake();
}

static int connect_ring(pvk_u64 gfn, pvk_u64 channel)
{
	void *mapped = memremap(gfn << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	struct pvk_event *bound;
	unsigned long flags;
	int err;

	if (!mapped)
		return -ENOMEM;
	if (page)
		memunmap(page);
	page = mapped;
	page_gfn = gfn;
	broken = false;
	pvk_console_attach(page);
	err = pvk_own_event_bind(channel, "pvkit-console", PVK_OWN_PRIORITY, upcall, NULL, &bound);
	if (err)
		return err;
	spin_lock_irqsave(&out_lock, flags);
	event = bound;
	spin_unlock_irqrestore(&out_lock, flags);
	catch_up();
	return 0;
}

static void disconnect_ring(void)
{
	struct pvk_event *bound;
	unsigned long flags;

	spin_lock_irqsave(&out_lock, flags);
	bound = event;
	event = NULL;
	spin_unlock_irqrestore(&out_lock, flags);
	if (bound)
		pvk_own_event_close(bound);
	cancel_work_sync(&again_item);	/* no upcall queues it any more */
}

static void let_go(void)
{
	disconnect_ring();
	pvk_console_tty_exit();
	if (page)
		memunmap(page);
	page = NULL;
}

int pvk_console_start(void)
{
	pvk_u64 gfn, channel;
	int err;

	if (!wanted)
		return 0;
	if (find_ring(&gfn, &channel)) {
		pr_info("pvkit: this guest has no paravirtual console\n");
		return 0;
	}
	pvk_console_tty_init();
	err = connect_ring(gfn, channel);
	if (err)
		let_go();
	return err;
}

void pvk_console_stop(void)
{
	if (page)
		let_go();
}

int pvk_hvc_start(void)
{
	int err = page ? pvk_console_tty_start() : 0;

	if (page && !err)
		pvk_console_messages_start();
	return err;
}

void pvk_hvc_stop(void)
{
	if (!page)
		return;
	pvk_console_messages_stop();
	pvk_console_tty_stop();
}

/* Usually nothing has changed: the page came along with the rest of memory. */
void pvk_console_resume(int cancelled)
{
	pvk_u64 gfn, channel;
	int err;

	if (!page || cancelled)
		return;
	err = find_ring(&gfn, &channel);
	if (!err && event && gfn == page_gfn && channel == pvk_event_port(event)) {
		catch_up();
		return;
	}
	disconnect_ring();
	if (!err)
		err = connect_ring(gfn, channel);
	if (!err)
		return;
	pr_err("pvkit: the console is gone (%d)\n", err);
	pvk_console_tty_wake();	/* nobody makes room for who waits for it: let it write to nobody */
}
