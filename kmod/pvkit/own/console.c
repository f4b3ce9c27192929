// SPDX-License-Identifier: GPL-2.0-only
/* The paravirtual console: its ring, from where the toolstack put it. */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/spinlock.h>

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
static struct pvk_event *event;	/* NULL: nothing is written; under out_lock */
static bool broken;	/* the daemon's indexes made no sense, and it was said */

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

static int take_typed(void)
{
	char buffer[128];
	int count, total = 0;

	while ((count = pvk_console_read(buffer, sizeof(buffer))) > 0) {
		pvk_console_tty_typed(buffer, count);
		total += count;
	}
	complain(count);
	if (total)
		pvk_console_tty_flush();
	return total;
}

/* The daemon typed, or made room. */
static int upcall(void *unused)
{
	static int last_room;
	struct pvk_event *bound = READ_ONCE(event);	/* closed only when we are out of here */
	unsigned long flags;
	int room, total;
	bool moved;

	spin_lock_irqsave(&in_lock, flags);
	total = take_typed();
	room = pvk_console_room();
	moved = room != last_room;
	last_room = room;
	spin_unlock_irqrestore(&in_lock, flags);
	complain(room);
	if (total && bound)
		pvk_event_notify(bound);	/* there is room for more */
	if (moved)
		pvk_console_tty_wake();
	return total || moved;
}

/* Where the toolstack has put the ring, and its channel. */
static int find_ring(pvk_u64 *gfn, pvk_u64 *channel)
{
	if (pvk_own_param(PARAM_CONSOLE_PFN, gfn) ||
	    pvk_own_param(PARAM_CONSOLE_EVTCHN, channel) || !*gfn || !*channel)
		return -ENODEV;
	return 0;
}

static int connect_ring(pvk_u64 gfn, pvk_u64 channel)
{
	void *mapped = memremap(gfn << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	struct pvk_event *bound;
	unsigned long flags;
	int err;

	if (!mapped)
		return -ENOMEM;
	page = mapped;
	page_gfn = gfn;
	broken = false;
	pvk_console_attach(page);
	err = pvk_own_event_bind(channel, "pvkit-console", PVK_OWN_PRIORITY, upcall, NULL, &bound);
	if (err)
		return err;
	spin_lock_irqsave(&out_lock, flags);
	WRITE_ONCE(event, bound);
	spin_unlock_irqrestore(&out_lock, flags);
	upcall(NULL);	/* what was typed before, for which no event will come */
	return 0;
}

static void disconnect_ring(void)
{
	struct pvk_event *bound;
	unsigned long flags;

	spin_lock_irqsave(&out_lock, flags);
	bound = event;
	WRITE_ONCE(event, NULL);
	spin_unlock_irqrestore(&out_lock, flags);
	if (bound)
		pvk_own_event_close(bound);
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
	err = pvk_console_tty_start();
	if (err)
		return err;
	err = connect_ring(gfn, channel);
	if (!err) {
		pvk_console_messages_start();
		return 0;
	}
	pvk_console_tty_stop();
	if (page)
		memunmap(page);
	page = NULL;
	return err;
}

void pvk_console_stop(void)
{
	if (!page)
		return;
	pvk_console_messages_stop();
	disconnect_ring();
	pvk_console_tty_stop();
	memunmap(page);
	page = NULL;
}

/*
 * Usually nothing has changed: the page came along with the rest of memory. A page that is another
 * one leaves the old mapping behind, because somebody may be looking at it.
 */
void pvk_console_resume(int cancelled)
{
	pvk_u64 gfn, channel;
	int err;

	if (!page || cancelled)
		return;
	err = find_ring(&gfn, &channel);
	if (!err && event && gfn == page_gfn && channel == pvk_event_port(event))
		return;
	disconnect_ring();
	if (!err)
		err = connect_ring(gfn, channel);
	if (err)
		pr_err("pvkit: the console is gone (%d)\n", err);
}
