// SPDX-License-Identifier: GPL-2.0-only
/* 6.3: a bus names a const device in its uevents. */
#include <linux/device.h>

static int probe_uevent(const struct device *dev, struct kobj_uevent_env *env)
{
	return dev && env;
}

struct bus_type pvk_probe;
struct bus_type pvk_probe = { .uevent = probe_uevent };
