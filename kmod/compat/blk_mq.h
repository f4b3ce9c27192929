/* SPDX-License-Identifier: GPL-2.0-only */
/* Requests and queues of blk-mq. */
#ifndef PVKIT_COMPAT_BLK_MQ_H
#define PVKIT_COMPAT_BLK_MQ_H

#include <linux/blk-mq.h>

#include <pvkit_probes.h>

#if !PVK_HAVE_TIMEOUT_ONE_ARGUMENT || !PVK_HAVE_POLL_BATCH
#error "pvkit: this kernel's blk_mq_ops is older than 6.0: see docs/kernel-support.md"
#endif

/* Flags that a tag set needs for its requests to be merged. */
#if PVK_HAVE_SHOULD_MERGE_FLAG
#define PVK_TAG_SET_MERGE BLK_MQ_F_SHOULD_MERGE
#else
#define PVK_TAG_SET_MERGE 0
#endif

/*
 * queue_rqs gets a chain of requests: a shim's handler has the parameter pvk_rq_list *list. Macro
 * or function, these two have the same name everywhere.
 */
#if PVK_HAVE_QUEUE_RQS_LIST
typedef struct rq_list pvk_rq_list;
#elif PVK_HAVE_QUEUE_RQS_ARRAY
typedef struct request *pvk_rq_list;
#else
#error "pvkit: this kernel's queue_rqs is not known"
#endif

static inline struct request *pvk_rq_list_pop(pvk_rq_list *list)
{
	return rq_list_pop(list);
}

static inline struct request *pvk_rq_list_peek(pvk_rq_list *list)
{
	return rq_list_peek(list);
}

/* The map_queues callback, written as "PVK_MAP_QUEUES(name, set) { body without a value }". */
#if PVK_HAVE_MAP_QUEUES_VOID
#define PVK_MAP_QUEUES(name, set) \
	static void name(struct blk_mq_tag_set *set)
#else
#define PVK_MAP_QUEUES(name, set) \
	static void name##_set(struct blk_mq_tag_set *set); \
	static int name(struct blk_mq_tag_set *set) \
	{ name##_set(set); return 0; } \
	static void name##_set(struct blk_mq_tag_set *set)
#endif

/* Puts a finished request in a poll's batch; false: complete it on its own. */
static inline bool pvk_blk_mq_add_to_batch(struct request *rq, struct io_comp_batch *batch,
					   bool failed,
					   void (*complete)(struct io_comp_batch *))
{
#if PVK_HAVE_ADD_TO_BATCH_BOOL
	return blk_mq_add_to_batch(rq, batch, failed, complete);
#else
	return blk_mq_add_to_batch(rq, batch, failed ? -EIO : 0, complete);
#endif
}

static inline int pvk_blk_rq_map_sg(struct request *rq, struct scatterlist *list)
{
#if PVK_HAVE_MAP_SG_TWO_ARGUMENTS
	return blk_rq_map_sg(rq, list);
#else
	return blk_rq_map_sg(rq->q, rq, list);
#endif
}

/* Waits until no queue of @set runs its queue_rq; requests pile up above until the unquiesce. */
static inline void pvk_blk_mq_quiesce_disk(struct gendisk *disk)
{
#if PVK_HAVE_QUIESCE_TAGSET
	blk_mq_quiesce_tagset(disk->queue->tag_set);
#else
	blk_mq_quiesce_queue(disk->queue);
#endif
}

static inline void pvk_blk_mq_unquiesce_disk(struct gendisk *disk)
{
#if PVK_HAVE_QUIESCE_TAGSET
	blk_mq_unquiesce_tagset(disk->queue->tag_set);
#else
	blk_mq_unquiesce_queue(disk->queue);
#endif
}

#endif
