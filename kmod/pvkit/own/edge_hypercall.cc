// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/own/edge_hypercall.h"

#include "hypercalls/detect.h"
#include "hypercalls/version_calls.h"

constinit OwnTransport pvk_own_transport;

extern "C" {

int pvk_own_choose_transport(void)
{
	const pvk::Result<pvk::Hypervisor> xen = pvk::find_xen(pvk::native_cpuid);
	if (!xen.ok())
		return -PVK_ENODEV;
	const pvk::Result<pvk::AnyTransport> chosen = pvk::transport_for(xen.value().vendor);
	if (!chosen.ok())
		return pvk::to_errno(chosen.error());
	const OwnTransport transport{chosen.value()};
	/* What CPUID says of the version, Xen itself must confirm: the calls work. */
	const pvk::Result<pvk::XenVersion> version = pvk::xen_version(transport);
	if (!version.ok())
		return pvk::to_errno(version.error());
	pvk_own_transport = transport;
	return 0;
}

long pvk_hypercall(pvk_u64 number, pvk_u64 a1, pvk_u64 a2, pvk_u64 a3, pvk_u64 a4, pvk_u64 a5)
{
	return pvk_own_transport.call(number, a1, a2, a3, a4, a5);
}

} // extern "C"
