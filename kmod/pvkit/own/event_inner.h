/* SPDX-License-Identifier: GPL-2.0-only */
/* What events.c and event_moves.c share: a channel, and where all of them are. */
#ifndef PVKIT_KMOD_OWN_EVENT_INNER_H
#define PVKIT_KMOD_OWN_EVENT_INNER_H

#include <linux/irq.h>
#include <linux/irqdesc.h>
#include <linux/rcupdate.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/own.h"

#define PVK_OWN_NO_MOVE	UINT_MAX

struct own_event {
	struct pvk_event event;
	raw_spinlock_t lock;		/* whether the port is masked, and where it is bound */
	unsigned int cpu;		/* where its events come */
	unsigned int priority;
	unsigned int move_to;		/* a CPU, or PVK_OWN_NO_MOVE */
	pvk_upcall upcall;
	void *context;
	struct irq_desc *desc;
	unsigned int irq;
	struct delayed_work recheck;
	struct delayed_work wake;
	bool asleep;			/* masked, because it stormed */
	bool closing;			/* masked for good: nobody touches the port any more */
	struct pvk_own_throttle throttle;
	bool ours;			/* the port is closed with the event */
	bool open;
	struct rcu_head rcu;
};

/* By number; a slot is read by upcalls, and by who has rcu_read_lock(). */
extern struct own_event **pvk_own_ports;
extern pvk_u32 pvk_own_nr_ports;	/* of the first ABI: there may be fewer by now */
/* Memory may wait for a disk that closes its channel, which waits for the channel's work. */
extern struct workqueue_struct *pvk_own_event_queue;

/* Binds the port where its interrupt's affinity says, and opens it. With cpus_read_lock() held. */
int pvk_own_event_place(struct own_event *event);
int pvk_own_event_set_affinity(struct irq_data *data, const struct cpumask *mask, bool force);
/* After an event, on the CPU that took it: moves what is to be moved. */
void pvk_own_event_move_on(struct own_event *event);
/* The event's work after each move. */
void pvk_own_event_recheck(struct work_struct *work);
/* Nobody moves anything any more, once no channel is open. */
void pvk_own_event_moves_stop(void);

#endif
