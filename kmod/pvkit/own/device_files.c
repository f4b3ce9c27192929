// SPDX-License-Identifier: GPL-2.0-only
/*
 * What a device of our own xenbus says of itself in sysfs: the files that the kernel's xenbus gives
 * its devices, with the same contents. Guest agents find a disk's place in xenstore through them.
 */
#include <linux/device.h>
#include <linux/kernel.h>
#include <linux/sysfs.h>

#include "kmod/pvkit/own/bus.h"
#include "kmod/pvkit/own/device.h"

static struct pvk_own_device *to_own_device(struct device *dev)
{
	return container_of(dev, struct pvk_own_device, dev);
}

static ssize_t nodename_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sysfs_emit(page, "%s\n", to_own_device(dev)->frontend);
}
static DEVICE_ATTR_RO(nodename);

static ssize_t devtype_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sysfs_emit(page, "%s\n", to_own_device(dev)->type);
}
static DEVICE_ATTR_RO(devtype);

/* Of the bus that the drivers' aliases name. */
static ssize_t modalias_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	return sysfs_emit(page, "xen:%s\n", to_own_device(dev)->type);
}
static DEVICE_ATTR_RO(modalias);

/*
 * The frontend's; xen/io/xenbus.h has the names. As it was set last: everybody may read this, and
 * not everybody may make the guest ask xenstore. Before it is set it is as the toolstack made it.
 */
static ssize_t state_show(struct device *dev, struct device_attribute *attribute, char *page)
{
	static const char * const names[] = {
		"Unknown", "Initialising", "InitWait", "Initialised", "Connected", "Closing",
		"Closed", "Reconfiguring", "Reconfigured",
	};
	unsigned int state = READ_ONCE(to_own_device(dev)->state);

	if (state == PVK_STATE_UNKNOWN)
		state = PVK_STATE_INITIALISING;
	return sysfs_emit(page, "%s\n", state < ARRAY_SIZE(names) ? names[state] : names[0]);
}
static DEVICE_ATTR_RO(state);

static struct attribute *files[] = {
	&dev_attr_nodename.attr,
	&dev_attr_devtype.attr,
	&dev_attr_modalias.attr,
	&dev_attr_state.attr,
	NULL,
};

static const struct attribute_group group = {
	.attrs = files,
};

const struct attribute_group *pvk_own_device_groups[] = { &group, NULL };
