/* SPDX-License-Identifier: GPL-2.0-only */
/* A disk's limits: a struct handed over whole since 6.9, a setter for each before. */
#ifndef PVKIT_COMPAT_BLK_LIMITS_H
#define PVKIT_COMPAT_BLK_LIMITS_H

#include <linux/blk-mq.h>
#include <linux/blkdev.h>

#include "compat/blk_mq.h"
#include <pvkit_probes.h>

/* What a block frontend decides about its disk; the field names are those of queue_limits. */
struct pvk_queue_limits {
	unsigned int logical_block_size;
	unsigned int physical_block_size;
	unsigned int max_hw_sectors;
	unsigned int max_segment_size;
	unsigned short max_segments;
	unsigned long seg_boundary_mask;
	unsigned int dma_alignment;		/* mask */
	unsigned int max_hw_discard_sectors;	/* 0: no discard */
	unsigned int max_secure_erase_sectors;	/* 0: no secure erase */
	unsigned int discard_granularity;	/* bytes */
	unsigned int discard_alignment;		/* bytes */
	bool write_cache;			/* flushes are needed */
	bool fua;				/* and single writes can be forced through */
};

#if PVK_HAVE_ALLOC_DISK_WITH_LIMITS && PVK_HAVE_QUEUE_LIMITS_UPDATE
#include "compat/blk_limits_struct.h"
#elif PVK_HAVE_ALLOC_DISK_PLAIN && PVK_HAVE_LIMITS_BY_SETTERS
#include "compat/blk_limits_setters.h"
#else
#error "pvkit: how this kernel sets a disk's limits is not known: see docs/kernel-support.md"
#endif

#endif
