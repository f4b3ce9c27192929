// SPDX-License-Identifier: GPL-2.0-only
/*
 * Another kernel is started in this guest by kexec. It finds the memory that we shared: nobody may
 * write there by then, and Xen's side must be as a first owner finds it. At any other end of the
 * guest there is nothing to do, as Xen ends all that it has.
 *
 * A crash kernel is not prepared for: it runs in memory of its own, and what is left of us cannot
 * be trusted to prepare anything.
 */
#include <linux/delay.h>
#include <linux/kernel.h>
#include <linux/notifier.h>
#include <linux/reboot.h>
#include <linux/string.h>

#include "kmod/pvkit/own/bus.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"

#define WAIT_MS		20
#define MOST_WAITS	250
#define VCPUS_IN_PAGE	32	/* XEN_LEGACY_MAX_VCPUS of xen/arch-x86/xen.h */

static bool leaving;
static unsigned int devices_left;

/* What Xen does to memory of ours until the domain ends; NULL: nothing. */
static const char *remains(void)
{
	unsigned int cpu;

	if (pvk_own_fifo())
		return "Xen goes on writing to the pages of FIFO channels";
	if (!pvk_own_pci())
		return "Xen's own pages are mapped over some of its memory";
	for_each_possible_cpu(cpu) {
		if (cpu < PVK_OWN_CPUS && pvk_own_vcpu_of(cpu) >= VCPUS_IN_PAGE)
			return "Xen goes on writing to the records of more than 32 vCPUs";
	}
	return NULL;
}

/* Backends have been told; pages that they let go of late are waited for, five seconds in all. */
static unsigned int pages_kept(void)
{
	static unsigned int waits;
	struct pvk_held held;

	pvk_count_held(&held);
	while (held.parked && waits < MOST_WAITS) {
		msleep(WAIT_MS);
		waits++;
		pvk_count_held(&held);
	}
	return held.parked;
}

/* Once no device needs xenstore any more. */
static void leave(void)
{
	unsigned int kept = pages_kept();

	pvk_store_drain();
	pvk_own_events_quiet();
	pvk_own_vectors_quiet();
	if (kept)
		pr_err("pvkit: backends keep %u pages, which the new kernel takes for its own\n",
		       kept);
}

/* A notifier cannot refuse; what it says here may be what somebody looks for afterwards. */
static void warn(u64 holes)
{
	const char *reason = remains();

	if (reason)
		pr_err("pvkit: the new kernel is not safe, and cannot use Xen's side: %s\n",
		       reason);
	if (holes)
		pr_err("pvkit: the new kernel is not safe: the host has %llu pages of its memory\n",
		       holes);
}

static int restarting(struct notifier_block *block, unsigned long event, void *command)
{
	/* kexec_in_progress is not for modules, but this is what kernel_kexec() calls it. */
	if (event != SYS_RESTART || !command || strcmp(command, "kexec reboot"))
		return NOTIFY_DONE;
	pvk_balloon_stop();
	warn(pvk_balloon_left());
	devices_left = pvk_own_bus_freeze();
	leaving = true;
	if (!devices_left)
		leave();
	return NOTIFY_DONE;
}

static struct notifier_block notifier = { .notifier_call = restarting };

bool pvk_own_kexec(void)
{
	return leaving;
}

/* The kernel shuts devices down one after the other. */
void pvk_own_kexec_left(void)
{
	if (!--devices_left)
		leave();
}

int pvk_own_kexec_start(void)
{
	return register_reboot_notifier(&notifier);
}

void pvk_own_kexec_stop(void)
{
	unregister_reboot_notifier(&notifier);
}
