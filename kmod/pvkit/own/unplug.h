/* SPDX-License-Identifier: GPL-2.0-only */
/* Unplugging's halves: unplug.c decides with the core, unplug_pci.c looks at the PCI bus. */
#ifndef PVKIT_KMOD_OWN_UNPLUG_H
#define PVKIT_KMOD_OWN_UNPLUG_H

#include <linux/types.h>

#include "kmod/pvkit/own/edge_services.h"

/* PVK_UNPLUG_* of what a driver uses, with @nics network cards too; sets @found->any. */
pvk_u32 pvk_unplug_busy(bool nics, struct pvk_unplug_controllers *found);
/* Before disks are unplugged, none of which is in use. */
void pvk_unplug_remember(void);
/* Devices that are no more, and that nobody drives, are taken off the kernel's list. */
void pvk_unplug_forget_gone(void);
/* Last: gives controllers that stay what was remembered, and says which may still have disks. */
void pvk_unplug_look(struct pvk_unplug_controllers *found);

#endif
