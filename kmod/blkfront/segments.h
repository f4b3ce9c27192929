/* SPDX-License-Identifier: GPL-2.0-only */
/*
 * A request's data as pieces that stay within a page, neighbours merged the way the block layer
 * counted them. Inlined into its user, because it is most of what a large request costs there.
 */
#ifndef PVKIT_KMOD_SEGMENTS_H
#define PVKIT_KMOD_SEGMENTS_H

#include <linux/blk-mq.h>
#include <linux/mm.h>

#include "kmod/blkfront/edge.h"

struct pvk_gathered {
	struct pvk_blk_segment *next;
	struct pvk_blk_segment *end;
	void *after;		/* the last piece */
};

/* A stretch of physically contiguous memory, page by page. */
static __always_inline int pvk_gather_stretch(struct pvk_gathered *to, void *address,
					      unsigned int length)
{
	while (length) {
		unsigned int piece = min_t(unsigned int, length,
					   PAGE_SIZE - offset_in_page(address));

		if (unlikely(address == to->after) && !PAGE_ALIGNED(address)) {
			to->next[-1].length += piece;
		} else {
			if (unlikely(to->next == to->end))
				return -E2BIG;
			to->next->address = address;
			to->next->length = piece;
			to->next++;
		}
		address += piece;
		length -= piece;
		to->after = address;
	}
	return 0;
}

static __always_inline int pvk_gather_bio(struct pvk_gathered *to, struct bio *bio)
{
	const struct bio_vec *vec = &bio->bi_io_vec[bio->bi_iter.bi_idx];
	unsigned int skip = bio->bi_iter.bi_bvec_done;
	unsigned int left = bio->bi_iter.bi_size;

	while (left) {
		unsigned int length = min(vec->bv_len - skip, left);

		if (pvk_gather_stretch(to, page_address(vec->bv_page) + vec->bv_offset + skip,
				       length))
			return -E2BIG;
		left -= length;
		skip = 0;
		vec++;
	}
	return 0;
}

/* Most small requests are one piece; finding that out is cheaper than the walk. */
static __always_inline bool pvk_gather_one(struct bio *bio, struct pvk_blk_segment *piece)
{
	const struct bio_vec *vec = &bio->bi_io_vec[bio->bi_iter.bi_idx];
	unsigned int skip = bio->bi_iter.bi_bvec_done;
	unsigned int size = bio->bi_iter.bi_size;
	unsigned int offset = vec->bv_offset + skip;

	if (bio->bi_next || size > vec->bv_len - skip || offset_in_page(offset) + size > PAGE_SIZE)
		return false;
	piece->address = page_address(vec->bv_page) + offset;
	piece->length = size;
	return true;
}

/* How many pieces there are, or -E2BIG when there are more than @room. */
static __always_inline int pvk_gather(struct request *rq, struct pvk_blk_segment *pieces,
				      unsigned int room)
{
	struct pvk_gathered to = { .next = pieces, .end = pieces + room };
	struct bio *bio;

	if (likely(rq->bio) && pvk_gather_one(rq->bio, pieces))
		return 1;
	__rq_for_each_bio(bio, rq) {
		if (pvk_gather_bio(&to, bio))
			return -E2BIG;
	}
	return to.next - pieces;
}

#endif
