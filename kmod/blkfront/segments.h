/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request's data as pieces that stay within a page, neighbours merged the way the block layer
 * counted them. Handed over in chunks; inlined into its two users, because it is most of what a
 * large request costs the frontend.
 */
#ifndef PVKIT_KMOD_SEGMENTS_H
#define PVKIT_KMOD_SEGMENTS_H

#include <linux/blk-mq.h>
#include <linux/mm.h>

#include "kmod/blkfront/edge.h"

#define PVK_CHUNK 16

/* Kernels that clear every local variable would clear the chunk for each request. */
#if __has_attribute(uninitialized)
#define PVK_UNINITIALIZED __attribute__((uninitialized))
#else
#define PVK_UNINITIALIZED
#endif

typedef int (*pvk_take_segments)(struct pvk_blk_queue *queue, const struct pvk_blk_segment *chunk,
				 unsigned int count);

struct pvk_segment_walk {
	struct pvk_blk_queue *queue;
	pvk_take_segments take;
	unsigned int count;
	struct pvk_blk_segment chunk[PVK_CHUNK];
};

static __always_inline int pvk_walk_piece(struct pvk_segment_walk *walk, void *address,
					  unsigned int length)
{
	struct pvk_blk_segment *last = &walk->chunk[walk->count - 1];
	int err;

	if (!PAGE_ALIGNED(address) && walk->count && last->address + last->length == address) {
		last->length += length;
		return 0;
	}
	if (walk->count == PVK_CHUNK) {
		err = walk->take(walk->queue, walk->chunk, walk->count);
		if (err)
			return err;
		walk->count = 0;
	}
	walk->chunk[walk->count].address = address;
	walk->chunk[walk->count].length = length;
	walk->count++;
	return 0;
}

/* A stretch of physically contiguous memory, page by page. */
static __always_inline int pvk_walk_stretch(struct pvk_segment_walk *walk, void *address,
					    unsigned int length)
{
	while (length) {
		unsigned int piece = min_t(unsigned int, length,
					   PAGE_SIZE - offset_in_page(address));
		int err = pvk_walk_piece(walk, address, piece);

		if (err)
			return err;
		address += piece;
		length -= piece;
	}
	return 0;
}

static __always_inline int pvk_walk_bio(struct pvk_segment_walk *walk, struct bio *bio)
{
	const struct bio_vec *vec = &bio->bi_io_vec[bio->bi_iter.bi_idx];
	unsigned int skip = bio->bi_iter.bi_bvec_done;
	unsigned int left = bio->bi_iter.bi_size;

	while (left) {
		unsigned int length = min(vec->bv_len - skip, left);
		int err = pvk_walk_stretch(walk, page_address(vec->bv_page) + vec->bv_offset + skip,
					   length);

		if (err)
			return err;
		left -= length;
		skip = 0;
		vec++;
	}
	return 0;
}

static __always_inline int pvk_for_segments(struct request *rq, struct pvk_blk_queue *queue,
					    pvk_take_segments take)
{
	struct pvk_segment_walk walk PVK_UNINITIALIZED;
	struct bio *bio;
	int err;

	walk.queue = queue;
	walk.take = take;
	walk.count = 0;
	__rq_for_each_bio(bio, rq) {
		err = pvk_walk_bio(&walk, bio);
		if (err)
			return err;
	}
	return walk.count ? take(queue, walk.chunk, walk.count) : 0;
}

#endif
