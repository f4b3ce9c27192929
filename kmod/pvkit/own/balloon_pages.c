// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the balloon: allocated here, without memory, because that was given to the host.
 * Such a page is never freed before the host gave memory for it again.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/memory_hotplug.h>
#include <linux/mm.h>
#include <linux/nodemask.h>
#include <linux/page-flags.h>
#include <linux/sched.h>

#include "kmod/pvkit/own/balloon.h"
#include "kmod/pvkit/own/edge_services.h"

/* No memory is looked for hard, and none is taken that others need more. */
#define BALLOON_GFP	(GFP_HIGHUSER | __GFP_NOWARN | __GFP_NORETRY | __GFP_NOMEMALLOC)

static LIST_HEAD(balloon);
static pvk_u64 gfns[PVK_BALLOON_BATCH];
static u64 given;

/* Dumps and hibernation leave an offline page alone: there is nothing to read. */
static void hide(struct page *page)
{
	list_move_tail(&page->lru, &balloon);
	__SetPageOffline(page);
	set_page_private(page, pvk_balloon_mark(page_to_pfn(page)));
	adjust_managed_page_count(page, -1);
	given++;
}

static void show_again(struct page *page)
{
	list_del(&page->lru);
	set_page_private(page, 0);
	__ClearPageOffline(page);
	adjust_managed_page_count(page, 1);
	given--;
	__free_page(page);
}

u64 pvk_balloon_give_pages(u64 count)
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

u64 pvk_balloon_take_pages(u64 count)
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

u64 pvk_balloon_given(void)
{
	return given;
}

u64 pvk_balloon_leave_pages(void)
{
	const u64 left = given;

	INIT_LIST_HEAD(&balloon);
	given = 0;
	return left;
}

/* Others have offline pages too, but not with this mark. */
static bool is_left(struct page *page, unsigned long pfn)
{
	return page && PageOffline(page) && pvk_balloon_is_marked(pfn, page_private(page));
}

static unsigned long end_of_memory(void)
{
	unsigned long end = 0;
	int node;

	for_each_online_node(node)
		end = max(end, node_end_pfn(node));
	return end;
}

u64 pvk_balloon_find_pages(bool adopt)
{
	const unsigned long end = end_of_memory();
	unsigned long pfn;
	struct page *page;
	u64 found = 0;

	for (pfn = 0; pfn < end; pfn++) {
		if (!(pfn % PVK_BALLOON_BATCH))
			cond_resched();
		page = pfn_to_online_page(pfn);
		if (!is_left(page, pfn))
			continue;
		found++;
		if (adopt)	/* its links are those of a list that is no more */
			list_add_tail(&page->lru, &balloon);
	}
	if (adopt)
		given += found;
	return found;
}
