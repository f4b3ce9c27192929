// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unplugging the emulated disks and network cards whose paravirtual twins we drive.
 *
 * A disk that a driver already has is never unplugged: the guest would lose it in mid-flight. And
 * a disk that the device model keeps is never driven. So the emulated controllers on the PCI bus
 * are looked at before asking and afterwards.
 */
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kmod/pvkit/own/services.h"
#include "kmod/pvkit/own/unplug.h"

#define COMMAND_LINE_MAX 4096

static char *wanted;
module_param_named(unplug, wanted, charp, 0444);
MODULE_PARM_DESC(unplug, "emulated devices to unplug, as xen_emul_unplug= (default: disks)");

static struct pvk_unplug_choice choice;
static int outcome;
static struct pvk_unplug_controllers found;

/*
 * The kernel keeps its command line to itself (saved_command_line is not exported), but shows it
 * to everybody. No /proc, no option: then only the module's parameter counts. Any other error is
 * one, as what cannot be read may forbid to unplug.
 */
static int read_command_line(char *line)
{
	struct file *file = filp_open("/proc/cmdline", O_RDONLY, 0);
	loff_t position = 0;
	ssize_t length;

	if (IS_ERR(file))
		return PTR_ERR(file) == -ENOENT ? 0 : PTR_ERR(file);
	length = kernel_read(file, line, COMMAND_LINE_MAX - 1, &position);
	filp_close(file, NULL);
	return min_t(ssize_t, length, 0);
}

static void choose(const char *origin, const char *text)
{
	if (!pvk_unplug_parse(text, strlen(text), &choice))
		return;
	pr_err("pvkit: %s=%s makes no sense: nothing is unplugged, no disk is paravirtual\n",
	       origin, text);
	pvk_unplug_never(&choice);
}

/*
 * What all options say, one after the other with commas, where the line was: false without any. A
 * later one adds to those before it, as with the kernel's own code, and so does not undo a "never".
 */
static bool gather(char *line)
{
	static const char option[] = "xen_emul_unplug=";
	char *rest = line;
	char *end = NULL;
	char *word;

	while ((word = strsep(&rest, " \t\n"))) {
		if (strncmp(word, option, sizeof(option) - 1))
			continue;
		word += sizeof(option) - 1;
		if (end)
			*end++ = ',';
		else
			end = line;
		memmove(end, word, strlen(word) + 1);
		end += strlen(end);
	}
	return end;
}

static int choose_by_command_line(void)
{
	char *line = kzalloc(COMMAND_LINE_MAX, GFP_KERNEL);
	int err = line ? read_command_line(line) : -ENOMEM;

	if (!err && gather(line))
		choose("xen_emul_unplug", line);
	kfree(line);
	return err;
}

static void ask(void)
{
	const pvk_u32 busy = pvk_unplug_busy(choice.devices & PVK_UNPLUG_NICS, &found);
	const bool disks = (choice.devices & PVK_UNPLUG_ANY_DISK) && !(busy & PVK_UNPLUG_ANY_DISK);

	if (disks)
		pvk_unplug_remember();
	outcome = pvk_unplug_ask(&choice, busy);
	if (!pvk_unplug_done(outcome))
		return;
	pvk_unplug_forget_gone();
	if (disks)
		pvk_unplug_look(&found);
}

int pvk_unplug_start(void)
{
	pvk_u32 wish;
	int err;

	pvk_unplug_default(&choice);
	err = choose_by_command_line();
	if (err)
		return err;
	if (wanted)	/* the module's own parameter knows best */
		choose("unplug", wanted);
	wish = choice.devices;
	memset(&found, 0, sizeof(found));
	ask();
	pr_info("pvkit: emulated devices: %s%s%s%s\n", pvk_unplug_text(outcome),
		pvk_unplug_disks_gone() ? ", disks are ours" : "",
		pvk_unplug_nics_gone() ? ", network cards are gone" : "",
		wish != choice.devices ? ", some were in use" : "");
	return 0;
}

/*
 * The new domain's device model was started with all that the configuration names. The kernel has
 * not seen it, and must not before it is gone again.
 */
void pvk_unplug_resume(void)
{
	int again;

	if (!pvk_unplug_done(outcome))
		return;
	again = pvk_unplug_ask_again(&choice, &found);
	if (!pvk_unplug_done(again))
		pr_err("pvkit: emulated devices that were unplugged may be back: %s\n",
		       pvk_unplug_text(again));
}

int pvk_unplug_disk_gone(pvk_u32 virtual_device)
{
	return pvk_unplug_is_gone(outcome, &choice, &found, virtual_device);
}

int pvk_unplug_disks_gone(void)
{
	return pvk_unplug_disk_gone(0);
}

int pvk_unplug_nics_gone(void)
{
	return pvk_unplug_done(outcome) && (choice.devices & PVK_UNPLUG_NICS);
}
