// SPDX-License-Identifier: GPL-2.0-only
// The balloon half of edge_services.h.
#include "kmod/pvkit/own/edge_hypercall.h"
#include "kmod/pvkit/own/edge_services.h"
#include "pvkit/text.h"
#include "pvops/balloon.h"

namespace
{

using Kind = pvk::BalloonStep::Kind;

static_assert(pvk::kBalloonBatch == PVK_BALLOON_BATCH);
static_assert(pvk::Balloon::kDone == PVK_BALLOON_DONE);
static_assert(static_cast<int>(Kind::kGive) == PVK_BALLOON_GIVE);
static_assert(static_cast<int>(Kind::kTake) == PVK_BALLOON_TAKE);

constinit pvk::Balloon balloon;

pvk::BalloonView of(const pvk_balloon_view &view)
{
	return {view.total, view.given, view.available};
}

/* The same 64 bits in C and in the core. */
pvk::Span<pvk::u64> frames(pvk_u64 *gfns, pvk_u32 count)
{
	static_assert(sizeof(pvk_u64) == sizeof(pvk::u64));
	return {reinterpret_cast<pvk::u64 *>(gfns), count};
}

} // namespace

extern "C" {

int pvk_balloon_number(const char *text, pvk_size length, pvk_u64 *kib)
{
	const pvk::Result<pvk::u64> number = pvk::parse_number({text, length}, ~pvk::u64{0});
	if (!number.ok())
		return pvk::to_errno(number.error());
	*kib = number.value();
	return 0;
}

pvk_u64 pvk_balloon_reservation(void)
{
	return pvk::current_reservation(pvk_own_transport).value_or(0);
}

pvk_u64 pvk_balloon_aim(const struct pvk_balloon_order *order)
{
	const pvk::u64 wanted =
	    pvk::pages_to_give_up({order->static_max, order->video_ram, order->target});
	balloon.set_wanted(wanted);
	return wanted;
}

pvk_balloon_step pvk_balloon_next(const pvk_balloon_view *view)
{
	const pvk::BalloonStep step = balloon.next(of(*view));
	return {static_cast<int>(step.kind), step.pages};
}

pvk_u32 pvk_balloon_finished(const pvk_balloon_step *step, pvk_u64 pages_done,
			     const pvk_balloon_view *view)
{
	return balloon.finished({static_cast<Kind>(step->kind), step->pages}, pages_done,
				of(*view));
}

pvk_u64 pvk_balloon_pressed(const pvk_balloon_view *view)
{
	return balloon.pressed(of(*view));
}

pvk_u64 pvk_balloon_give(pvk_u64 *gfns, pvk_u32 count)
{
	return pvk::give_up_frames(pvk_own_transport, frames(gfns, count));
}

pvk_u64 pvk_balloon_take(pvk_u64 *gfns, pvk_u32 count)
{
	return pvk::take_back_frames(pvk_own_transport, frames(gfns, count));
}

pvk_u64 pvk_balloon_mark(pvk_u64 gfn)
{
	return pvk::given_up_mark(gfn);
}

int pvk_balloon_is_marked(pvk_u64 gfn, pvk_u64 word)
{
	return pvk::is_given_up(gfn, word) ? 1 : 0;
}

} // extern "C"
