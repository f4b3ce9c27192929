/* SPDX-License-Identifier: GPL-2.0-only */
/* The gendisk: how it comes, changes and goes. */
#ifndef PVKIT_COMPAT_DISK_H
#define PVKIT_COMPAT_DISK_H

#include <linux/blkdev.h>
#include <linux/hdreg.h>

#include <pvkit_probes.h>

#if !PVK_HAVE_ADD_DISK_RESULT || !PVK_HAVE_SET_CAPACITY_AND_NOTIFY || !PVK_HAVE_MARK_DISK_DEAD
#error "pvkit: this kernel's disk interface is older than 5.18: see docs/kernel-support.md"
#endif

#if !PVK_HAVE_BLK_MODE_T
typedef fmode_t blk_mode_t;
#endif

/*
 * Entries of block_device_operations, written as "PVK_DISK_OPEN(name, disk, mode) { body }".
 * The body sees a struct gendisk *, whatever the kernel passes.
 */
#if PVK_HAVE_OPEN_GENDISK
#define PVK_DISK_OPEN(name, disk, mode) \
	static int name(struct gendisk *disk, blk_mode_t mode)
#define PVK_DISK_RELEASE(name, disk) \
	static void name(struct gendisk *disk)
#else
#define PVK_DISK_OPEN(name, disk, mode) \
	static int name##_disk(struct gendisk *disk, blk_mode_t mode); \
	static int name(struct block_device *bdev, fmode_t fmode) \
	{ return name##_disk(bdev->bd_disk, fmode); } \
	static int name##_disk(struct gendisk *disk, blk_mode_t mode)
#define PVK_DISK_RELEASE(name, disk) \
	static void name##_disk(struct gendisk *disk); \
	static void name(struct gendisk *disk, fmode_t fmode) \
	{ name##_disk(disk); } \
	static void name##_disk(struct gendisk *disk)
#endif

#if PVK_HAVE_GETGEO_GENDISK
#define PVK_DISK_GETGEO(name, disk, geometry) \
	static int name(struct gendisk *disk, struct hd_geometry *geometry)
#else
#define PVK_DISK_GETGEO(name, disk, geometry) \
	static int name##_disk(struct gendisk *disk, struct hd_geometry *geometry); \
	static int name(struct block_device *bdev, struct hd_geometry *geometry) \
	{ return name##_disk(bdev->bd_disk, geometry); } \
	static int name##_disk(struct gendisk *disk, struct hd_geometry *geometry)
#endif

/* Drops the reference that pvk_blk_mq_alloc_disk() returned. */
static inline void pvk_put_disk(struct gendisk *disk)
{
#if PVK_HAVE_CLEANUP_DISK
	blk_cleanup_disk(disk);
#else
	put_disk(disk);
#endif
}

#endif
