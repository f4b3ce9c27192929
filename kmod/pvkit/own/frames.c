// SPDX-License-Identifier: GPL-2.0-only
/*
 * Guest frames to map Xen's pages in. Best are those of the memory region that the Xen platform
 * PCI device brings for it: nothing is behind them. Without the device, pages of our own serve,
 * whose memory is given to Xen first, so that they are as empty, and taken back at the end.
 */
#include <linux/gfp.h>
#include <linux/io.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/pci.h>
#include <linux/slab.h>

#include "kmod/pvkit/own/own.h"

#define XEN_PCI_VENDOR	0x5853
#define FRAMES_BAR	1

struct own_pages {
	struct list_head list;
	void *pages;
	unsigned int count;
	unsigned int emptied;	/* of these, without memory behind them */
};

static struct {
	struct pci_dev *dev;
	void *base;
	pvk_u64 first;		/* gfn */
	unsigned int count, used;
	struct list_head pages;
} frames = { .pages = LIST_HEAD_INIT(frames.pages) };

static int frames_probe(struct pci_dev *dev, const struct pci_device_id *id)
{
	int err = pci_enable_device(dev);

	if (err)
		return err;
	err = pci_request_region(dev, FRAMES_BAR, KBUILD_MODNAME);
	if (err)
		goto disable;
	frames.base = memremap(pci_resource_start(dev, FRAMES_BAR),
			       pci_resource_len(dev, FRAMES_BAR), MEMREMAP_WB);
	if (!frames.base) {
		err = -ENOMEM;
		goto release;
	}
	frames.first = pci_resource_start(dev, FRAMES_BAR) >> PAGE_SHIFT;
	frames.count = pci_resource_len(dev, FRAMES_BAR) >> PAGE_SHIFT;
	frames.dev = dev;
	return 0;

release:
	pci_release_region(dev, FRAMES_BAR);
disable:
	pci_disable_device(dev);
	return err;
}

static void frames_remove(struct pci_dev *dev)
{
	memunmap(frames.base);
	frames.dev = NULL;
	frames.count = 0;
	frames.used = 0;
	pci_release_region(dev, FRAMES_BAR);
	/* Not disabled: it also carries the device model's unplug port. */
}

static const struct pci_device_id frames_ids[] = {
	{ PCI_DEVICE(XEN_PCI_VENDOR, 0x0001) },
	{ PCI_DEVICE(XEN_PCI_VENDOR, 0x0002) },
	{ }
};
MODULE_DEVICE_TABLE(pci, frames_ids);

static struct pci_driver frames_driver = {
	.name = "pvkit",
	.id_table = frames_ids,
	.probe = frames_probe,
	.remove = frames_remove,
	/* What is mapped there outlives any device: unbinding by hand would pull it away. */
	.driver.suppress_bind_attrs = true,
};

static bool driven(const struct pci_dev *dev)
{
	if (!dev || !dev->driver)
		return false;
	pr_err("pvkit: %s already runs this guest's Xen side: there is one owner only\n",
	       dev->driver->name);
	return true;
}

/* Whichever of these devices it is: the driver of Xen's own in the kernel binds two of them too. */
static bool taken_by_another(void)
{
	const struct pci_device_id *id;
	struct pci_dev *dev;
	bool taken = false;

	for (id = frames_ids; id->vendor && !taken; id++) {
		dev = pci_get_device(id->vendor, id->device, NULL);
		taken = driven(dev);
		pci_dev_put(dev);
	}
	return taken;
}

int pvk_own_frames_start(void)
{
	if (taken_by_another())
		return -EBUSY;
	return pci_register_driver(&frames_driver);
}

/* Puts memory back under pages of ours; a page that stays without must never be used again. */
static void free_own_pages(struct own_pages *block)
{
	unsigned int i;

	for (i = 0; i < block->count; i++) {
		unsigned long page = (unsigned long)block->pages + i * PAGE_SIZE;

		if (i >= block->emptied)
			free_page(page);
		else if (pvk_own_populate(__pa(page) >> PAGE_SHIFT))
			pr_warn("pvkit: a page is lost: Xen does not give its memory back\n");
		else
			free_page(page);
	}
	kfree(block);
}

void pvk_own_frames_stop(void)
{
	struct own_pages *block, *next;

	list_for_each_entry_safe(block, next, &frames.pages, list)
		free_own_pages(block);
	INIT_LIST_HEAD(&frames.pages);
	pci_unregister_driver(&frames_driver);
}

static void *add_own_pages(unsigned int count, pvk_u64 *gfn)
{
	struct own_pages *block = kzalloc(sizeof(*block), GFP_KERNEL);

	if (!block)
		return NULL;
	block->count = count;
	block->pages = alloc_pages_exact(count * PAGE_SIZE, GFP_KERNEL | __GFP_ZERO);
	if (!block->pages) {
		kfree(block);
		return NULL;
	}
	list_add(&block->list, &frames.pages);
	*gfn = __pa(block->pages) >> PAGE_SHIFT;
	while (block->emptied < count && !pvk_own_depopulate(*gfn + block->emptied))
		block->emptied++;
	return block->emptied == count ? block->pages : NULL;
}

void *pvk_own_frames(unsigned int count, pvk_u64 *gfn)
{
	void *place;

	if (count > frames.count - frames.used)
		return add_own_pages(count, gfn);
	place = frames.base + frames.used * PAGE_SIZE;
	*gfn = frames.first + frames.used;
	frames.used += count;
	return place;
}

struct pci_dev *pvk_own_pci(void)
{
	return frames.dev;
}
