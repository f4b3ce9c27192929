// SPDX-License-Identifier: GPL-2.0-only
// The cold half of edge.h: a device's life.
#include "frontends/block/device.h"
#include "frontends/block/naming.h"
#include "kmod/blkfront/edge.h"

// A device of the core, and what the shims gave to be called back.
struct pvk_blk {
	pvk_blk_port port;
	void *context;
	pvk::block::Device device;
};

namespace
{

using pvk::Phase;
using pvk::block::Device;
using pvk::block::DevicePort;
using pvk::block::DiskOffer;
using pvk::block::QueuePlan;

pvk_blk &of(void *context)
{
	return *static_cast<pvk_blk *>(context);
}

pvk_blk_disk describe(const pvk_blk &blk, const DiskOffer &offer, const QueuePlan &plan,
		      pvk::u32 queues)
{
	pvk_blk_disk disk{};
	disk.sectors = offer.sectors;
	disk.sector_size = offer.sector_size;
	disk.physical_sector_size = offer.physical_sector_size;
	disk.discard_granularity = offer.discard_granularity;
	disk.discard_alignment = offer.discard_alignment;
	disk.queues = queues;
	disk.poll_queues = blk.device.ring_plan().poll_queues;
	disk.ring_page_order = blk.device.ring_plan().ring_page_order;
	disk.depth = plan.depth;
	disk.max_segments = plan.max_segments;
	disk.indirect_pages = plan.indirect_pages;
	disk.data_mode = pvk::block::to_text(plan.data_mode);
	disk.read_only = offer.read_only ? 1 : 0;
	disk.removable = offer.removable ? 1 : 0;
	disk.cdrom = offer.cdrom ? 1 : 0;
	disk.flush = offer.flush ? 1 : 0;
	disk.barrier = offer.barrier ? 1 : 0;
	disk.discard = offer.discard ? 1 : 0;
	disk.secure_discard = offer.secure_discard ? 1 : 0;
	return disk;
}

int attach(void *context, const DiskOffer &offer, const QueuePlan &plan, pvk::u32 queues)
{
	const pvk_blk_disk disk = describe(of(context), offer, plan, queues);
	return of(context).port.attach(of(context).context, &disk);
}

void hold(void *context)
{
	of(context).port.hold(of(context).context);
}

void take_back(void *context, bool answers)
{
	of(context).port.take_back(of(context).context, answers ? 1 : 0);
}

void carry_on(void *context, const DiskOffer &offer, const QueuePlan &plan, pvk::u32 queues)
{
	const pvk_blk_disk disk = describe(of(context), offer, plan, queues);
	of(context).port.carry_on(of(context).context, &disk);
}

pvk::block::Params to_core(const pvk_blk_params &params)
{
	return {params.max_queues,
		params.poll_queues,
		params.max_ring_page_order,
		params.max_indirect_segments,
		params.feature_persistent != 0,
		params.trusted != 0};
}

void detach(void *context, bool answers)
{
	of(context).port.detach(of(context).context, answers ? 1 : 0);
}

void resize(void *context, pvk::u64 sectors)
{
	of(context).port.resize(of(context).context, sectors);
}

void wait_backend_closed(void *context)
{
	of(context).port.wait_backend_closed(of(context).context);
}

int upcall(void *context, pvk::u32 queue)
{
	return of(context).port.upcall(of(context).context, queue);
}

} // namespace

extern "C" {

int pvk_blk_name_disk(pvk_u32 virtual_device, pvk_blk_name *name)
{
	const auto found = pvk::block::name_disk(virtual_device);
	if (!found.ok())
		return pvk::to_errno(found.error());
	const char *text = found.value().name.c_str();
	for (size_t i = 0; i < sizeof(name->name); ++i) {
		name->name[i] = i <= found.value().name.size() ? text[i] : '\0';
	}
	name->major = found.value().major;
	name->minor = found.value().minor;
	name->minors = found.value().minors;
	return 0;
}

long long pvk_blk_read_number(pvk_bus *bus, const char *key, pvk_u32 limit)
{
	const auto found = pvk::XenstoreReader(bus, pvk::Side::kFrontend).number(key, limit);
	if (!found.ok())
		return pvk::to_errno(found.error());
	return static_cast<long long>(found.value());
}

int pvk_blk_is_cd(pvk_bus *bus)
{
	const pvk::Result<bool> cdrom = pvk::block::is_cd(bus);
	return cdrom.ok() ? cdrom.value() : pvk::to_errno(cdrom.error());
}

pvk_blk *pvk_blk_create(pvk_bus *bus, const pvk_blk_params *params, pvk_u32 cpus,
			const pvk_blk_port *port, void *context)
{
	void *memory = pvk_alloc(sizeof(pvk_blk));
	if (memory == nullptr)
		return nullptr;
	const DevicePort inner{
	    memory, attach, detach, hold, take_back, carry_on, resize, wait_backend_closed, upcall};
	return new (pvk::Place{memory})
	    pvk_blk{*port, context, Device(bus, to_core(*params), cpus, inner)};
}

void pvk_blk_destroy(pvk_blk *blk)
{
	blk->device.~Device();
	pvk_free(blk);
}

void pvk_blk_set_params(pvk_blk *blk, const pvk_blk_params *params)
{
	blk->device.set_params(to_core(*params));
}

int pvk_blk_start(pvk_blk *blk)
{
	return pvk::to_errno(blk->device.start());
}

void pvk_blk_backend_changed(pvk_blk *blk, int state)
{
	blk->device.backend_changed(state);
}

void pvk_blk_resumed(pvk_blk *blk)
{
	blk->device.resumed();
}

int pvk_blk_unfinished(pvk_blk *blk)
{
	return blk->device.unfinished() ? 1 : 0;
}

void pvk_blk_fail(pvk_blk *blk)
{
	blk->device.fail();
}

void pvk_blk_remove(pvk_blk *blk)
{
	blk->device.remove();
}

const char *pvk_blk_phase(pvk_blk *blk)
{
	return pvk::to_text(blk->device.phase());
}

int pvk_blk_settled(pvk_blk *blk)
{
	const Phase phase = blk->device.phase();
	return phase != Phase::kWaiting && phase != Phase::kPublished ? 1 : 0;
}

pvk_blk_queue *pvk_blk_get_queue(pvk_blk *blk, pvk_u32 index)
{
	return reinterpret_cast<pvk_blk_queue *>(&blk->device.queues()[index]);
}

} // extern "C"
