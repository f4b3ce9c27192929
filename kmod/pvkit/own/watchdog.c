// SPDX-License-Identifier: GPL-2.0-only
/*
 * The domain's watchdog as /dev/watchdogN. The watchdog core is often a module of its own, which an
 * initramfs need not have: so it is looked for when we start, and nothing is linked against it.
 */
#include <linux/kernel.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/watchdog.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"

int pvk_watchdog_take_over(void)
{
	pvk_dog_take_over();
	return 0;
}

#if IS_ENABLED(CONFIG_WATCHDOG_CORE)

#define DEFAULT_SECONDS	60
#define MAX_SECONDS	3600

static bool wanted = true;
module_param_named(watchdog, wanted, bool, 0444);
MODULE_PARM_DESC(watchdog, "offer Xen's watchdog of this domain (default: yes)");

static bool nowayout = WATCHDOG_NOWAYOUT;
module_param_named(watchdog_nowayout, nowayout, bool, 0444);
MODULE_PARM_DESC(watchdog_nowayout, "a watchdog that was started cannot be stopped (default: as "
				    "the kernel was built)");

/* User space runs while we prepare for a suspension, and may feed the dog at any moment of it. */
static DEFINE_MUTEX(dog_lock);
static bool running;	/* or would, were the domain not about to be suspended */
static bool suspended;

static int feed(struct watchdog_device *device)
{
	int err = 0;

	mutex_lock(&dog_lock);
	if (!suspended)
		err = pvk_dog_feed(device->timeout);
	if (!err)
		running = true;
	mutex_unlock(&dog_lock);
	/* One that nobody can stop keeps our module. */
	if (!err && test_bit(WDOG_NO_WAY_OUT, &device->status))
		set_bit(WDOG_HW_RUNNING, &device->status);
	return err;
}

static int stop(struct watchdog_device *device)
{
	int err;

	mutex_lock(&dog_lock);
	err = pvk_dog_stop();
	if (!err)
		running = false;
	mutex_unlock(&dog_lock);
	return err;
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

/* Without us nobody feeds it, nor knows its number: neither a kernel after kexec nor none. */
static void bind_to_us(void)
{
	watchdog_set_nowayout(&device, nowayout);
	watchdog_stop_on_reboot(&device);
	watchdog_stop_on_unregister(&device);
}

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
	bind_to_us();
	err = register_device(&device);
	registered = !err;
	if (err)
		symbol_put(watchdog_register_device);
	return err;
}

/* The core stops a dog that runs still. */
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
	mutex_lock(&dog_lock);
	suspended = true;
	if (running)
		pvk_dog_stop();
	mutex_unlock(&dog_lock);
}

void pvk_watchdog_resume(int cancelled)
{
	int err = 0;

	mutex_lock(&dog_lock);
	suspended = false;
	if (running)
		err = pvk_dog_feed(device.timeout);
	mutex_unlock(&dog_lock);
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
