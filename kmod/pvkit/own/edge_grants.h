/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * The C face of hypercalls/grant_table.h. Its shim serialises: those that make hypercalls exclude
 * each other, and so do those that take and give references; publish and revoke need neither.
 */
#ifndef PVKIT_KMOD_OWN_EDGE_GRANTS_H
#define PVKIT_KMOD_OWN_EDGE_GRANTS_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

/* What the table needs of us when it is as large as it may become. */
struct pvk_own_grant_room {
	pvk_u32 version;
	pvk_u32 pages;		/* guest frames in a row, without memory behind them */
	pvk_u32 words;		/* zeroed, of 64 bits */
};

struct pvk_own_grant_numbers {
	pvk_u32 version;
	pvk_u32 frames, max_frames;
	pvk_u32 references;	/* that the frames hold */
	pvk_u32 free;
	pvk_u32 foreign;	/* published by somebody before us, and left alone */
	pvk_u32 lost;		/* held, and beyond what a restored domain's host gave */
};

/* ---- hypercalls --------------------------------------------------------------------------- */

/*
 * @version: 1, 2, or 0 for what suits this domain. @room says which it is: another one when this
 * one would not do, or Xen does not allow it.
 */
int pvk_own_grant_table_settle(pvk_u32 version, struct pvk_own_grant_room *room);
int pvk_own_grant_table_open(void *window, pvk_u64 gfn, pvk_u64 *words);
void pvk_own_grant_table_close(void);
/* Maps one frame more; -ENOSPC when there is none. Does not sleep. */
int pvk_own_grant_table_map_next(void);
/* In a restored domain, whose table may be smaller now. Does not sleep. */
int pvk_own_grant_table_resume(void);

/* ---- references --------------------------------------------------------------------------- */

/* -ENOSPC: not among the present frames. */
int pvk_own_grant_table_take(pvk_u32 count, pvk_u32 *first);
/* -EINVAL, and nothing done, when one of them is free already. */
int pvk_own_grant_table_give_back(pvk_u32 first, pvk_u32 count);
/* Whether growth can give @count at all. */
int pvk_own_grant_table_could_take(pvk_u32 count);
/* The frame that was mapped last is in use from now on. */
void pvk_own_grant_table_adopt_next(void);
void pvk_own_grant_table_count(struct pvk_own_grant_numbers *numbers);

/* ---- entries: see platform.h, pvk_grant_publish and pvk_grant_revoke ---------------------- */

void pvk_own_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly);
int pvk_own_grant_revoke(pvk_u32 ref);

#ifdef __cplusplus
}
#endif

#endif
