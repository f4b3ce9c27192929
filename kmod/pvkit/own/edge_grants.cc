// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/own/edge_grants.h"

#include "hypercalls/grant_table.h"
#include "kmod/pvkit/own/edge_hypercall.h"

namespace
{

/* The window's frames follow each other. */
struct FrameRow {
	pvk::u64 first = 0;

	pvk::Result<pvk::u64> frame(pvk::u32 index) const
	{
		return first + index;
	}
	/* The row is given back as a whole. */
	void release(pvk::u32 index)
	{
	}
};

constinit FrameRow row;
constinit pvk::GrantGeometry geometry;
constinit pvk::GrantTable<OwnTransport, FrameRow> table;

} // namespace

extern "C" {

int pvk_own_grant_table_settle(pvk_u32 version, pvk_own_grant_room *room)
{
	const pvk::Result<pvk::GrantGeometry> settled =
	    pvk::settle_grant_geometry(pvk_own_transport, version);
	if (!settled.ok())
		return pvk::to_errno(settled.error());
	geometry = settled.value();
	*room = {geometry.version, geometry.window(), geometry.words()};
	return 0;
}

int pvk_own_grant_table_open(void *window, pvk_u64 gfn, pvk_u64 *words)
{
	row.first = gfn;
	const pvk::Span<pvk::u64> bits{reinterpret_cast<pvk::u64 *>(words), geometry.words()};
	return pvk::to_errno(
	    table.open(pvk_own_transport, row, geometry, static_cast<pvk::u8 *>(window), bits));
}

void pvk_own_grant_table_close(void)
{
	table.close();
}

int pvk_own_grant_table_map_next(void)
{
	return pvk::to_errno(table.map_next());
}

int pvk_own_grant_table_resume(void)
{
	return pvk::to_errno(table.resume());
}

int pvk_own_grant_table_take(pvk_u32 count, pvk_u32 *first)
{
	const pvk::Result<pvk::GrantRef> taken = table.take(count);
	if (!taken.ok())
		return pvk::to_errno(taken.error());
	*first = taken.value();
	return 0;
}

int pvk_own_grant_table_give_back(pvk_u32 first, pvk_u32 count)
{
	return pvk::to_errno(table.give_back(first, count));
}

int pvk_own_grant_table_could_take(pvk_u32 count)
{
	return table.could_take(count) ? 1 : 0;
}

void pvk_own_grant_table_adopt_next(void)
{
	table.adopt_next();
}

void pvk_own_grant_table_count(pvk_own_grant_numbers *numbers)
{
	*numbers = {table.version(), table.frames(),  table.max_frames(), table.size(),
		    table.free(),    table.foreign(), table.lost()};
}

void pvk_own_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly)
{
	table.entries().publish(ref, domid, gfn,
				readonly != 0 ? pvk::Access::kReadOnly : pvk::Access::kReadWrite);
}

int pvk_own_grant_revoke(pvk_u32 ref)
{
	return table.entries().revoke(ref) ? 0 : -PVK_EBUSY;
}

} // extern "C"
