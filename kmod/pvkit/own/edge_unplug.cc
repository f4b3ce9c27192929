// SPDX-License-Identifier: GPL-2.0-only
// The unplug half of edge_services.h.
#include "kmod/pvkit/own/edge_services.h"
#include "pvops/unplug.h"

namespace
{

namespace unplug = pvk::unplug;

static_assert(PVK_UNPLUG_IDE_DISKS == unplug::kIdeDisks);
static_assert(PVK_UNPLUG_NICS == unplug::kNics);
static_assert(PVK_UNPLUG_AUX_IDE_DISKS == unplug::kAuxIdeDisks);
static_assert(PVK_UNPLUG_NVME_DISKS == unplug::kNvmeDisks);
static_assert(PVK_UNPLUG_ANY_DISK == unplug::kAnyDisk);

unplug::Choice of(const pvk_unplug_choice &choice)
{
	return {static_cast<unplug::Policy>(choice.policy),
		static_cast<unplug::Devices>(choice.devices)};
}

unplug::Controllers of(const pvk_unplug_controllers &found)
{
	return {found.any != 0, found.nvme != 0, found.scsi != 0, found.sata};
}

void set(pvk_unplug_choice &choice, const unplug::Choice &from)
{
	choice.policy = static_cast<pvk_u32>(from.policy);
	choice.devices = from.devices;
}

} // namespace

extern "C" {

void pvk_unplug_default(pvk_unplug_choice *choice)
{
	set(*choice, unplug::Choice{});
}

void pvk_unplug_never(pvk_unplug_choice *choice)
{
	set(*choice, {unplug::Policy::kNever, 0});
}

int pvk_unplug_parse(const char *text, pvk_size length, pvk_unplug_choice *choice)
{
	const pvk::Result<unplug::Choice> parsed = unplug::parse_choice({text, length});
	if (!parsed.ok())
		return pvk::to_errno(parsed.error());
	set(*choice, parsed.value());
	return 0;
}

int pvk_unplug_ask(pvk_unplug_choice *choice, pvk_u32 busy)
{
	pvk::NativePorts ports;
	const unplug::Choice left =
	    unplug::without_busy(of(*choice), static_cast<unplug::Devices>(busy));
	set(*choice, left);
	return static_cast<int>(unplug::unplug(ports, left));
}

int pvk_unplug_ask_again(const pvk_unplug_choice *choice, const pvk_unplug_controllers *found)
{
	pvk::NativePorts ports;
	return static_cast<int>(unplug::unplug(ports, unplug::ask_again(of(*choice), of(*found))));
}

int pvk_unplug_is_gone(int outcome, const pvk_unplug_choice *choice,
		       const pvk_unplug_controllers *found, pvk_u32 virtual_device)
{
	return unplug::disk_is_gone(static_cast<unplug::Outcome>(outcome), of(*choice), of(*found),
				    virtual_device)
		   ? 1
		   : 0;
}

pvk_u32 pvk_unplug_sata_disks(const void *registers, pvk_size bytes)
{
	pvk::NativeRegisters mapped{static_cast<const volatile pvk::u32 *>(registers)};
	return unplug::sata_disks(mapped, bytes);
}

int pvk_unplug_done(int outcome)
{
	return static_cast<unplug::Outcome>(outcome) == unplug::Outcome::kUnplugged ? 1 : 0;
}

const char *pvk_unplug_text(int outcome)
{
	return unplug::to_text(static_cast<unplug::Outcome>(outcome));
}

} // extern "C"
