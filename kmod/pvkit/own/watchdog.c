// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domain's watchdog as /dev/watchdogN. The watchdog core is often a module of its own, which an
 * initramfs need not have: so it is looked for when we start, and nothing is linked against it.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/watchdog.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"

#if IS_ENABLED(CONFIG_WATCHDOG_CORE)

#define DEFAULT_SECONDS	60
#define MAX_SECONDS	3600

static bool wanted = true;
module_param_named(watchdog, wanted, bool, 0444);
MODULE_PARM_DESC(watchdog, "offer Xen's watchdog of this domain (default: yes)");

static int feed(struct watchdog_device *device)
{
	return pvk_dog_feed(device->timeout);
}

static int stop(struct watchdog_device *device)
{
	return pvk_dog_stop();
}

/* The core keeps it within bounds and feeds the running dog after this. */
static int set_timeout(struct watchdog_device *device, unsigned int seconds)
{
	device->timeout = seconds;
	return 0;
}

static const struct watchdog_info info = {
	.options = WDIOF_SETTIMEOUT | WDIOF_KEEPALIVEPING | WDIOF_MAGICCLOSE,
	.identity = "Xen domain watchdog",
};

static const struct watchdog_ops ops = {
	.owner = THIS_MODULE,
	.start = feed,
	.stop = stop,
	.ping = feed,
	.set_timeout = set_timeout,
};

static struct watchdog_device device = {
	.info = &info,
	.ops = &ops,
	.timeout = DEFAULT_SECONDS,
	.min_timeout = 2,
	.max_timeout = MAX_SECONDS,
};

static bool registered;

int pvk_watchdog_start(void)
{
	typeof(&watchdog_register_device) register_device;
	int err;

	if (!wanted)
		return 0;
	register_device = symbol_request(watchdog_register_device);
	if (!register_device) {
		pr_info("pvkit: no watchdog: the kernel's watchdog module is not loaded\n");
		return 0;
	}
	err = register_device(&device);
	registered = !err;
	if (err)
		symbol_put(watchdog_register_device);
	return err;
}

/* An open device holds our module, so it is not running here. */
void pvk_watchdog_stop(void)
{
	typeof(&watchdog_unregister_device) unregister_device;

	if (!registered)
		return;
	unregister_device = symbol_get(watchdog_unregister_device);
	if (unregister_device) {
		unregister_device(&device);
		symbol_put(watchdog_unregister_device);
	}
	symbol_put(watchdog_register_device);
	registered = false;
}

/* A saved domain would be found late, and killed, when it is restored. */
void pvk_watchdog_suspend(void)
{
	if (registered && watchdog_active(&device))
		pvk_dog_stop();
}

void pvk_watchdog_resume(int cancelled)
{
	int err;

	if (!registered || !watchdog_active(&device))
		return;
	err = pvk_dog_feed(device.timeout);
	if (err)
		pr_err("pvkit: the watchdog is not started again (%d)\n", err);
}

#else

int pvk_watchdog_start(void)
{
	pr_info("pvkit: no watchdog: this kernel has no watchdog core\n");
	return 0;
}

void pvk_watchdog_stop(void)
{
}

void pvk_watchdog_suspend(void)
{
}

void pvk_watchdog_resume(int cancelled)
{
}

#endif
