// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that Xen is given for the FIFO ABI. It writes to them until the domain ends, so once it has
 * one this module stays. A Xen that wants none is as good: then channels are 2-level.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "kmod/pvkit/own/own.h"

#define MOST_PAGES	128	/* of 1,024 ports */

static bool fifo;
module_param(fifo, bool, 0444);
MODULE_PARM_DESC(fifo, "Event channels by the FIFO ABI, if Xen has it: more than 4096, but the "
		       "module stays until the next boot (default no)");

static DEFINE_MUTEX(pages_lock);
static void *control[PVK_OWN_CPUS];	/* by the kernel's number of a CPU */
static void *words[MOST_PAGES];
static unsigned int nr_words;
static bool pinned;
static int unusable;	/* Xen's FIFO channels are none that we know */

bool pvk_own_fifo(void)
{
	return fifo;
}

/* Xen has a page of ours from now on. */
static void stay(void)
{
	if (!pinned)
		pvk_own_stay("pages of FIFO channels");
	pinned = true;
}

static void go_without(int err)
{
	pr_warn("pvkit: Xen refuses FIFO channels (%d): going on with 2-level ones\n", err);
	fifo = false;
	pvk_own_events_two_level();
}

/* Xen's first answer decides for the domain, before there is any upcall. */
static int refused(int err)
{
	if (!pinned) {
		go_without(err);
		return 0;
	}
	return err;
}

static int give_control(unsigned int cpu)
{
	void *page = (void *)get_zeroed_page(GFP_KERNEL);
	int err;

	if (!page)
		return -ENOMEM;
	err = pvk_own_fifo_add_cpu(cpu, page);
	if (!pvk_own_fifo_has_cpu(cpu)) {
		free_page((unsigned long)page);
		return refused(err);
	}
	stay();
	control[cpu] = page;
	/* Taken, but for words of another layout than ours: no way on and none back. */
	unusable = err;
	return err;
}

int pvk_own_fifo_cpu(unsigned int cpu)
{
	if (!fifo)
		return 0;
	if (unusable)
		return unusable;
	/* Xen takes no second one: a CPU that comes back has its own. */
	return pvk_own_fifo_has_cpu(cpu) ? 0 : give_control(cpu);
}

static int add_words(void)
{
	void *page = (void *)get_zeroed_page(GFP_KERNEL);
	int err;

	if (!page)
		return -ENOMEM;
	err = pvk_own_fifo_add_page(page);
	if (err)
		free_page((unsigned long)page);
	else
		words[nr_words++] = page;
	return err;
}

int pvk_own_fifo_port(pvk_u32 port)
{
	int err = 0;

	if (!fifo)
		return 0;
	mutex_lock(&pages_lock);
	while (!err && port >= pvk_own_fifo_ports())
		err = nr_words < MOST_PAGES ? add_words() : -ENOSPC;
	mutex_unlock(&pages_lock);
	return err;
}

static int give_words_again(void)
{
	unsigned int i;
	int err = 0;

	for (i = 0; i < nr_words && !err; i++)
		err = pvk_own_fifo_add_page(words[i]);
	return err;
}

/*
 * In a restored domain, while everything stands still: the same pages, as new. This host's Xen may
 * not have FIFO channels; then the pages are nobody's and kept for nothing.
 */
int pvk_own_fifo_resume(void)
{
	bool first = true;
	unsigned int i;
	int err;

	if (!fifo)
		return 0;
	for (i = 0; i < PVK_OWN_CPUS; i++) {
		if (!control[i])
			continue;
		clear_page(control[i]);
		err = pvk_own_fifo_add_cpu(i, control[i]);
		if (err && first && !pvk_own_fifo_has_cpu(i)) {
			go_without(err);
			return 0;
		}
		if (err)
			return err;
		first = false;
	}
	return give_words_again();
}
