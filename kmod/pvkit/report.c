// SPDX-License-Identifier: GPL-2.0-only
/* /sys/kernel/debug/pvkit: what the runtime holds and where it runs. docs/counters.md. */
#include <linux/debugfs.h>
#include <linux/module.h>
#include <linux/seq_file.h>

#include "kmod/pvkit/hypervisor.h"
#include "kmod/pvkit/pvkit.h"

static struct dentry *root;
static struct pvk_hypervisor hypervisor;

static int hypervisor_show(struct seq_file *file, void *unused)
{
	seq_printf(file, "guest %s\nway %s\nxen %u.%u\ncpuid_base 0x%x\ntransport %s\nasked %d\n",
		   pvk_way->guest_type(), pvk_way->name, hypervisor.major, hypervisor.minor,
		   hypervisor.base_leaf, hypervisor.transport, hypervisor.asked);
	if (pvk_way->report)
		pvk_way->report(file);
	return 0;
}
DEFINE_SHOW_ATTRIBUTE(hypervisor);

#define HELD_FILE(name, field) \
	static int name##_show(struct seq_file *file, void *unused) \
	{ \
		struct pvk_held held; \
		\
		pvk_count_held(&held); \
		seq_printf(file, "%u\n", held.field); \
		return 0; \
	} \
	DEFINE_SHOW_ATTRIBUTE(name)

HELD_FILE(grants_in_use, grants);
HELD_FILE(parked, parked);
HELD_FILE(parked_ever, parked_ever);
HELD_FILE(events_open, events);

static void find_hypervisor(void)
{
	int version;

	pvk_find_hypervisor(strcmp(pvk_way->guest_type(), "pv") != 0, &hypervisor);
	if (hypervisor.asked || !pvk_way->xen_version)
		return;
	/* A PV guest's CPUID shows the bare processor, and its hypercalls are the kernel's. */
	version = pvk_way->xen_version();
	hypervisor.major = version >> 16;
	hypervisor.minor = version & 0xffff;
}

void pvk_report_init(void)
{
	find_hypervisor();
	if (hypervisor.major)
		pr_info("pvkit: %s guest of Xen %u.%u, hypercalls by %s\n", pvk_way->guest_type(),
			hypervisor.major, hypervisor.minor, hypervisor.transport);
	root = debugfs_create_dir("pvkit", NULL);
	debugfs_create_file("hypervisor", 0444, root, NULL, &hypervisor_fops);
	debugfs_create_file("grants_in_use", 0444, root, NULL, &grants_in_use_fops);
	debugfs_create_file("parked", 0444, root, NULL, &parked_fops);
	debugfs_create_file("parked_ever", 0444, root, NULL, &parked_ever_fops);
	debugfs_create_file("events_open", 0444, root, NULL, &events_open_fops);
}

void pvk_report_exit(void)
{
	debugfs_remove_recursive(root);
}

struct dentry *pvk_debugfs_root(void)
{
	return root;
}
EXPORT_SYMBOL_GPL(pvk_debugfs_root);
