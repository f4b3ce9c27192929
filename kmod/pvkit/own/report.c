// SPDX-License-Identifier: GPL-2.0-only
/* What the own way settled on, for /sys/kernel/debug/pvkit/hypervisor: docs/counters.md. */
#include <linux/seq_file.h>

#include "kmod/pvkit/own/grants.h"
#include "kmod/pvkit/own/own.h"
#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/store.h"

static void report_grants(struct seq_file *file)
{
	struct pvk_own_grant_numbers numbers;

	pvk_own_grants_count(&numbers);
	seq_printf(file, "grant_version %u\ngrant_frames %u\ngrant_frames_max %u\n",
		   numbers.version, numbers.frames, numbers.max_frames);
	seq_printf(file, "grant_references %u\ngrant_references_free %u\n", numbers.references,
		   numbers.free);
	seq_printf(file, "grant_references_foreign %u\ngrant_references_lost %u\n",
		   numbers.foreign, numbers.lost);
}

void pvk_own_report(struct seq_file *file)
{
	seq_printf(file, "events %s\nupcalls %s\nupcall_cpus %u\n",
		   pvk_own_fifo() ? "fifo" : "2-level", pvk_own_delivery(),
		   pvk_own_upcall_cpus());
	seq_printf(file, "priorities_refused %u\n", pvk_own_priorities_refused());
	seq_printf(file, "frames %s\n", pvk_own_pci() ? "pci" : "own");
	seq_printf(file, "disks_unplugged %d\nnics_unplugged %d\n", pvk_unplug_disks_gone(),
		   pvk_unplug_nics_gone());
	report_grants(file);
	pvk_store_counters(file);
	pvk_balloon_counters(file);
}
