// SPDX-License-Identifier: GPL-2.0-only
// The small parts of edge_services.h.
#include "kmod/pvkit/own/edge_services.h"

#include "hypercalls/sched_calls.h"
#include "kmod/pvkit/own/edge_hypercall.h"
#include "pvops/watchdog.h"

namespace
{

static_assert(PVK_END_POWEROFF == SHUTDOWN_poweroff);
static_assert(PVK_END_CRASH == SHUTDOWN_crash);

constinit pvk::Watchdog watchdog;

} // namespace

extern "C" {

void pvk_domain_end(pvk_u32 reason)
{
	/* A caller for whom this fails goes on as if it had not asked. */
	static_cast<void>(pvk::shutdown_domain(pvk_own_transport, reason).ok());
}

void pvk_domain_will_end(pvk_u32 reason)
{
	static_cast<void>(pvk::set_shutdown_code(pvk_own_transport, reason).ok());
}

void pvk_dog_take_over(void)
{
	watchdog.take_over(pvk_own_transport);
}

int pvk_dog_feed(pvk_u32 seconds)
{
	return pvk::to_errno(watchdog.feed(pvk_own_transport, seconds));
}

int pvk_dog_stop(void)
{
	return pvk::to_errno(watchdog.stop(pvk_own_transport));
}

} // extern "C"
