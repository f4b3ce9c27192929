/* SPDX-License-Identifier: GPL-2.0-only */
/* Callbacks of a bus, whose arguments became const one after the other. */
#ifndef PVKIT_COMPAT_BUS_H
#define PVKIT_COMPAT_BUS_H

#include <linux/device.h>

#include <pvkit_probes.h>

/* Written as "PVK_BUS_MATCH(name, dev, driver) { body }". */
#if PVK_HAVE_BUS_MATCH_CONST
#define PVK_BUS_MATCH(name, dev, driver) \
	static int name(struct device *dev, const struct device_driver *driver)
#else
#define PVK_BUS_MATCH(name, dev, driver) \
	static int name(struct device *dev, struct device_driver *driver)
#endif

#if PVK_HAVE_BUS_UEVENT_CONST
#define PVK_BUS_UEVENT(name, dev, env) \
	static int name(const struct device *dev, struct kobj_uevent_env *env)
#else
#define PVK_BUS_UEVENT(name, dev, env) \
	static int name(struct device *dev, struct kobj_uevent_env *env)
#endif

#endif
