// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages that Xen is given for the FIFO ABI. It writes to them until the domain ends, so once there
 * is one this module stays.
 */
#include <linux/gfp.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/string.h>

#include "kmod/pvkit/own/own.h"

#define MOST_PAGES	128	/* of 1,024 ports */

static bool fifo;
module_param(fifo, bool, 0444);
MODULE_PARM_DESC(fifo, "Event channels by the FIFO ABI: more than 4096, but the module stays "
		       "until the next boot (default no)");

static DEFINE_MUTEX(pages_lock);
static void *control[PVK_OWN_CPUS];	/* by the kernel's number of a CPU */
static void *words[MOST_PAGES];
static unsigned int nr_words;
static bool pinned;

bool pvk_own_fifo(void)
{
	return fifo;
}

static void *new_page(void)
{
	void *page = (void *)get_zeroed_page(GFP_KERNEL);

	if (page && !pinned) {
		__module_get(THIS_MODULE);
		pinned = true;
	}
	return page;
}

int pvk_own_fifo_cpu(unsigned int cpu)
{
	int err;

	/* Xen takes no second one: a CPU that comes back has its own. */
	if (!fifo || control[cpu])
		return 0;
	control[cpu] = new_page();
	if (!control[cpu])
		return -ENOMEM;
	err = pvk_own_fifo_add_cpu(cpu, control[cpu]);
	if (err) {
		free_page((unsigned long)control[cpu]);
		control[cpu] = NULL;
	}
	return err;
}

static int add_words(void)
{
	void *page = new_page();
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

/* In a restored domain, while everything stands still: the same pages, as new. */
int pvk_own_fifo_resume(void)
{
	unsigned int i;
	int err = 0;

	if (!fifo)
		return 0;
	for (i = 0; i < PVK_OWN_CPUS && !err; i++) {
		if (!control[i])
			continue;
		clear_page(control[i]);
		err = pvk_own_fifo_add_cpu(i, control[i]);
	}
	for (i = 0; i < nr_words && !err; i++)
		err = pvk_own_fifo_add_page(words[i]);
	return err;
}
