// SPDX-License-Identifier: GPL-2.0-only
#include "kmod/pvkit/own/edge_start.h"

#include "hypercalls/detect.h"
#include "hypercalls/hvm_calls.h"
#include "hypercalls/memory_calls.h"
#include "hypercalls/sched_calls.h"
#include "hypercalls/shared_info.h"
#include "kmod/pvkit/own/edge.h"
#include "kmod/pvkit/own/edge_hypercall.h"

namespace
{

constinit shared_info *the_page = nullptr;

pvk::Status share(shared_info &page, pvk::u64 gfn)
{
	/* First, so that Xen takes the page for a 64-bit guest's from the beginning. */
	PVK_TRY(pvk::set_param(pvk_own_transport, HVM_PARAM_CALLBACK_IRQ, 0));
	PVK_TRY(pvk::add_to_physmap(pvk_own_transport, XENMAPSPACE_shared_info, 0, gfn));
	if (pvk::shared_layout(page) == pvk::SharedLayout::k64)
		return {};
	/* Some Xens look only when the page is there. */
	PVK_TRY(pvk::set_param(pvk_own_transport, HVM_PARAM_CALLBACK_IRQ, 0));
	if (pvk::shared_layout(page) != pvk::SharedLayout::k64)
		return pvk::Error::kNotSupported;
	return {};
}

} // namespace

shared_info &pvk_own_shared()
{
	return *the_page;
}

extern "C" {

int pvk_own_detect(void)
{
	return pvk_own_choose_transport();
}

int pvk_own_vcpu_here(pvk_u32 *vcpu)
{
	const pvk::Result<pvk::u32> number = pvk::vcpu_number(pvk::native_cpuid);
	if (!number.ok())
		return pvk::to_errno(number.error());
	*vcpu = number.value();
	return 0;
}

int pvk_own_share_info(void *page, pvk_u64 gfn)
{
	the_page = static_cast<shared_info *>(page);
	const pvk::Status shared = share(*the_page, gfn);
	if (!shared.ok())
		pvk_own_unshare_info(gfn);
	return pvk::to_errno(shared);
}

void pvk_own_unshare_info(pvk_u64 gfn)
{
	the_page = nullptr;
	/* Nothing can be done if Xen refuses, and nobody looks at the frame any more. */
	static_cast<void>(pvk::remove_from_physmap(pvk_own_transport, gfn).ok());
}

int pvk_own_depopulate(pvk_u64 gfn)
{
	pvk::u64 one[] = {gfn};
	const pvk::Result<pvk::u64> done = pvk::decrease_reservation(pvk_own_transport, {one, 1});
	if (!done.ok())
		return pvk::to_errno(done.error());
	return done.value() == 1 ? 0 : -PVK_ENOMEM;
}

int pvk_own_populate(pvk_u64 gfn)
{
	pvk::u64 one[] = {gfn};
	const pvk::Result<pvk::u64> done = pvk::populate_physmap(pvk_own_transport, {one, 1});
	if (!done.ok())
		return pvk::to_errno(done.error());
	return done.value() == 1 ? 0 : -PVK_ENOMEM;
}

int pvk_own_param(pvk_u32 index, pvk_u64 *value)
{
	const pvk::Result<pvk::u64> found = pvk::get_param(pvk_own_transport, index);
	if (!found.ok())
		return pvk::to_errno(found.error());
	*value = found.value();
	return 0;
}

int pvk_own_set_param(pvk_u32 index, pvk_u64 value)
{
	return pvk::to_errno(pvk::set_param(pvk_own_transport, index, value));
}

int pvk_own_suspend_call(void)
{
	const pvk::Result<bool> cancelled =
	    pvk::shutdown_domain(pvk_own_transport, SHUTDOWN_suspend);
	if (!cancelled.ok())
		return pvk::to_errno(cancelled.error());
	return cancelled.value() ? 1 : 0;
}

int pvk_own_set_vector(pvk_u32 vcpu, pvk_u8 vector)
{
	return pvk::to_errno(pvk::set_upcall_vector(pvk_own_transport, vcpu, vector));
}

} // extern "C"
