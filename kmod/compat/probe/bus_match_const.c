// SPDX-License-Identifier: GPL-2.0-only
/* 6.11: a bus matches a const driver. */
#include <linux/device.h>

static int probe_match(struct device *dev, const struct device_driver *driver)
{
	return dev && driver;
}

struct bus_type pvk_probe;
struct bus_type pvk_probe = { .match = probe_match };
