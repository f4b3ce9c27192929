// SPDX-License-Identifier: GPL-2.0-only
/*
 * The xenstore connection of the own way: one lock round the client of frontends/xenbus, which an
 * interrupt and the callers of requests work in turn.
 */
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/seq_file.h>
#include <linux/spinlock.h>
#include <linux/wait.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/store_inner.h"

#define QUIET_SECONDS		10	/* for requests on the wire before a suspend or the end */
#define LONGEST_PAUSE		60	/* seconds between two attempts to connect anew */

static unsigned int store_timeout = 60;
module_param(store_timeout, uint, 0644);
MODULE_PARM_DESC(store_timeout, "Seconds until a xenstore request is given up (default 60)");

static DEFINE_SPINLOCK(store_lock);	/* all of these; taken with interrupts off */
static struct pvk_wire *wire;
static struct pvk_event *channel;
static pvk_u32 channel_port;
static bool suspended;
static bool planned;			/* an attempt to connect anew */
static unsigned long next_attempt;	/* in jiffies */
static unsigned int pause;		/* seconds before the one that comes then */

static DECLARE_WAIT_QUEUE_HEAD(quiet_wait);

/* A disk that memory is waiting for comes back through xenstore, and this needs no memory. */
static struct workqueue_struct *queue;

static void pump_again(struct work_struct *work);
static DECLARE_WORK(pump_work, pump_again);
static void recover(struct work_struct *work);
static DECLARE_DELAYED_WORK(recover_work, recover);

unsigned int pvk_store_timeout(void)
{
	return clamp(READ_ONCE(store_timeout), 1u, 3600u);
}

struct pvk_wire *pvk_store_lock(unsigned long *flags)
{
	spin_lock_irqsave(&store_lock, *flags);
	return wire;
}

void pvk_store_unlock(unsigned long flags)
{
	spin_unlock_irqrestore(&store_lock, flags);
}

static void notify(void)
{
	if (channel)
		pvk_event_notify(channel);
}

static void finish_done(void)
{
	struct pvk_wire_request *done;

	while ((done = pvk_wire_take_done(wire))) {
		struct pvk_store_request *request =
			container_of(done, struct pvk_store_request, wire);

		request->finished(request);
	}
}

/* The first attempt at once; a server that breaks every connection is asked ever more rarely. */
static void plan_attempt(void)
{
	if (time_after(jiffies, next_attempt + 2 * LONGEST_PAUSE * HZ))
		pause = 0;
	planned = true;
	next_attempt = jiffies + pause * HZ;
	/* Not earlier and not later, whatever it was to do before. */
	mod_delayed_work(queue, &recover_work, pause * HZ);
	pause = clamp(2 * pause, 1u, (unsigned int)LONGEST_PAUSE);
}

static void schedule_recovery(void)
{
	if (pvk_wire_state(wire) == PVK_WIRE_BROKEN) {
		if (!planned)
			plan_attempt();
		return;
	}
	planned = false;
	if (pvk_wire_wants_ticks(wire) && !delayed_work_pending(&recover_work))
		queue_delayed_work(queue, &recover_work, HZ);
}

/* Under the lock: moves what can be moved. Says whether that was anything. */
static int serve(void)
{
	int pumped = pvk_wire_pump(wire);

	if (pumped & PVK_WIRE_MOVED)
		notify();
	finish_done();
	if (pvk_wire_events_wait(wire))
		pvk_store_watches_kick();
	if (pumped & PVK_WIRE_AGAIN)
		queue_work(queue, &pump_work);
	schedule_recovery();
	if (suspended)
		wake_up_all(&quiet_wait);
	return pumped & PVK_WIRE_MOVED;
}

static int serve_locked(void)
{
	unsigned long flags;
	int moved = 0;

	if (pvk_store_lock(&flags))
		moved = serve();
	pvk_store_unlock(flags);
	return moved;
}

void pvk_store_kick(void)
{
	serve_locked();
}

static int store_upcall(void *context)
{
	return serve_locked();
}

static void pump_again(struct work_struct *work)
{
	serve_locked();
}

static void connect_anew(void)
{
	if (time_before(jiffies, next_attempt)) {
		mod_delayed_work(queue, &recover_work, next_attempt - jiffies);
		return;
	}
	pr_warn_ratelimited("pvkit: xenstore: connecting anew\n");
	planned = false;
	pvk_wire_reconnect(wire);
}

static void recover(struct work_struct *work)
{
	unsigned long flags;

	if (pvk_store_lock(&flags)) {
		/* An answer that is there has not failed to come. */
		serve();
		if (pvk_wire_state(wire) == PVK_WIRE_BROKEN)
			connect_anew();
		else
			pvk_wire_tick(wire, pvk_store_timeout());
		notify();
		serve();
	}
	pvk_store_unlock(flags);
}

void pvk_store_submit(struct pvk_store_request *request)
{
	unsigned long flags;

	if (pvk_store_lock(&flags)) {
		pvk_wire_submit(wire, &request->wire);
		serve();
	} else {
		request->wire.error = ENODEV;
		request->wire.state = PVK_WIRE_IDLE;
		request->finished(request);
	}
	pvk_store_unlock(flags);
}

bool pvk_store_abandon(struct pvk_store_request *request)
{
	bool waited = false;
	unsigned long flags;

	if (pvk_store_lock(&flags)) {
		waited = request->wire.state == PVK_WIRE_PENDING ||
			 request->wire.state == PVK_WIRE_IN_FLIGHT;
		if (waited) {
			pvk_wire_abandon(wire, &request->wire);
			serve();
		}
	}
	pvk_store_unlock(flags);
	return waited;
}

static int bind_channel(pvk_u32 port)
{
	struct pvk_event *bound;
	unsigned long flags;
	/* Before the devices: one that storms must not hold up what configures them all. */
	int err = pvk_own_event_bind(port, "xenstore", PVK_OWN_PRIORITY_STORE, store_upcall, NULL,
				     &bound);

	if (err)
		return err;
	pvk_store_lock(&flags);
	channel = bound;
	channel_port = port;
	notify();
	serve();
	pvk_store_unlock(flags);
	return 0;
}

static void unbind_channel(void)
{
	struct pvk_event *bound;
	unsigned long flags;

	pvk_store_lock(&flags);
	bound = channel;
	channel = NULL;
	pvk_store_unlock(flags);
	if (bound)
		pvk_own_event_close(bound);
}

int pvk_store_start(void *ring, pvk_u32 port)
{
	struct pvk_wire *created = pvk_wire_create(get_random_u32());
	unsigned long flags;
	int err = -ENOMEM;

	queue = alloc_workqueue("pvkit_wire", WQ_MEM_RECLAIM, 0);
	if (created && queue)
		err = pvk_store_watches_start();
	if (err) {
		if (queue)
			destroy_workqueue(queue);
		pvk_wire_destroy(created);
		return err;
	}
	pvk_store_lock(&flags);
	wire = created;
	suspended = false;
	planned = false;
	pause = 0;
	pvk_wire_start(wire, ring);
	pvk_store_unlock(flags);
	err = bind_channel(port);
	if (err)
		pvk_store_stop();
	return err;
}

static bool is_drained(void)
{
	unsigned long flags;
	bool drained = !pvk_store_lock(&flags) || pvk_wire_between_messages(wire);

	pvk_store_unlock(flags);
	return drained;
}

void pvk_store_drain(void)
{
	unsigned long flags;

	if (pvk_store_lock(&flags)) {
		suspended = true;
		pvk_wire_suspend(wire);
		/* A broken connection moves nothing. */
		if (!pvk_wire_between_messages(wire) && pvk_wire_state(wire) == PVK_WIRE_BROKEN)
			pvk_wire_reconnect(wire);
		notify();
		serve();
	}
	pvk_store_unlock(flags);
	if (!wait_event_timeout(quiet_wait, is_drained(), QUIET_SECONDS * HZ))
		pr_warn("pvkit: xenstore: half a request is left in the ring\n");
}

void pvk_store_stop(void)
{
	struct pvk_wire *gone;
	unsigned long flags;

	pvk_store_drain();
	gone = pvk_store_lock(&flags);
	if (gone) {
		pvk_wire_close(gone);
		finish_done();
	}
	wire = NULL;
	pvk_store_unlock(flags);
	unbind_channel();
	cancel_delayed_work_sync(&recover_work);
	cancel_work_sync(&pump_work);
	destroy_workqueue(queue);
	pvk_store_watches_stop();
	pvk_wire_destroy(gone);
}

static bool is_quiet(void)
{
	unsigned long flags;
	bool quiet = !pvk_store_lock(&flags) || pvk_wire_quiet(wire);

	pvk_store_unlock(flags);
	return quiet;
}

void pvk_store_suspend(void)
{
	unsigned long flags;

	if (pvk_store_lock(&flags)) {
		suspended = true;
		pvk_wire_suspend(wire);
	}
	pvk_store_unlock(flags);
	if (!wait_event_timeout(quiet_wait, is_quiet(), QUIET_SECONDS * HZ))
		pr_warn("pvkit: xenstore: suspending with unanswered requests\n");
}

void pvk_store_resume(void *ring, pvk_u32 port)
{
	unsigned long flags;

	if (port != channel_port) {
		unbind_channel();
		if (bind_channel(port))
			pr_err("pvkit: xenstore: cannot bind port %u\n", port);
	}
	if (pvk_store_lock(&flags)) {
		suspended = false;
		pvk_wire_resume(wire, ring);
		notify();
		serve();
	}
	pvk_store_unlock(flags);
}

const char *pvk_store_state(void)
{
	static const char * const names[] = {
		[PVK_WIRE_CLOSED] = "closed",
		[PVK_WIRE_CONNECTED] = "connected",
		[PVK_WIRE_RECONNECTING] = "reconnecting",
		[PVK_WIRE_PROBING] = "probing",
		[PVK_WIRE_BROKEN] = "broken",
	};
	unsigned long flags;
	int state = pvk_store_lock(&flags) ? pvk_wire_state(wire) : PVK_WIRE_CLOSED;

	pvk_store_unlock(flags);
	return names[state];
}

static void show_counter(void *context, const char *name, pvk_u64 value)
{
	seq_printf(context, "xenstore_%s %llu\n", name, value);
}

void pvk_store_counters(struct seq_file *file)
{
	unsigned long flags;

	seq_printf(file, "xenstore_state %s\n", pvk_store_state());
	if (pvk_store_lock(&flags))
		pvk_wire_counters(wire, show_counter, file);
	pvk_store_unlock(flags);
}
