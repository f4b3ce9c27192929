// SPDX-License-Identifier: GPL-2.0-only
/* The own way: what starts after what, and goes before what. */
#include <linux/io.h>
#include <linux/kernel.h>
#include <linux/module.h>

#include "kmod/pvkit/own/grants.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"
#include "kmod/pvkit/own/xenbus_dev.h"

#define PARAM_STORE_PFN		1	/* xen/hvm/params.h */
#define PARAM_STORE_EVTCHN	2

static void *info_page;
static pvk_u64 info_gfn;
static void *store_ring;

static int info_start(void)
{
	int err;

	if (pvk_own_fifo_is_on()) {
		pr_err("pvkit: a kernel or module before this one chose FIFO channels, and Xen "
		       "keeps them until the guest is booted anew\n");
		return -EBUSY;
	}
	info_page = pvk_own_frames(1, &info_gfn);
	if (!info_page)
		return -ENOMEM;
	err = pvk_own_share_info(info_page, info_gfn);
	if (err)
		return err;
	err = pvk_own_events_attach(pvk_own_fifo());
	if (err)
		pvk_own_unshare_info(info_gfn);
	return err;
}

static void info_stop(void)
{
	pvk_own_unshare_info(info_gfn);
}

static int store_start(void)
{
	pvk_u64 gfn, port;
	int err = pvk_own_param(PARAM_STORE_PFN, &gfn);

	if (!err)
		err = pvk_own_param(PARAM_STORE_EVTCHN, &port);
	if (err)
		return err;
	store_ring = memremap(gfn << PAGE_SHIFT, PAGE_SIZE, MEMREMAP_WB);
	if (!store_ring)
		return -ENOMEM;
	err = pvk_store_start(store_ring, port);
	if (err)
		memunmap(store_ring);
	return err;
}

static void store_stop(void)
{
	pvk_store_stop();
	memunmap(store_ring);
}

static void store_resume(int cancelled)
{
	pvk_u64 port;

	if (pvk_own_param(PARAM_STORE_EVTCHN, &port))
		pr_err("pvkit: Xen no longer says which channel is xenstore's\n");
	else
		pvk_store_resume(store_ring, port);
}

/*
 * In the order of a start; stopped and suspended the other way round, resumed in this one. Without
 * a part that is not needed the others go on.
 */
static const struct part {
	const char *name;
	bool needed;
	int (*start)(void);
	void (*stop)(void);
	void (*suspend)(void);
	void (*resume)(int cancelled);
} parts[] = {
	{ "sleep", true, pvk_own_sleep_start, pvk_own_sleep_stop },
	{ "frames", true, pvk_own_frames_start, pvk_own_frames_stop },
	{ "shared info", true, info_start, info_stop },
	{ "events", true, pvk_own_events_start, pvk_own_events_stop, pvk_own_events_hold,
	  pvk_own_events_carry_on },
	{ "upcalls", true, pvk_own_vectors_start, pvk_own_vectors_stop },
	{ "clock", false, pvk_clock_start, pvk_clock_stop },
	{ "time of day", true, NULL, NULL, pvk_wallclock_suspend, pvk_wallclock_resume },
	{ "grants", true, pvk_own_grants_start, pvk_own_grants_stop },
	{ "console", false, pvk_console_start, pvk_console_stop, NULL, pvk_console_resume },
	{ "panic", false, pvk_panic_start, pvk_panic_stop },
	{ "old watchdogs", true, pvk_watchdog_take_over },
	{ "xenstore", true, store_start, store_stop, pvk_store_suspend, store_resume },
	{ "balloon", false, pvk_balloon_start, pvk_balloon_stop, NULL, pvk_balloon_resume },
	{ "bus", true, pvk_own_bus_start, pvk_own_bus_stop, pvk_own_bus_suspend,
	  pvk_own_bus_resume },
	{ "control", false, pvk_shutdown_start, pvk_shutdown_stop, NULL, pvk_shutdown_resume },
	{ "kexec", false, pvk_own_kexec_start, pvk_own_kexec_stop },
	/*
	 * Last of what is needed, because it cannot be taken back: a guest in which anything above
	 * failed, or that has another owner, keeps its emulated disks.
	 */
	{ "unplug", true, pvk_unplug_start },
	/*
	 * What programs open, when nothing can fail the load any more: that would free the module
	 * while they hold it. A module that is being loaded lets itself be held.
	 */
	{ "/dev/xen/xenbus", false, pvk_xenbus_dev_start, pvk_xenbus_dev_stop },
	{ "/proc/xen", false, pvk_proc_xen_start, pvk_proc_xen_stop },
	{ "hvc0", false, pvk_hvc_start, pvk_hvc_stop },
	{ "watchdog", false, pvk_watchdog_start, pvk_watchdog_stop, pvk_watchdog_suspend,
	  pvk_watchdog_resume },
};
static bool running[ARRAY_SIZE(parts)];

static void stop(void)
{
	int i;

	for (i = ARRAY_SIZE(parts) - 1; i >= 0; i--) {
		if (running[i] && parts[i].stop)
			parts[i].stop();
		running[i] = false;
	}
}

static int start_part(unsigned int i)
{
	int err = parts[i].start ? parts[i].start() : 0;

	running[i] = !err;
	if (!err)
		return 0;
	if (parts[i].needed) {
		pr_err("pvkit: cannot start: %s (%d)\n", parts[i].name, err);
		return err;
	}
	pr_warn("pvkit: going on without: %s (%d)\n", parts[i].name, err);
	return 0;
}

static int start(void)
{
	unsigned int i;
	int err = pvk_own_detect();

	if (err) {
		pr_err("pvkit: this machine is not a Xen guest\n");
		return err;
	}
	/* An upcall calls whoever opened the channel, in the interrupt itself; there they lock. */
	if (IS_ENABLED(CONFIG_PREEMPT_RT)) {
		pr_err("pvkit: cannot start: not for kernels with PREEMPT_RT\n");
		return -EOPNOTSUPP;
	}
	for (i = 0; i < ARRAY_SIZE(parts) && !err; i++)
		err = start_part(i);
	if (err)
		stop();
	return err;
}

void pvk_own_quiesce(void)
{
	int i;

	for (i = ARRAY_SIZE(parts) - 1; i >= 0; i--) {
		if (running[i] && parts[i].suspend)
			parts[i].suspend();
	}
}

/* Once, on the first CPU: interrupts are off and every other CPU stands still. */
void pvk_own_restore(void)
{
	int err = pvk_own_share_info(info_page, info_gfn);

	if (!err)
		err = pvk_own_events_attach(pvk_own_fifo());
	if (!err)
		err = pvk_own_fifo_resume();
	if (err)
		panic("pvkit: the restored domain has no events (%d)", err);
	err = pvk_own_grants_resume();
	if (err)
		panic("pvkit: the restored domain has no grants (%d)", err);
	pvk_own_vectors_resume();
	pvk_own_events_resume();
	pvk_unplug_resume();
}

/* Then on each CPU that is up, as above, and before any of them goes on. */
void pvk_own_restore_cpu(unsigned int cpu)
{
	int err = pvk_own_vcpu_again(cpu);

	if (err)
		panic("pvkit: CPU %u of the restored domain has no record (%d)", cpu, err);
	pvk_own_vectors_resume_cpu(cpu);
}

void pvk_own_carry_on(int cancelled)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(parts); i++) {
		if (running[i] && parts[i].resume)
			parts[i].resume(cancelled);
	}
}

void pvk_own_stay(const char *what)
{
	__module_get(THIS_MODULE);
	pr_notice_once("pvkit: Xen has %s: the module stays until the next boot\n", what);
}

static const char *guest_type(void)
{
	return "hvm";
}

/* Each disk is asked about: one that was never emulated is ours in any case. */
static bool disks_are_ours(void)
{
	return true;
}

static bool disk_is_ours(pvk_u32 virtual_device)
{
	return pvk_unplug_disk_gone(virtual_device);
}

/* The reference is left to the backend and the page to nobody: the module goes. */
static void grant_abandon(pvk_u32 ref, struct page *page)
{
	pr_warn("pvkit: a backend keeps grant %u; its page is lost\n", ref);
}

const struct pvk_way pvk_own = {
	.name = "own",
	.start = start,
	.stop = stop,
	.guest_type = guest_type,
	.report = pvk_own_report,
	.grant_reserve = pvk_own_grant_reserve,
	.grant_release = pvk_own_grant_release,
	.grant_end = pvk_own_grant_end,
	.grant_abandon = grant_abandon,
	.event_open = pvk_own_event_open,
	.event_close = pvk_own_event_close,
	.xs_read = pvk_own_xs_read,
	.xs_write = pvk_own_xs_write,
	.xs_remove = pvk_own_xs_remove,
	.xs_begin = pvk_own_xs_begin,
	.xs_end = pvk_own_xs_end,
	.xs_set_state = pvk_own_xs_set_state,
	.backend_domid = pvk_own_backend_domid,
	.frontend_register = pvk_own_frontend_register,
	.frontend_unregister = pvk_own_frontend_unregister,
	.disks_are_ours = disks_are_ours,
	.disk_is_ours = disk_is_ours,
};
