// SPDX-License-Identifier: GPL-2.0-only
/* The grant table that pvkit.ko owns: its memory, and who may change what when. */
#include <linux/bug.h>
#include <linux/kernel.h>
#include <linux/mm.h>
#include <linux/moduleparam.h>
#include <linux/mutex.h>
#include <linux/preempt.h>
#include <linux/slab.h>
#include <linux/spinlock.h>

#include "kmod/pvkit/own/grants.h"
#include "kmod/pvkit/own/own.h"

#define LATEST_VERSION	2

static int set_version(const char *text, const struct kernel_param *param)
{
	return param_set_uint_minmax(text, param, 0, LATEST_VERSION);
}

static const struct kernel_param_ops version_ops = {
	.set = set_version,
	.get = param_get_uint,
};

static unsigned int version;
module_param_cb(grant_version, &version_ops, &version, 0444);
__MODULE_PARM_TYPE(grant_version, "uint");
MODULE_PARM_DESC(grant_version, "Grant table version: 1, 2, or 0 for the one that suits this "
				"guest's memory (default 0)");

static DEFINE_MUTEX(growth_lock);
static DEFINE_SPINLOCK(references_lock);	/* taken with interrupts off, inside the other */
static pvk_u64 *words;				/* a bit for each reference */

/* The version may be another one than was asked for, which works as well. */
static int settle(struct pvk_own_grant_room *room)
{
	int err = pvk_own_grant_table_settle(version, room);

	if (!err && version && room->version != version)
		pr_notice("pvkit: grant table version %u cannot be had here: it is %u\n", version,
			  room->version);
	return err;
}

int pvk_own_grants_start(void)
{
	struct pvk_own_grant_room room;
	void *window;
	pvk_u64 gfn;
	int err = settle(&room);

	if (err)
		return err;
	window = pvk_own_frames(room.pages, &gfn);
	if (!window)
		return -ENOMEM;
	words = kvcalloc(room.words, sizeof(*words), GFP_KERNEL);
	if (!words)
		return -ENOMEM;
	err = pvk_own_grant_table_open(window, gfn, words);
	if (err) {
		kvfree(words);
		words = NULL;
	}
	return err;
}

/* What is published still, because a backend kept it, stays so for whoever opens the table next. */
void pvk_own_grants_stop(void)
{
	pvk_own_grant_table_close();
	kvfree(words);
	words = NULL;
}

/*
 * While everything stands still. Devices whose references are lost publish nothing with them; they
 * ask for others when they meet their backends again, and those that get none go down.
 */
int pvk_own_grants_resume(void)
{
	struct pvk_own_grant_numbers before, now;
	int err;

	pvk_own_grant_table_count(&before);
	err = pvk_own_grant_table_resume();
	pvk_own_grant_table_count(&now);
	if (err)
		pr_err("pvkit: no grant table of version %u with %u frames on this host, which "
		       "allows %u (%d)\n", before.version, before.frames, now.max_frames, err);
	else if (now.frames < before.frames)
		pr_err("pvkit: the grant table has %u frames instead of %u, and this host allows "
		       "%u: %u references in use are lost\n", now.frames, before.frames,
		       now.max_frames, now.lost);
	return err;
}

static int take(unsigned int count, pvk_u32 *first)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&references_lock, flags);
	err = pvk_own_grant_table_take(count, first);
	if (err == -ENOSPC && !pvk_own_grant_table_could_take(count))
		err = -E2BIG;
	spin_unlock_irqrestore(&references_lock, flags);
	return err;
}

/*
 * Stopping the domain waits for code that cannot be preempted, so a frame that is mapped is also
 * known to be: none is forgotten when the domain is restored.
 */
static int add_frame(void)
{
	unsigned long flags;
	int err;

	preempt_disable();
	err = pvk_own_grant_table_map_next();
	if (!err) {
		spin_lock_irqsave(&references_lock, flags);
		pvk_own_grant_table_adopt_next();
		spin_unlock_irqrestore(&references_lock, flags);
	}
	preempt_enable();
	return err;
}

static int grow_and_take(unsigned int count, pvk_u32 *first)
{
	int err;

	mutex_lock(&growth_lock);
	/* Somebody else may have grown the table while we waited. */
	while ((err = take(count, first)) == -ENOSPC) {
		err = add_frame();
		if (err)
			break;
	}
	mutex_unlock(&growth_lock);
	return err;
}

int pvk_own_grant_reserve(unsigned int count, pvk_u32 *first)
{
	int err = take(count, first);

	if (err == -ENOSPC)
		err = grow_and_take(count, first);
	return err == -E2BIG ? -ENOSPC : err;
}

void pvk_own_grant_release(pvk_u32 first, unsigned int count)
{
	unsigned long flags;
	int err;

	spin_lock_irqsave(&references_lock, flags);
	err = pvk_own_grant_table_give_back(first, count);
	spin_unlock_irqrestore(&references_lock, flags);
	WARN_ONCE(err, "pvkit: grant %u was given back twice\n", first);
}

int pvk_own_grant_end(pvk_u32 ref)
{
	int err = pvk_own_grant_revoke(ref);

	if (!err)
		pvk_own_grant_release(ref, 1);
	return err;
}

void pvk_own_grants_count(struct pvk_own_grant_numbers *numbers)
{
	unsigned long flags;

	spin_lock_irqsave(&references_lock, flags);
	pvk_own_grant_table_count(numbers);
	spin_unlock_irqrestore(&references_lock, flags);
}
