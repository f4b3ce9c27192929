// SPDX-License-Identifier: GPL-2.0-only
/*
 * /proc/xen, by which guest agents and their start scripts tell that they are in a Xen guest. Of a
 * guest's xenfs it has what they look for: xenbus, and capabilities, which is empty outside dom0.
 */
#include <linux/namei.h>
#include <linux/path.h>
#include <linux/proc_fs.h>
#include <linux/seq_file.h>

#include "kmod/pvkit/own/xenbus_dev.h"

static struct proc_dir_entry *folder;

static int no_capability(struct seq_file *to, void *unused)
{
	return 0;
}

/* Another's: the kernel complains loudly when a name is taken twice. */
static bool is_there(void)
{
	struct path path;

	if (kern_path("/proc/xen", 0, &path))
		return false;
	path_put(&path);
	return true;
}

int pvk_proc_xen_start(void)
{
	if (is_there())
		return -EEXIST;
	folder = proc_mkdir("xen", NULL);
	if (folder && proc_symlink("xenbus", folder, "/dev/xen/xenbus") &&
	    proc_create_single("capabilities", 0444, folder, no_capability))
		return 0;
	pvk_proc_xen_stop();
	return -ENOMEM;
}

void pvk_proc_xen_stop(void)
{
	proc_remove(folder);
	folder = NULL;
}
