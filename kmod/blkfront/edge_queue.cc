// SPDX-License-Identifier: GPL-2.0-only
// The hot half of edge.h: one queue, called for each request.
#include "frontends/block/queue.h"
#include "kmod/blkfront/edge.h"

namespace
{

using pvk::block::Operation;
using pvk::block::Outcome;
using pvk::block::Queue;
using pvk::block::Request;
using pvk::block::Segment;

static_assert(sizeof(Segment) == sizeof(pvk_blk_segment));
static_assert(offsetof(Segment, length) == offsetof(pvk_blk_segment, length));
static_assert(static_cast<int>(Operation::kBarrierWrite) == PVK_BLK_BARRIER);
static_assert(static_cast<int>(Operation::kFlush) == PVK_BLK_FLUSH);
static_assert(static_cast<int>(Outcome::kUnsupported) == PVK_BLK_UNSUPPORTED);

Queue &of(pvk_blk_queue *queue)
{
	return *reinterpret_cast<Queue *>(queue);
}

} // namespace

extern "C" {

int pvk_blk_submit(pvk_blk_queue *queue, pvk_u32 tag, int operation, pvk_u64 sector,
		   const pvk_blk_segment *segments, pvk_u32 count)
{
	const Request request{tag, static_cast<Operation>(operation), sector, 0};
	return pvk::to_errno(
	    of(queue).submit(request, reinterpret_cast<const Segment *>(segments), count));
}

int pvk_blk_discard(pvk_blk_queue *queue, pvk_u32 tag, int secure, pvk_u64 sector, pvk_u64 sectors)
{
	const Operation operation = secure != 0 ? Operation::kSecureDiscard : Operation::kDiscard;
	return pvk::to_errno(of(queue).submit({tag, operation, sector, sectors}, nullptr, 0));
}

void pvk_blk_publish(pvk_blk_queue *queue)
{
	of(queue).publish();
}

void pvk_blk_nudge(pvk_blk_queue *queue)
{
	of(queue).nudge();
}

int pvk_blk_next(pvk_blk_queue *queue, pvk_u32 *tag)
{
	const auto found = of(queue).next(*tag);
	return found.ok() ? static_cast<int>(found.value()) : pvk::to_errno(found.error());
}

int pvk_blk_rearm(pvk_blk_queue *queue, pvk_u32 ahead)
{
	return of(queue).rearm(ahead) ? 1 : 0;
}

pvk_u32 pvk_blk_worth_waiting_for(pvk_blk_queue *queue, pvk_u32 most)
{
	return of(queue).worth_waiting_for(most);
}

int pvk_blk_count_upcall(pvk_blk_queue *queue, pvk_u32 responses)
{
	return of(queue).count_upcall(responses) ? 1 : 0;
}

pvk_u32 pvk_blk_tags(pvk_blk_queue *queue)
{
	return of(queue).plan().depth;
}

pvk_u32 pvk_blk_next_in_flight(pvk_blk_queue *queue, pvk_u32 tag)
{
	return of(queue).next_in_flight(tag);
}

int pvk_blk_give_up(pvk_blk_queue *queue, pvk_u32 tag)
{
	return of(queue).give_up(tag) ? 1 : 0;
}

void pvk_blk_break(pvk_blk_queue *queue)
{
	of(queue).mark_broken();
}

void pvk_blk_stay_quiet(pvk_blk_queue *queue)
{
	of(queue).stay_quiet();
}

void pvk_blk_counters(pvk_blk_queue *queue,
		      void (*show)(void *context, const char *name, pvk_u64 value), void *context)
{
	const auto &out = of(queue).producer_counters();
	const auto &in = of(queue).consumer_counters();
	const struct {
		const char *name;
		const pvk::block::Counter &counter;
	} lines[] = {
	    {"requests", out.requests},
	    {"indirect_requests", out.indirect},
	    {"publishes", out.publishes},
	    {"notifications", out.notifications},
	    {"busy", out.busy},
	    {"grants_published", out.grants_published},
	    {"responses", in.responses},
	    {"error_responses", in.errors},
	    {"interrupts", in.upcalls},
	    {"idle_interrupts", in.idle_upcalls},
	    {"grants_revoked", in.grants_revoked},
	    {"grants_parked", in.parked},
	    {"bad_index", in.bad_index},
	    {"bad_id", in.bad_id},
	    {"idle_id", in.idle_id},
	    {"bad_status", in.bad_status},
	};
	for (const auto &line : lines)
		show(context, line.name, line.counter.relaxed());
	show(context, "pool_pages", of(queue).pool_pages());
	show(context, "pool_entries",
	     of(queue).plan().pool_entries + of(queue).plan().indirect_entries);
}

} // extern "C"
