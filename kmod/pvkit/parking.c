// SPDX-License-Identifier: GPL-2.0-only
/*
 * Grants for the runtime (platform.h), by the way that this guest goes, and the parking lot for
 * those that a backend does not give back.
 */
#include <linux/delay.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/pvkit.h"

#define RETRY_MS	20
#define SLOW_RETRY_MS	1000
#define SLOW_AFTER	50	/* tries */
#define EXIT_TRIES	250

/*
 * Every reserved reference brings the record that it needs to be parked, so that parking never
 * allocates and cannot fail.
 */
struct parked_grant {
	struct list_head list;
	pvk_u32 ref;
	struct page *page;
	unsigned int tries;
};

static DEFINE_SPINLOCK(lot_lock);	/* all of the below; taken with interrupts off */
static LIST_HEAD(spare_records);
static LIST_HEAD(parked_grants);
static struct pvk_held held;

static void retry_parked(struct work_struct *work);
static DECLARE_DELAYED_WORK(retry_work, retry_parked);

static void free_records(struct list_head *records)
{
	struct parked_grant *record, *next;

	list_for_each_entry_safe(record, next, records, list)
		kfree(record);
}

static int add_records(unsigned int count)
{
	struct parked_grant *record;
	LIST_HEAD(records);
	unsigned int i;

	for (i = 0; i < count; i++) {
		record = kzalloc(sizeof(*record), GFP_KERNEL);
		if (!record) {
			free_records(&records);
			return -ENOMEM;
		}
		list_add(&record->list, &records);
	}
	spin_lock_irq(&lot_lock);
	list_splice(&records, &spare_records);
	held.grants += count;
	spin_unlock_irq(&lot_lock);
	return 0;
}

static void drop_records(unsigned int count)
{
	LIST_HEAD(records);
	unsigned long flags;
	unsigned int i;

	spin_lock_irqsave(&lot_lock, flags);
	held.grants -= count;
	for (i = 0; i < count; i++)
		list_move(spare_records.next, &records);
	spin_unlock_irqrestore(&lot_lock, flags);
	free_records(&records);
}

int pvk_grant_reserve(unsigned int count, pvk_u32 *first)
{
	int err = add_records(count);

	if (err)
		return err;
	err = pvk_way->grant_reserve(count, first);
	if (err)
		drop_records(count);
	return err;
}
EXPORT_SYMBOL_GPL(pvk_grant_reserve);

void pvk_grant_release(pvk_u32 first, unsigned int count)
{
	pvk_way->grant_release(first, count);
	drop_records(count);
}
EXPORT_SYMBOL_GPL(pvk_grant_release);

void pvk_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly)
{
	if (pvk_is_own())
		pvk_own_grant_publish(ref, domid, gfn, readonly);
	else
		pvk_client_grant_publish(ref, domid, gfn, readonly);
}
EXPORT_SYMBOL_GPL(pvk_grant_publish);

int pvk_grant_revoke(pvk_u32 ref)
{
	return pvk_is_own() ? pvk_own_grant_revoke(ref) : pvk_client_grant_revoke(ref);
}
EXPORT_SYMBOL_GPL(pvk_grant_revoke);

int pvk_grant_end(pvk_u32 ref)
{
	int err = pvk_way->grant_end(ref);

	if (!err)
		drop_records(1);
	return err;
}
EXPORT_SYMBOL_GPL(pvk_grant_end);

void pvk_grant_park(pvk_u32 ref, void *page, int owned)
{
	struct parked_grant *record;
	unsigned long flags;

	spin_lock_irqsave(&lot_lock, flags);
	record = list_first_entry(&spare_records, struct parked_grant, list);
	record->ref = ref;
	record->page = virt_to_page(page);
	record->tries = 0;
	/* A page of somebody else stays allocated until the backend lets go of it. */
	if (!owned)
		get_page(record->page);
	list_move_tail(&record->list, &parked_grants);
	held.parked++;
	held.parked_ever++;
	spin_unlock_irqrestore(&lot_lock, flags);
	schedule_delayed_work(&retry_work, msecs_to_jiffies(RETRY_MS));
}
EXPORT_SYMBOL_GPL(pvk_grant_park);

/* Moves those that the backend has given back to @ended; returns the delay to the next try. */
static unsigned int collect_ended(struct list_head *ended)
{
	struct parked_grant *record, *next;
	unsigned int delay = SLOW_RETRY_MS;

	spin_lock_irq(&lot_lock);
	list_for_each_entry_safe(record, next, &parked_grants, list) {
		if (!pvk_way->grant_end(record->ref)) {
			list_move(&record->list, ended);
			held.parked--;
			held.grants--;
		} else if (++record->tries < SLOW_AFTER) {
			delay = RETRY_MS;
		} else if (record->tries == SLOW_AFTER) {
			pr_warn("pvkit: the backend still holds grant %u\n", record->ref);
		}
	}
	spin_unlock_irq(&lot_lock);
	return delay;
}

static void retry_parked(struct work_struct *work)
{
	struct parked_grant *record;
	LIST_HEAD(ended);
	unsigned int delay = collect_ended(&ended);

	list_for_each_entry(record, &ended, list)
		put_page(record->page);
	free_records(&ended);
	if (!list_empty(&parked_grants))
		schedule_delayed_work(&retry_work, msecs_to_jiffies(delay));
}

void pvk_parking_exit(void)
{
	struct parked_grant *record;
	unsigned int tries;

	for (tries = 0; tries < EXIT_TRIES && !list_empty(&parked_grants); tries++)
		msleep(RETRY_MS);
	cancel_delayed_work_sync(&retry_work);
	list_for_each_entry(record, &parked_grants, list)
		pvk_way->grant_abandon(record->ref, record->page);
	free_records(&parked_grants);
	free_records(&spare_records);
}

void pvk_count_held(struct pvk_held *result)
{
	spin_lock_irq(&lot_lock);
	*result = held;
	spin_unlock_irq(&lot_lock);
	result->events = pvk_events_open();
}
