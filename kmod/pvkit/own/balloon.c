// SPDX-License-Identifier: GPL-2.0-only
/*
 * The balloon: pages that are allocated here and have no memory behind them, because it was given
 * to the host. Such a page is never freed before the host gave memory for it again.
 */
#include <linux/delay.h>
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/page-flags.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"

#define MEMORY		"memory"
#define KIB_PER_PAGE	(PAGE_SIZE / 1024)
#define LAST_TRIES	50

/* No memory is looked for hard, and none is taken that others need more. */
#define BALLOON_GFP	(GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

static bool wanted = true;
module_param_named(balloon, wanted, bool, 0444);
MODULE_PARM_DESC(balloon, "follow the memory target that the toolstack sets (default: yes)");

static void balloon_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(item, balloon_work);

static DEFINE_MUTEX(lock);		/* of all below */
static LIST_HEAD(balloon);
static u64 gfns[PVK_BALLOON_BATCH];
static struct pvk_balloon_order order;
static u64 given, to_give, taken_by_oom;

static bool target_changed;
static bool running;

static struct pvk_balloon_view view_now(void)
{
	const long available = si_mem_available();

	return (struct pvk_balloon_view) {
		.total = totalram_pages() + given,
		.given = given,
		.available = available > 0 ? available : 0,
	};
}

/* Dumps and hibernation leave an offline page alone: there is nothing to read. */
static void hide(struct page *page)
{
	list_move_tail(&page->lru, &balloon);
	__SetPageOffline(page);
	adjust_managed_page_count(page, -1);
	given++;
}

static void show_again(struct page *page)
{
	list_del(&page->lru);
	__ClearPageOffline(page);
	adjust_managed_page_count(page, 1);
	given--;
	__free_page(page);
}

static u64 give(u64 count)
{
	struct page *page, *next;
	LIST_HEAD(batch);
	u64 done, i = 0;

	while (i < count) {
		page = alloc_page(BALLOON_GFP);
		if (!page)
			break;
		list_add_tail(&page->lru, &batch);
		gfns[i++] = page_to_pfn(page);
	}
	if (!i)
		return 0;
	done = pvk_balloon_give(gfns, i);
	i = 0;
	list_for_each_entry_safe(page, next, &batch, lru) {
		if (i++ < done) {
			hide(page);
		} else {
			list_del(&page->lru);
			__free_page(page);
		}
	}
	return done;
}

static u64 take(u64 count)
{
	struct page *page;
	u64 done, i = 0;

	list_for_each_entry(page, &balloon, lru) {
		if (i == count)
			break;
		gfns[i++] = page_to_pfn(page);
	}
	if (!i)
		return 0;
	done = pvk_balloon_take(gfns, i);
	for (i = 0; i < done; i++)
		show_again(list_first_entry(&balloon, struct page, lru));
	return done;
}

static int read_kib(const char *key, u64 *kib)
{
	char text[24];
	int length = pvk_store_read(0, MEMORY, key, text, sizeof(text));
	pvk_u64 number;
	int err = length < 0 ? length : pvk_balloon_number(text, length, &number);

	if (!err)
		*kib = number;
	else if (err != -ENOENT)
		pr_warn("pvkit: " MEMORY "/%s makes no sense (%d)\n", key, err);
	return err;
}

/* Without a maximum in xenstore it is what the domain has now and what it gave up. */
static void read_order(void)
{
	struct pvk_balloon_order found = { .video_ram = 0 };
	bool has_max;

	if (read_kib("target", &found.target))
		return;
	has_max = !read_kib("static-max", &found.static_max);
	if (has_max)
		read_kib("videoram", &found.video_ram);
	mutex_lock(&lock);
	if (!has_max)
		found.static_max = (pvk_balloon_reservation() + given) * KIB_PER_PAGE;
	order = found;
	to_give = pvk_balloon_aim(&order);
	mutex_unlock(&lock);
}

static u32 one_step(void)
{
	struct pvk_balloon_view view;
	struct pvk_balloon_step step;
	u64 done = 0;
	u32 delay;

	mutex_lock(&lock);
	view = view_now();
	step = pvk_balloon_next(&view);
	if (step.kind == PVK_BALLOON_GIVE)
		done = give(step.pages);
	else if (step.kind == PVK_BALLOON_TAKE)
		done = take(step.pages);
	view = view_now();
	delay = pvk_balloon_finished(&step, done, &view);
	mutex_unlock(&lock);
	return delay;
}

static void balloon_work(struct work_struct *work)
{
	u32 delay;

	if (xchg(&target_changed, false))
		read_order();
	delay = one_step();
	if (delay != PVK_BALLOON_DONE)
		schedule_delayed_work(&item, msecs_to_jiffies(delay));
}

static void target_moved(struct pvk_store_watch *watch, const char *path)
{
	WRITE_ONCE(target_changed, true);
	mod_delayed_work(system_wq, &item, 0);
}

static struct pvk_store_watch watch = {
	.path = MEMORY "/target",
	.changed = target_moved,
};

/* Somebody would be killed. Allocates nothing and waits for nobody. */
static int out_of_memory_near(struct notifier_block *block, unsigned long unused, void *freed)
{
	struct pvk_balloon_view view;
	u64 done;

	if (!mutex_trylock(&lock))
		return NOTIFY_OK;
	view = view_now();
	done = take(pvk_balloon_pressed(&view));
	taken_by_oom += done;
	*(unsigned long *)freed += done;
	mutex_unlock(&lock);
	if (done)
		schedule_delayed_work(&item, HZ);
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = { .notifier_call = out_of_memory_near };

int pvk_balloon_start(void)
{
	int err;

	if (!wanted)
		return 0;
	err = register_oom_notifier(&oom_notifier);
	if (err)
		return err;
	err = pvk_store_watch(&watch);
	if (err)
		unregister_oom_notifier(&oom_notifier);
	running = !err;
	return err;
}

/* The pages that stay are nobody's: allocated, without memory, and no harm is done. */
static void take_all_back(void)
{
	unsigned int tries = LAST_TRIES;

	mutex_lock(&lock);
	while (given && tries) {
		if (take(PVK_BALLOON_BATCH))
			continue;
		tries--;
		msleep(100);
	}
	if (given)
		pr_warn("pvkit: the host has no memory for %llu pages: they stay reserved\n",
			given);
	given = 0;
	INIT_LIST_HEAD(&balloon);
	mutex_unlock(&lock);
}

void pvk_balloon_stop(void)
{
	if (!running)
		return;
	running = false;
	pvk_store_unwatch(&watch);
	unregister_oom_notifier(&oom_notifier);
	cancel_delayed_work_sync(&item);
	take_all_back();
}

/* What was given up stayed so; only the target may be another. */
void pvk_balloon_resume(int cancelled)
{
	if (running)
		target_moved(&watch, watch.path);
}

void pvk_balloon_counters(struct seq_file *file)
{
	mutex_lock(&lock);
	seq_printf(file, "target_kib %llu\nstatic_max_kib %llu\nvideo_ram_kib %llu\n",
		   order.target, order.static_max, order.video_ram);
	seq_printf(file, "pages_to_give %llu\npages_given %llu\n", to_give, given);
	seq_printf(file, "pages_taken_by_oom %llu\n", taken_by_oom);
	mutex_unlock(&lock);
}
