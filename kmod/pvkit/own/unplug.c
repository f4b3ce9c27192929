// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unplugging the emulated disks and network cards whose paravirtual twins we drive.
 *
 * A disk that a driver already has is never unplugged: the guest would lose it in mid-flight. So
 * before asking, the emulated controllers on the PCI bus are looked at.
 */
#include <linux/async.h>
#include <linux/device.h>
#include <linux/err.h>
#include <linux/fs.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <scsi/scsi_device.h>

#include "kmod/pvkit/own/edge_services.h"
#include "kmod/pvkit/own/services.h"

#define SUBVENDOR_QEMU	0x1af4	/* QEMU's default for devices that are nobody's product */
#define VENDOR_QEMU	0x1b36	/* devices that QEMU itself invented */
#define VENDOR_XEN	0x5853
#define COMMAND_LINE_MAX 4096

static char *wanted;
module_param_named(unplug, wanted, charp, 0444);
MODULE_PARM_DESC(unplug, "emulated devices to unplug, as xen_emul_unplug= (default: disks)");

static struct pvk_unplug_choice choice;
static int outcome;
static int emulated_controller;

/* Real hardware that was passed through is not the device model's to unplug. */
static bool is_emulated(struct pci_dev *pdev)
{
	if (pdev->subsystem_vendor == SUBVENDOR_QEMU || pdev->subsystem_vendor == VENDOR_XEN ||
	    pdev->vendor == VENDOR_QEMU)
		return true;
	/* QEMU's LSI 53C895A has a subsystem of its own, with no vendor. */
	return pdev->vendor == PCI_VENDOR_ID_NCR && !pdev->subsystem_vendor;
}

/*
 * A disk somewhere below a controller; CD drives are never unplugged. A SCSI disk counts before sd
 * knows of it.
 */
static int find_disk(struct device *dev, void *found)
{
	if (dev->type && dev->type->name && !strcmp(dev->type->name, "scsi_device")) {
		if (to_scsi_device(dev)->type == TYPE_DISK)
			*(const char **)found = dev_name(dev);
		return 0;
	}
	if (dev->class && !strcmp(dev->class->name, "block"))
		*(const char **)found = dev_name(dev);
	else
		device_for_each_child(dev, found, find_disk);
	return 0;
}

static pvk_u32 busy_disks(struct pci_dev *pdev)
{
	const char *disk = NULL;

	emulated_controller = 1;
	if (!pdev->dev.driver)
		return 0;
	device_for_each_child(&pdev->dev, &disk, find_disk);
	if (!disk)
		return 0;
	pr_err("pvkit: %s on %s is driven by %s already: no emulated disk is unplugged\n", disk,
	       pci_name(pdev), pdev->dev.driver->name);
	pr_err("pvkit: no disk will be paravirtual; load pvkit before %s, in the initramfs\n",
	       pdev->dev.driver->name);
	return (pdev->class >> 8) == PCI_CLASS_STORAGE_EXPRESS ? PVK_UNPLUG_NVME_DISKS :
								 PVK_UNPLUG_IDE_DISKS;
}

static pvk_u32 busy_nic(struct pci_dev *pdev)
{
	if (!pdev->dev.driver || !(choice.devices & PVK_UNPLUG_NICS))
		return 0;
	pr_err("pvkit: network card %s is driven by %s already: emulated network cards stay\n",
	       pci_name(pdev), pdev->dev.driver->name);
	return PVK_UNPLUG_NICS;
}

static pvk_u32 busy_devices(void)
{
	struct pci_dev *pdev = NULL;
	pvk_u32 busy = 0;

	/* Controllers that are probed right now show their disks only when that has ended. */
	async_synchronize_full();
	for_each_pci_dev(pdev) {
		if (!is_emulated(pdev))
			continue;
		if (pdev->class >> 16 == PCI_BASE_CLASS_STORAGE)
			busy |= busy_disks(pdev);
		else if (pdev->class >> 16 == PCI_BASE_CLASS_NETWORK)
			busy |= busy_nic(pdev);
	}
	return busy;
}

static struct pci_dev *next_gone(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (is_emulated(pdev) && !pdev->dev.driver && !pci_device_is_present(pdev))
			return pdev;
	}
	return NULL;
}

/*
 * The device model takes devices out without a word to the kernel, which would go on to offer them
 * to drivers: these would find registers that read as all ones. IDE controllers stay.
 */
static void forget_gone(void)
{
	struct pci_dev *pdev;

	pci_lock_rescan_remove();
	while ((pdev = next_gone())) {
		pr_info("pvkit: %s is unplugged\n", pci_name(pdev));
		pci_stop_and_remove_bus_device(pdev);
		pci_dev_put(pdev);
	}
	pci_unlock_rescan_remove();
}

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
	pr_err("pvkit: %s=%s makes no sense: nothing is unplugged\n", origin, text);
	pvk_unplug_never(&choice);
}

static int choose_by_command_line(void)
{
	static const char option[] = "xen_emul_unplug=";
	char *line = kzalloc(COMMAND_LINE_MAX, GFP_KERNEL);
	char *rest = line;
	char *word;
	int err = line ? read_command_line(line) : -ENOMEM;

	while (!err && (word = strsep(&rest, " \t\n")))
		if (!strncmp(word, option, sizeof(option) - 1))
			choose("xen_emul_unplug", word + sizeof(option) - 1);
	kfree(line);
	return err;
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
	emulated_controller = 0;
	outcome = pvk_unplug_ask(&choice, busy_devices());
	if (pvk_unplug_done(outcome))
		forget_gone();
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
	again = pvk_unplug_ask(&choice, 0);
	if (!pvk_unplug_done(again))
		pr_err("pvkit: emulated devices that were unplugged are back: %s\n",
		       pvk_unplug_text(again));
}

int pvk_unplug_disk_gone(pvk_u32 virtual_device)
{
	return pvk_unplug_is_gone(outcome, &choice, emulated_controller, virtual_device);
}

int pvk_unplug_disks_gone(void)
{
	return pvk_unplug_disk_gone(0);
}

int pvk_unplug_nics_gone(void)
{
	return pvk_unplug_done(outcome) && (choice.devices & PVK_UNPLUG_NICS);
}
