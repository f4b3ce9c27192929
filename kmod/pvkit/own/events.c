// SPDX-License-Identifier: GPL-2.0-only
/*
 * Event channels of the own way. Each has a Linux interrupt for what people expect of one, a line
 * in /proc/interrupts and an affinity; its events do not travel through it but go from the upcall
 * straight to who opened the channel.
 */
#include <linux/cpu.h>
#include <linux/delay.h>
#include <linux/interrupt.h>
#include <linux/irq.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/rcupdate.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "kmod/compat/irq_stat.h"
#include "kmod/pvkit/own/event_inner.h"

#define UNQUEUE_TRIES	2000

struct own_event **pvk_own_ports;
pvk_u32 pvk_own_nr_ports;
struct workqueue_struct *pvk_own_event_queue;

/*
 * Xen gives the number of a closed port out again at once. So with this held a port is opened and
 * has its slot taken, and is closed and has its slot emptied; and a domain is saved and restored.
 */
static DEFINE_MUTEX(ports_lock);

static int set_priority(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, PVK_OWN_PRIORITY_LAST);
}

static const struct kernel_param_ops priority_ops = {
	.set = set_priority,
	.get = param_get_uint,
};

static unsigned int device_priority = PVK_OWN_PRIORITY;
module_param_cb(fifo_priority, &priority_ops, &device_priority, 0644);
__MODULE_PARM_TYPE(fifo_priority, "uint");
MODULE_PARM_DESC(fifo_priority, "With FIFO channels, whose events come first: 0 (devices' before "
				"all others) to 15, xenstore's have 4 (default 7)");

static void wake(struct work_struct *work)
{
	struct own_event *event = container_of(work, struct own_event, wake.work);
	unsigned long flags;

	raw_spin_lock_irqsave(&event->lock, flags);
	event->asleep = false;
	if (event->open && !event->closing)
		pvk_own_port_unmask(event->event.port);
	raw_spin_unlock_irqrestore(&event->lock, flags);
}

/* An event without work, or one with work after such: a backend that storms is made to wait. */
static noinline void throttle(struct own_event *event, int had_work)
{
	bool first = false;
	u64 delay;

	raw_spin_lock(&event->lock);
	delay = pvk_own_throttle_event(&event->throttle, ktime_get_ns(), had_work);
	if (delay && !event->closing) {
		first = event->throttle.sleeps == 1;
		event->asleep = true;
		pvk_own_port_mask(event->event.port);
		queue_delayed_work(pvk_own_event_queue, &event->wake, nsecs_to_jiffies(delay) + 1);
	}
	raw_spin_unlock(&event->lock);
	if (first)
		pr_warn("pvkit: port %u: events without a reason are slowed down\n",
			event->event.port);
}

static void nothing_to_do(struct irq_data *data)
{
}

static struct irq_chip event_chip = {
	.name = "pvkit",
	.irq_mask = nothing_to_do,
	.irq_unmask = nothing_to_do,
	.irq_set_affinity = pvk_own_event_set_affinity,
};

static irqreturn_t unused_handler(int irq, void *data)
{
	return IRQ_NONE;
}

void pvk_own_deliver(pvk_u32 port)
{
	struct own_event *event = READ_ONCE(pvk_own_ports[port]);
	int had_work;

	if (unlikely(!event))
		return;
	pvk_count_irq(event->desc);
	had_work = event->upcall(event->context);
	if (unlikely(!had_work || event->throttle.idle || event->throttle.level))
		throttle(event, had_work);
	if (unlikely(READ_ONCE(event->move_to) != PVK_OWN_NO_MOVE))
		pvk_own_event_move_on(event);
}

static int give_irq(struct own_event *event, const char *name)
{
	/* Without an owner: one would be held for as long as xenstore's channel is open. */
	int irq = __irq_alloc_descs(-1, 1, 1, NUMA_NO_NODE, NULL, NULL);
	int err;

	if (irq < 0)
		return irq;
	irq_set_chip_data(irq, event);
	irq_set_chip_and_handler_name(irq, &event_chip, handle_simple_irq, "event");
	pvk_irq_moves_at_once(irq);
	event->irq = irq;
	event->desc = irq_data_to_desc(irq_get_irq_data(irq));
	err = request_irq(irq, unused_handler, IRQF_NO_THREAD, name, event);
	if (err)
		irq_free_desc(irq);
	return err;
}

static void take_irq(struct own_event *event)
{
	free_irq(event->irq, event);
	irq_free_desc(event->irq);
}

static struct own_event *new_event(pvk_u32 port, pvk_upcall upcall, void *context)
{
	struct own_event *event = kzalloc(sizeof(*event), GFP_KERNEL);

	if (!event)
		return NULL;
	raw_spin_lock_init(&event->lock);
	INIT_DELAYED_WORK(&event->recheck, pvk_own_event_recheck);
	INIT_DELAYED_WORK(&event->wake, wake);
	event->event.port = port;
	event->move_to = PVK_OWN_NO_MOVE;
	event->upcall = upcall;
	event->context = context;
	return event;
}

/* No CPU comes or goes from when the interrupt has an affinity to when the channel is open. */
static int give_irq_and_place(struct own_event *event, const char *name)
{
	int err;

	cpus_read_lock();
	err = give_irq(event, name);
	if (!err) {
		err = pvk_own_event_place(event);
		if (err)
			take_irq(event);
	}
	cpus_read_unlock();
	return err;
}

/* With ports_lock held. */
static int bind(pvk_u32 port, const char *name, unsigned int priority, pvk_upcall upcall,
		void *context, struct pvk_event **result)
{
	struct own_event *event;
	int err;

	if (port >= pvk_own_port_limit() || pvk_own_ports[port])
		return -EINVAL;
	event = new_event(port, upcall, context);
	if (!event)
		return -ENOMEM;
	event->priority = priority;
	err = pvk_own_fifo_port(port);
	if (!err)
		err = give_irq_and_place(event, name);
	if (err)
		kfree(event);
	else
		*result = &event->event;
	return err;
}

int pvk_own_event_bind(pvk_u32 port, const char *name, unsigned int priority, pvk_upcall upcall,
		       void *context, struct pvk_event **result)
{
	int err;

	mutex_lock(&ports_lock);
	err = bind(port, name, priority, upcall, context, result);
	mutex_unlock(&ports_lock);
	return err;
}

/* With ports_lock held. */
static int open_port(struct pvk_bus *bus, pvk_upcall upcall, void *context,
		     struct pvk_event **result)
{
	pvk_u32 port;
	int err = pvk_own_port_open(pvk_own_backend_domid(bus), &port);

	if (err)
		return err;
	err = bind(port, pvk_bus_name(bus), READ_ONCE(device_priority), upcall, context, result);
	if (err)
		pvk_own_port_close(port);
	else
		container_of(*result, struct own_event, event)->ours = true;
	return err;
}

int pvk_own_event_open(struct pvk_bus *bus, pvk_upcall upcall, void *context,
		       struct pvk_event **result)
{
	int err;

	mutex_lock(&ports_lock);
	err = open_port(bus, upcall, context, result);
	mutex_unlock(&ports_lock);
	return err;
}

/* A queue that holds a closed port would deliver it as whatever its number is next. */
static bool wait_unqueued(pvk_u32 port)
{
	unsigned int tries;

	for (tries = 0; tries < UNQUEUE_TRIES && pvk_own_port_is_queued(port); tries++)
		usleep_range(100, 1000);
	return tries < UNQUEUE_TRIES;
}

static void close_port(struct own_event *event)
{
	pvk_u32 port = event->event.port;
	/* One of a former life has a number that may be another's by now. */
	bool unqueued = READ_ONCE(event->open) && wait_unqueued(port);

	mutex_lock(&ports_lock);
	if (event->open) {
		if (!unqueued)
			pr_warn("pvkit: port %u stays in a CPU's queue: it is not given back\n",
				port);
		else if (event->ours)
			pvk_own_port_close(port);
		WRITE_ONCE(pvk_own_ports[port], NULL);
	}
	mutex_unlock(&ports_lock);
}

/* From here on nobody else masks, unmasks or moves the port, nor starts work that would. */
static void silence(struct own_event *event)
{
	unsigned long flags;

	raw_spin_lock_irqsave(&event->lock, flags);
	event->closing = true;
	if (event->open)
		pvk_own_port_mask(event->event.port);
	raw_spin_unlock_irqrestore(&event->lock, flags);
}

/*
 * A backend may send all the while. The order is what keeps its events off what is gone: silent
 * first; then no upcall runs that began before (it has interrupts off: once each CPU was seen with
 * them on, none does), and none that begins later finds the port unmasked; then no work runs, and
 * nobody is left who would start it. Only now does the interrupt go, whose counter each upcall
 * writes to, and the port. Last the event, which who walks the slots may just have seen.
 */
void pvk_own_event_close(struct pvk_event *closing)
{
	struct own_event *event = container_of(closing, struct own_event, event);

	silence(event);
	synchronize_rcu();
	cancel_delayed_work_sync(&event->wake);
	cancel_delayed_work_sync(&event->recheck);
	take_irq(event);
	close_port(event);
	kfree_rcu(event, rcu);
}

void pvk_own_notify(pvk_u32 port)
{
	pvk_own_port_send(port);
}

/*
 * In a restored domain: every channel of ours is gone with the old domain, and its number may be
 * another's soon. Those that the toolstack opens are there again, where they were.
 */
void pvk_own_events_resume(void)
{
	struct own_event *event;
	pvk_u32 port;

	for (port = 0; port < pvk_own_nr_ports; port++) {
		event = pvk_own_ports[port];
		if (!event)
			continue;
		if (event->ours) {
			event->ours = false;
			event->open = false;
			pvk_own_ports[port] = NULL;
		} else if (!event->closing && !pvk_own_port_move(port, event->cpu)) {
			pvk_own_port_priority(port, event->priority);
			/* One that is asleep is woken, as it would have been. */
			if (!event->asleep)
				pvk_own_port_unmask(port);
		}
	}
}

/* No port is half open, or half closed, when the domain it is of ends. */
void pvk_own_events_hold(void)
{
	mutex_lock(&ports_lock);
}

void pvk_own_events_carry_on(int cancelled)
{
	mutex_unlock(&ports_lock);
}

int pvk_own_events_start(void)
{
	pvk_own_nr_ports = pvk_own_port_limit();
	pvk_own_ports = kvcalloc(pvk_own_nr_ports, sizeof(*pvk_own_ports), GFP_KERNEL);
	pvk_own_event_queue = alloc_workqueue("pvkit_events", WQ_MEM_RECLAIM, 0);
	if (pvk_own_ports && pvk_own_event_queue)
		return 0;
	pvk_own_events_stop();
	return -ENOMEM;
}

void pvk_own_events_stop(void)
{
	pvk_own_event_moves_stop();
	if (pvk_own_event_queue)
		destroy_workqueue(pvk_own_event_queue);
	pvk_own_event_queue = NULL;
	kvfree(pvk_own_ports);
	pvk_own_ports = NULL;
}
