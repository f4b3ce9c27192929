// SPDX-License-Identifier: GPL-2.0-only
// The console half of edge_services.h.
#include "kmod/pvkit/own/edge_services.h"
#include "pvops/console_ring.h"

namespace
{

static_assert(PVK_CONSOLE_IN == pvk::ConsoleRing::kInSize);

constinit pvk::ConsoleRing ring;

template <class Number> int count_of(const pvk::Result<Number> &result)
{
	return result.ok() ? static_cast<int>(result.value()) : pvk::to_errno(result.error());
}

} // namespace

extern "C" {

void pvk_console_attach(void *page)
{
	ring.attach(*static_cast<xencons_interface *>(page));
}

int pvk_console_write(const char *text, pvk_u32 count)
{
	return count_of(ring.write({text, count}));
}

int pvk_console_read(char *buffer, pvk_u32 capacity)
{
	return count_of(ring.read({buffer, capacity}));
}

int pvk_console_room(void)
{
	return count_of(ring.room());
}

int pvk_console_drained(void)
{
	return count_of(ring.drained());
}

} // extern "C"
