// SPDX-License-Identifier: GPL-2.0-only
/*
 * Pages of the balloon: allocated here, without memory, because that was given to the host.
 * Such a page is never freed before the host gave memory for it again.
 */
#include <linux/gfp.h>
#include <linux/list.h>
#include <linux/mm.h>
#include <linux/page-flags.h>

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

u64 pvk_balloon_abandon_pages(void)
{
	const u64 abandoned = given;

	INIT_LIST_HEAD(&balloon);
	given = 0;
	return abandoned;
}
