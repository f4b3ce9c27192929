/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * Where the C shims meet the C++ block frontend (frontends/block/). One direct call each way; the
 * records below have the layout of their C++ twins, which edge_*.cc assert.
 */
#ifndef PVKIT_KMOD_BLKFRONT_EDGE_H
#define PVKIT_KMOD_BLKFRONT_EDGE_H

#include "pvkit/platform.h"

#ifdef __cplusplus
extern "C" {
#endif

struct pvk_blk;		/* pvk::block::Device */
struct pvk_blk_queue;	/* pvk::block::Queue */

struct pvk_blk_params {
	pvk_u32 max_queues;
	pvk_u32 poll_queues;
	pvk_u32 max_ring_page_order;
	pvk_u32 max_indirect_segments;
	int feature_persistent;
	int trusted;
};

/* What the backend and the administrator agreed on: docs/block-frontend.md. */
struct pvk_blk_disk {
	pvk_u64 sectors;		/* of 512 bytes */
	pvk_u32 sector_size;
	pvk_u32 physical_sector_size;
	pvk_u32 discard_granularity;	/* bytes */
	pvk_u32 discard_alignment;	/* bytes */
	pvk_u32 queues;
	pvk_u32 poll_queues;		/* of these, the last ones: without interrupts */
	pvk_u32 ring_page_order;
	pvk_u32 depth;			/* requests in flight on a queue */
	pvk_u32 max_segments;
	pvk_u32 indirect_pages;
	const char *data_mode;
	int read_only, removable, cdrom;
	int flush, barrier, discard, secure_discard;
};

enum pvk_blk_operation {
	PVK_BLK_READ, PVK_BLK_WRITE, PVK_BLK_BARRIER, PVK_BLK_FLUSH
};

struct pvk_blk_segment {
	void *address;
	pvk_u32 length;
};

enum pvk_blk_outcome { PVK_BLK_DONE, PVK_BLK_FAILED, PVK_BLK_UNSUPPORTED };

/* What the core asks of the shims; see DevicePort in frontends/block/device.h. */
struct pvk_blk_port {
	int (*attach)(void *context, const struct pvk_blk_disk *disk);
	void (*detach)(void *context, int answers);
	void (*hold)(void *context);
	void (*take_back)(void *context, int answers);
	void (*carry_on)(void *context, const struct pvk_blk_disk *disk);
	void (*resize)(void *context, pvk_u64 sectors);
	void (*wait_backend_closed)(void *context);
	int (*upcall)(void *context, pvk_u32 queue);
};

struct pvk_blk_name {
	char name[16];
	pvk_u32 major, minor, minors;
};

/* 0, or -EINVAL for a virtual-device number of no known scheme. */
int pvk_blk_name_disk(pvk_u32 virtual_device, struct pvk_blk_name *name);
/* A bounded decimal number from the frontend's directory, or a negative errno. */
long long pvk_blk_read_number(struct pvk_bus *bus, const char *key, pvk_u32 limit);
/* Whether the disk is a CD, or a negative errno: no answer. */
int pvk_blk_is_cd(struct pvk_bus *bus);

struct pvk_blk *pvk_blk_create(struct pvk_bus *bus, const struct pvk_blk_params *params,
			       pvk_u32 cpus, const struct pvk_blk_port *port, void *context);
void pvk_blk_destroy(struct pvk_blk *blk);
int pvk_blk_start(struct pvk_blk *blk);
/* For the next connection. */
void pvk_blk_set_params(struct pvk_blk *blk, const struct pvk_blk_params *params);
void pvk_blk_backend_changed(struct pvk_blk *blk, int state);
void pvk_blk_resumed(struct pvk_blk *blk);
/* Whether pvk_blk_backend_changed() is wanted again in a moment. */
int pvk_blk_unfinished(struct pvk_blk *blk);
void pvk_blk_fail(struct pvk_blk *blk);
void pvk_blk_remove(struct pvk_blk *blk);
const char *pvk_blk_phase(struct pvk_blk *blk);
int pvk_blk_settled(struct pvk_blk *blk);
struct pvk_blk_queue *pvk_blk_get_queue(struct pvk_blk *blk, pvk_u32 index);

/* One queue: see frontends/block/queue.h for who may call what when. */
int pvk_blk_submit(struct pvk_blk_queue *queue, pvk_u32 tag, int operation, pvk_u64 sector,
		   const struct pvk_blk_segment *segments, pvk_u32 count);
int pvk_blk_discard(struct pvk_blk_queue *queue, pvk_u32 tag, int secure, pvk_u64 sector,
		    pvk_u64 sectors);
void pvk_blk_publish(struct pvk_blk_queue *queue);
void pvk_blk_nudge(struct pvk_blk_queue *queue);
/* The outcome of the next response and its tag, -ENOENT when none waits, or another errno. */
int pvk_blk_next(struct pvk_blk_queue *queue, pvk_u32 *tag);
int pvk_blk_rearm(struct pvk_blk_queue *queue, pvk_u32 ahead);
pvk_u32 pvk_blk_worth_waiting_for(struct pvk_blk_queue *queue, pvk_u32 most);
int pvk_blk_count_upcall(struct pvk_blk_queue *queue, pvk_u32 responses);
/* How many tags it has. */
pvk_u32 pvk_blk_tags(struct pvk_blk_queue *queue);
pvk_u32 pvk_blk_next_in_flight(struct pvk_blk_queue *queue, pvk_u32 tag);
/* 0 when the backend kept a page. */
int pvk_blk_give_up(struct pvk_blk_queue *queue, pvk_u32 tag);
void pvk_blk_break(struct pvk_blk_queue *queue);
void pvk_blk_stay_quiet(struct pvk_blk_queue *queue);

/* Calls @show with the name and value of each counter of a queue. */
void pvk_blk_counters(struct pvk_blk_queue *queue,
		      void (*show)(void *context, const char *name, pvk_u64 value), void *context);

#ifdef __cplusplus
}
#endif

#endif
