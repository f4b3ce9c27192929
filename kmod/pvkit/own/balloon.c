// SPDX-License-Identifier: GPL-2.0-only
/* The balloon follows the toolstack's target, and shrinks when memory is short. */
#include <linux/delay.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/oom.h>
#include <linux/seq_file.h>
#include <linux/workqueue.h>

#include "kmod/pvkit/own/balloon.h"
#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"

#define MEMORY		"memory"
#define KIB_PER_PAGE	(PAGE_SIZE / 1024)
#define LAST_TRIES	50

static bool wanted = true;
module_param_named(balloon, wanted, bool, 0444);
MODULE_PARM_DESC(balloon, "follow the memory target that the toolstack sets (default: yes)");

static void balloon_work(struct work_struct *work);
static DECLARE_DELAYED_WORK(item, balloon_work);

static DEFINE_MUTEX(lock);	/* of all below, the core and the pages */
static struct pvk_balloon_order order;
static u64 to_give, taken_by_oom;

static bool target_changed;
static bool running;

static struct pvk_balloon_view view_now(void)
{
	const long available = si_mem_available();

	return (struct pvk_balloon_view) {
		.total = totalram_pages() + pvk_balloon_given(),
		.given = pvk_balloon_given(),
		.available = available > 0 ? available : 0,
	};
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
		found.static_max = (pvk_balloon_reservation() + pvk_balloon_given()) * KIB_PER_PAGE;
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
		done = pvk_balloon_give_pages(step.pages);
	else if (step.kind == PVK_BALLOON_TAKE)
		done = pvk_balloon_take_pages(step.pages);
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
	done = pvk_balloon_take_pages(pvk_balloon_pressed(&view));
	taken_by_oom += done;
	*(unsigned long *)freed += done;
	mutex_unlock(&lock);
	if (done)
		schedule_delayed_work(&item, HZ);
	return NOTIFY_OK;
}

static struct notifier_block oom_notifier = { .notifier_call = out_of_memory_near };

/* Before anybody else can look at the balloon. */
static void adopt(void)
{
	const u64 adopted = pvk_balloon_find_pages(true);

	if (adopted)
		pr_info("pvkit: an earlier load gave %llu pages up, and left them to this one\n",
			adopted);
}

int pvk_balloon_start(void)
{
	int err;

	if (!wanted)
		return 0;
	adopt();
	err = register_oom_notifier(&oom_notifier);
	if (!err) {
		err = pvk_store_watch(&watch);
		if (err)
			unregister_oom_notifier(&oom_notifier);
	}
	running = !err;
	if (err)
		pvk_balloon_leave_pages();
	return err;
}

/* The pages that stay are nobody's: allocated, without memory, until the module is loaded again. */
static void take_all_back(void)
{
	unsigned int tries = LAST_TRIES;
	u64 left;

	mutex_lock(&lock);
	while (pvk_balloon_given() && tries) {
		if (pvk_balloon_take_pages(PVK_BALLOON_BATCH))
			continue;
		tries--;
		msleep(100);
	}
	left = pvk_balloon_leave_pages();
	mutex_unlock(&lock);
	if (left)
		pr_warn("pvkit: the host has no memory for %llu pages: the next load has them\n",
			left);
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

u64 pvk_balloon_left(void)
{
	return pvk_balloon_find_pages(false);
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
	seq_printf(file, "pages_to_give %llu\npages_given %llu\n", to_give,
		   pvk_balloon_given());
	seq_printf(file, "pages_taken_by_oom %llu\n", taken_by_oom);
	mutex_unlock(&lock);
}
