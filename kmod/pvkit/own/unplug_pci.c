// SPDX-License-Identifier: GPL-2.0-only
/*
 * Unplugging, as far as the PCI bus goes: which emulated devices are in use before the device model
 * is asked, and what is left of them afterwards.
 */
#include <linux/async.h>
#include <linux/device.h>
#include <linux/pci.h>
#include <linux/string.h>
#include <scsi/scsi_device.h>

#include "kmod/pvkit/own/unplug.h"

#define SUBVENDOR_QEMU	0x1af4	/* QEMU's default for devices that are nobody's product */
#define VENDOR_QEMU	0x1b36	/* devices that QEMU itself invented */
#define VENDOR_XEN	0x5853
#define AHCI_BAR	5
#define CLASS_NVME	(PCI_CLASS_STORAGE_EXPRESS >> 8)

/* Real hardware that was passed through is not the device model's to unplug. */
static bool is_emulated(struct pci_dev *pdev)
{
	if (pdev->subsystem_vendor == SUBVENDOR_QEMU || pdev->subsystem_vendor == VENDOR_XEN ||
	    pdev->vendor == VENDOR_QEMU)
		return true;
	/* QEMU's LSI 53C895A has a subsystem of its own, with no vendor. */
	return pdev->vendor == PCI_VENDOR_ID_NCR && !pdev->subsystem_vendor;
}

static bool is_disk_controller(struct pci_dev *pdev)
{
	return pdev->class >> 16 == PCI_BASE_CLASS_STORAGE && is_emulated(pdev);
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

	if (!pdev->dev.driver)
		return 0;
	device_for_each_child(&pdev->dev, &disk, find_disk);
	if (!disk)
		return 0;
	pr_err("pvkit: %s on %s is driven by %s already: no emulated disk is unplugged\n", disk,
	       pci_name(pdev), pdev->dev.driver->name);
	pr_err("pvkit: no disk will be paravirtual; load pvkit before %s, in the initramfs\n",
	       pdev->dev.driver->name);
	return pdev->class >> 8 == CLASS_NVME ? PVK_UNPLUG_NVME_DISKS : PVK_UNPLUG_IDE_DISKS;
}

static pvk_u32 busy_nic(struct pci_dev *pdev)
{
	if (!pdev->dev.driver)
		return 0;
	pr_err("pvkit: network card %s is driven by %s already: emulated network cards stay\n",
	       pci_name(pdev), pdev->dev.driver->name);
	return PVK_UNPLUG_NICS;
}

pvk_u32 pvk_unplug_busy(bool nics, struct pvk_unplug_controllers *found)
{
	struct pci_dev *pdev = NULL;
	pvk_u32 busy = 0;

	/* Controllers that are probed right now show their disks only when that has ended. */
	async_synchronize_full();
	for_each_pci_dev(pdev) {
		if (is_disk_controller(pdev)) {
			found->any = 1;
			busy |= busy_disks(pdev);
		} else if (nics && pdev->class >> 16 == PCI_BASE_CLASS_NETWORK &&
			   is_emulated(pdev)) {
			busy |= busy_nic(pdev);
		}
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
void pvk_unplug_forget_gone(void)
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
 * A controller that loses its disks and stays is reset by the device model, and forgets the
 * addresses that the kernel knows it by.
 */
void pvk_unplug_remember(void)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (is_disk_controller(pdev))
			pci_save_state(pdev);
	}
}

static pvk_u32 read_sata(struct pci_dev *pdev)
{
	const bool memory = pci_resource_flags(pdev, AHCI_BAR) & IORESOURCE_MEM;
	void __iomem *registers = memory ? pci_iomap(pdev, AHCI_BAR, 0) : NULL;
	pvk_u32 disks;

	if (!registers || pdev->class != PCI_CLASS_STORAGE_SATA_AHCI)
		disks = pvk_unplug_sata_disks(NULL, 0);
	else
		disks = pvk_unplug_sata_disks((const void __force *)registers,
					      pci_resource_len(pdev, AHCI_BAR));
	if (registers)
		pci_iounmap(pdev, registers);
	return disks;
}

/* A controller that nobody drives need not answer at its addresses: then it must for a moment. */
static pvk_u32 sata_disks(struct pci_dev *pdev)
{
	pvk_u32 disks;
	u16 command;

	pci_read_config_word(pdev, PCI_COMMAND, &command);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, command | PCI_COMMAND_MEMORY);
	disks = read_sata(pdev);
	if (!(command & PCI_COMMAND_MEMORY))
		pci_write_config_word(pdev, PCI_COMMAND, command);
	return disks;
}

static void look_at_sata(struct pci_dev *pdev, struct pvk_unplug_controllers *found)
{
	const pvk_u32 disks = sata_disks(pdev);
	const unsigned long ports = disks;

	if (!disks)
		return;
	pr_warn("pvkit: SATA controller %s stays: hd and xvd disks %*pbl are left to its driver\n",
		pci_name(pdev), 32, &ports);
	/* With two of them nobody knows which port is whose disk. */
	found->sata = found->sata ? ~0u : disks;
}

static void look_at(struct pci_dev *pdev, struct pvk_unplug_controllers *found)
{
	switch (pdev->class >> 8) {
	case CLASS_NVME:
		pr_warn("pvkit: NVMe controller %s stays: every disk is left to its driver\n",
			pci_name(pdev));
		found->nvme = 1;
		break;
	case PCI_CLASS_STORAGE_SCSI:
		pr_warn("pvkit: SCSI controller %s stays: sd disks are left to its driver\n",
			pci_name(pdev));
		found->scsi = 1;
		break;
	case PCI_CLASS_STORAGE_SATA:
		look_at_sata(pdev, found);
		break;
	}
}

void pvk_unplug_look(struct pvk_unplug_controllers *found)
{
	struct pci_dev *pdev = NULL;

	for_each_pci_dev(pdev) {
		if (!is_disk_controller(pdev) || !pci_device_is_present(pdev))
			continue;
		pci_restore_state(pdev);
		look_at(pdev, found);
	}
}
