// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/hypervisor.h"

#include "hypercalls/any_transport.h"
#include "hypercalls/version_calls.h"

namespace
{

template <class Transport>
void ask_version(Transport transport, const char *name, pvk_hypervisor &found)
{
	const pvk::Result<pvk::XenVersion> version = pvk::xen_version(transport);
	if (!version.ok())
		return;
	found.major = version.value().major;
	found.minor = version.value().minor;
	found.transport = name;
	found.asked = 1;
}

} // namespace

extern "C" void pvk_find_hypervisor(int may_call, pvk_hypervisor *found)
{
	*found = {0, 0, 0, "kernel", 0};
	const pvk::Result<pvk::Hypervisor> xen = pvk::find_xen(pvk::native_cpuid);
	if (!xen.ok())
		return;
	found->base_leaf = xen.value().base_leaf;
	found->major = xen.value().major;
	found->minor = xen.value().minor;
	if (may_call == 0)
		return;
	if (xen.value().vendor == pvk::Vendor::kIntel)
		ask_version(pvk::Vmcall{}, "vmcall", *found);
	if (xen.value().vendor == pvk::Vendor::kAmd)
		ask_version(pvk::Vmmcall{}, "vmmcall", *found);
}
