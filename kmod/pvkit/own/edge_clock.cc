// SPDX-License-Identifier: GPL-2.0-only
// The clock half of edge_services.h.
#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/edge_start.h"
#include "pvops/pvclock.h"
#include "pvops/wallclock.h"

namespace
{

constinit pvk::PvClock clock;

[[gnu::always_inline]] inline pvk::SystemTime read(const void *record)
{
	return pvk::read_system_time(*static_cast<const vcpu_time_info *>(record),
				     pvk::NativeTsc{});
}

} // namespace

extern "C" {

pvk_u64 pvk_clock_now(const void *record)
{
	return clock.now(read(record));
}

void pvk_clock_stand_still(const void *record)
{
	clock.suspend(read(record));
}

void pvk_clock_go_on(const void *record)
{
	clock.resume(read(record));
}

pvk_u64 pvk_clock_host_time(const void *record)
{
	return pvk::host_time(pvk_own_shared(), read(record));
}

pvk_u64 pvk_clock_slept(const pvk_time_of_day *before, const pvk_time_of_day *now)
{
	return pvk::time_slept({before->host, before->guest}, {now->host, now->guest});
}

} // extern "C"
