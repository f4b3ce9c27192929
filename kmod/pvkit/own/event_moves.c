// SPDX-License-Identifier: GPL-2.0-only
/*
 * On which CPU a channel's events come: as the affinity of its interrupt says, and elsewhere when
 * that CPU goes offline. docs/event-channels.md has why no event is lost.
 *
 * A move tells Xen and then the views of CPUs: two of one port at once would leave Xen with one CPU
 * and the views with another. So each is made under the channel's lock.
 */
#include <linux/cpu.h>
#include <linux/interrupt.h>

#include "kmod/pvkit/own/event_inner.h"

/*
 * Xen looks up the vCPU before it marks an event, which takes it microseconds. In jiffies: one
 * alone may be over at once.
 */
#define SENDS_END	2

static struct cpumask departed;	/* CPUs that left, and have to be looked at again */

static void sweep(struct work_struct *work);
static DECLARE_DELAYED_WORK(sweep_work, sweep);

static void look_again(unsigned int cpu)
{
	cpumask_set_cpu(cpu, &departed);
	mod_delayed_work(pvk_own_event_queue, &sweep_work, SENDS_END);
}

static unsigned int a_cpu_for(const struct cpumask *mask)
{
	static atomic_t turn = ATOMIC_INIT(0);
	unsigned int count = 0, cpu, wanted;

	for_each_cpu_and(cpu, mask, cpu_online_mask)
		count += pvk_own_cpu_takes_upcalls(cpu);
	if (!count)
		return PVK_OWN_NO_MOVE;
	wanted = (unsigned int)atomic_inc_return(&turn) % count;
	for_each_cpu_and(cpu, mask, cpu_online_mask) {
		if (pvk_own_cpu_takes_upcalls(cpu) && !wanted--)
			return cpu;
	}
	return PVK_OWN_NO_MOVE;
}

/*
 * With the lock held, and not while the upcall runs: only from the channel's own CPU, or when that
 * one takes no more upcalls. A CPU that was chosen may have left since, with nothing of this
 * channel to hand on: it is no more among those that take upcalls, or it will find the channel.
 *
 * An event that was being sent may be marked for the old CPU alone, which takes it for another's:
 * the port is looked at again soon.
 */
static int move_now(struct own_event *event, unsigned int cpu)
{
	pvk_u32 port = event->event.port;
	int err = -ENODEV;

	pvk_own_port_mask(port);
	if (cpu != PVK_OWN_NO_MOVE && pvk_own_cpu_takes_upcalls(cpu))
		err = pvk_own_port_move(port, cpu);
	if (!err) {
		event->cpu = cpu;
		mod_delayed_work(pvk_own_event_queue, &event->recheck, SENDS_END);
	}
	if (!event->asleep)
		pvk_own_port_unmask(port);
	/* One that waits in the old CPU's queue is moved after it was taken out. */
	if (err != -EAGAIN)
		WRITE_ONCE(event->move_to, PVK_OWN_NO_MOVE);
	return err;
}

void pvk_own_event_recheck(struct work_struct *work)
{
	struct own_event *event = container_of(work, struct own_event, recheck.work);
	unsigned long flags;

	raw_spin_lock_irqsave(&event->lock, flags);
	if (event->open && !event->closing)
		pvk_own_port_recheck(event->event.port);
	raw_spin_unlock_irqrestore(&event->lock, flags);
}

/*
 * Affinity that changes before this is what it finds, and what changes later finds the channel
 * open. The CPU stays online meanwhile.
 */
int pvk_own_event_place(struct own_event *event)
{
	pvk_u32 port = event->event.port;
	unsigned long flags;
	unsigned int cpu;
	int err = -ENODEV;

	raw_spin_lock_irqsave(&event->lock, flags);
	cpu = event->cpu;
	if (!pvk_own_cpu_takes_upcalls(cpu))
		cpu = a_cpu_for(cpu_online_mask);
	if (cpu != PVK_OWN_NO_MOVE)
		err = pvk_own_port_move(port, cpu);
	if (!err) {
		pvk_own_port_priority(port, event->priority);
		event->cpu = cpu;
		event->open = true;
		smp_store_release(&pvk_own_ports[port], event); /* who sees it sees all of it */
		pvk_own_port_unmask(port);
	}
	raw_spin_unlock_irqrestore(&event->lock, flags);
	return err;
}

/*
 * The CPU that takes the events moves them itself, after the next one: so an upcall never runs on
 * two CPUs. From one that takes none any more they are moved at once.
 */
static void ask(struct own_event *event, unsigned int cpu)
{
	bool moves = event->open && cpu != event->cpu;

	WRITE_ONCE(event->move_to, moves ? cpu : PVK_OWN_NO_MOVE);
	if (!event->open)
		event->cpu = cpu;
	else if (!pvk_own_cpu_takes_upcalls(event->cpu) && move_now(event, cpu) == -EAGAIN)
		look_again(event->cpu);
}

int pvk_own_event_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force)
{
	struct own_event *event = irq_data_get_irq_chip_data(data);
	unsigned int cpu = a_cpu_for(mask);
	unsigned long flags;

	if (cpu == PVK_OWN_NO_MOVE)
		return -EINVAL;
	raw_spin_lock_irqsave(&event->lock, flags);
	if (!event->closing) {
		irq_data_update_effective_affinity(data, cpumask_of(cpu));
		ask(event, cpu);
	}
	raw_spin_unlock_irqrestore(&event->lock, flags);
	return IRQ_SET_MASK_OK_DONE;
}

/*
 * The lock tells which request this is: one that comes meanwhile is not lost. With FIFO an event
 * may come late, on a CPU that the channel has left: its new one may be in the handler.
 */
void pvk_own_event_move_on(struct own_event *event)
{
	raw_spin_lock(&event->lock);
	if (!event->closing && event->move_to != PVK_OWN_NO_MOVE &&
	    event->cpu == smp_processor_id())
		move_now(event, event->move_to);
	raw_spin_unlock(&event->lock);
}

/* Whether @act, with the lock held, says so of one of the channels whose events come to @cpu. */
static bool any_of(unsigned int cpu, bool (*act)(struct own_event *event))
{
	struct own_event *event;
	unsigned long flags;
	bool any = false;
	pvk_u32 port;

	rcu_read_lock();
	for (port = 0; port < pvk_own_nr_ports; port++) {
		event = READ_ONCE(pvk_own_ports[port]);
		if (!event)
			continue;
		raw_spin_lock_irqsave(&event->lock, flags);
		if (event->cpu == cpu && event->open && !event->closing && act(event))
			any = true;
		raw_spin_unlock_irqrestore(&event->lock, flags);
	}
	rcu_read_unlock();
	return any;
}

static bool mask(struct own_event *event)
{
	pvk_own_port_mask(event->event.port);
	return false;
}

/* False: moved, or it never will be. */
static bool has_to_wait(struct own_event *event)
{
	unsigned int to = event->move_to;
	int err;

	if (to == PVK_OWN_NO_MOVE || !pvk_own_cpu_takes_upcalls(to))
		to = a_cpu_for(cpu_online_mask);
	err = move_now(event, to);
	if (err && err != -EAGAIN)
		pr_warn("pvkit: port %u stays on CPU %u, which is offline (%d)\n",
			event->event.port, event->cpu, err);
	return err == -EAGAIN;
}

/*
 * Takes all channels of a CPU that takes no upcalls to others. With all of them masked first its
 * FIFO queues have an end; a port that a late send links there all the same has to wait.
 */
static bool clear_out(unsigned int cpu)
{
	unsigned long flags;

	any_of(cpu, mask);
	local_irq_save(flags);
	while (pvk_own_take_over(cpu))
		;
	local_irq_restore(flags);
	return any_of(cpu, has_to_wait);
}

/*
 * With FIFO a send that had looked up the CPU while it was there links a port that is another's by
 * now into its queue. In no other queue will Xen link it, whoever unmasks it: so once such sends
 * are over the queues of a CPU that has left are emptied again. One that is back does so itself.
 */
static void sweep(struct work_struct *work)
{
	unsigned int cpu;

	cpus_read_lock();
	for_each_cpu(cpu, &departed) {
		cpumask_clear_cpu(cpu, &departed);
		/* Nobody else is at its queues: it is not there, and does not come meanwhile. */
		if (!cpu_online(cpu) && clear_out(cpu))
			look_again(cpu);
	}
	cpus_read_unlock();
}

void pvk_own_events_leave(unsigned int cpu)
{
	clear_out(cpu);
	look_again(cpu);
}

void pvk_own_event_moves_stop(void)
{
	cancel_delayed_work_sync(&sweep_work);
	cpumask_clear(&departed);
}
