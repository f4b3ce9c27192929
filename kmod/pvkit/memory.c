// SPDX-License-Identifier: GPL-2.0-only
/* Memory, time and the log for the runtime (platform.h). */
#include <linux/gfp.h>
#include <linux/ktime.h>
#include <linux/log2.h>
#include <linux/mm.h>
#include <linux/module.h>
#include <linux/slab.h>
#if IS_ENABLED(CONFIG_XEN_XENBUS_FRONTEND)
#include <xen/page.h>
#else
#define virt_to_gfn(address)	0	/* not called: pvk_is_own() is always true here */
#endif

#include "kmod/pvkit/pvkit.h"

void *pvk_alloc(pvk_size bytes)
{
	/*
	 * kmalloc aligns a power of two to itself; larger blocks are whole pages. Who must not wait
	 * for a disk has said so for the task.
	 */
	return kvzalloc(roundup_pow_of_two(max_t(size_t, bytes, 64)), GFP_KERNEL);
}
EXPORT_SYMBOL_GPL(pvk_alloc);

void pvk_free(void *memory)
{
	kvfree(memory);
}
EXPORT_SYMBOL_GPL(pvk_free);

void *pvk_pages_alloc(unsigned int count, int may_sleep)
{
	/* NOIO: a disk that comes back may be the one that memory is to be written to. */
	gfp_t gfp = (may_sleep ? GFP_NOIO : GFP_NOWAIT | __GFP_NOWARN) | __GFP_ZERO;

	if (count == 1)
		return (void *)__get_free_page(gfp);
	/* Splits the block, so that each page can be freed alone. */
	return alloc_pages_exact(count * PAGE_SIZE, gfp);
}
EXPORT_SYMBOL_GPL(pvk_pages_alloc);

void pvk_pages_free(void *pages, unsigned int count)
{
	unsigned int i;

	for (i = 0; i < count; i++)
		free_page((unsigned long)pages + i * PAGE_SIZE);
}
EXPORT_SYMBOL_GPL(pvk_pages_free);

pvk_u64 pvk_gfn(const void *address)
{
	return pvk_is_own() ? page_to_pfn(virt_to_page(address)) : virt_to_gfn(address);
}
EXPORT_SYMBOL_GPL(pvk_gfn);

pvk_u64 pvk_time_ns(void)
{
	return ktime_get_ns();
}
EXPORT_SYMBOL_GPL(pvk_time_ns);

void pvk_log(int level, const char *device, const char *format, ...)
{
	struct va_format line;
	va_list arguments;

	va_start(arguments, format);
	line.fmt = format;
	line.va = &arguments;
	switch (level) {
	case PVK_LOG_ERROR:
		pr_err("pvkit: %s: %pV\n", device, &line);
		break;
	case PVK_LOG_WARNING:
		pr_warn("pvkit: %s: %pV\n", device, &line);
		break;
	default:
		pr_info("pvkit: %s: %pV\n", device, &line);
	}
	va_end(arguments);
}
EXPORT_SYMBOL_GPL(pvk_log);

void pvk_panic(const char *why)
{
	panic("pvkit: %s", why);
}
EXPORT_SYMBOL_GPL(pvk_panic);
