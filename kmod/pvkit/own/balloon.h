/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The balloon's halves: balloon.c decides with the core and serialises, balloon_pages.c holds the
 * pages.
 */
#ifndef PVKIT_KMOD_OWN_BALLOON_H
#define PVKIT_KMOD_OWN_BALLOON_H

#include <linux/types.h>

/* Gives up, or takes back, at most @count (PVK_BALLOON_BATCH) pages; returns how many. */
u64 pvk_balloon_give_pages(u64 count);
u64 pvk_balloon_take_pages(u64 count);
/* How many are given up. */
u64 pvk_balloon_given(void);
/* Those that are given up are left for the next load of the module to find; returns how many. */
u64 pvk_balloon_leave_pages(void);
/* Finds those that were left; @adopt: they are this load's from now on. Looks at every page. */
u64 pvk_balloon_find_pages(bool adopt);

#endif
