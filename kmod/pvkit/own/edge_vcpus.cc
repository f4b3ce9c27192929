// SPDX-License-Identifier: GPL-2.0-only
#include "hypercalls/shared_info.h"
#include "hypercalls/vcpu_calls.h"
#include "kmod/pvkit/own/edge.h"
#include "kmod/pvkit/own/edge_events.h"
#include "kmod/pvkit/own/edge_hypercall.h"
#include "kmod/pvkit/own/edge_start.h"

namespace
{

constinit vcpu_info *registered[PVK_OWN_CPUS]; /* by Xen's numbers */
constinit pvk::VcpuInfos infos;
constinit OwnVcpu vcpus[PVK_OWN_CPUS];

/* Has Xen write a vCPU's part of the shared page elsewhere. */
pvk::Status place(const OwnVcpu &vcpu)
{
	PVK_TRY(infos.use(vcpu.number, vcpu.info));
	const auto offset = reinterpret_cast<__UINTPTR_TYPE__>(vcpu.info) % PVK_PAGE_SIZE;
	const pvk::Status told = pvk::register_vcpu_info(pvk_own_transport, vcpu.number, vcpu.gfn,
							 static_cast<pvk::u32>(offset));
	if (!told.ok())
		infos.forget(vcpu.number);
	return told;
}

} // namespace

const OwnVcpu &pvk_own_vcpu(pvk::u32 cpu)
{
	return vcpus[cpu];
}

void pvk_own_vcpus_attach()
{
	infos.attach(pvk_own_shared(), {registered, PVK_OWN_CPUS});
}

extern "C" {

int pvk_own_add_cpu(pvk_u32 cpu, pvk_u32 vcpu, void *record, pvk_u64 gfn)
{
	if (cpu >= PVK_OWN_CPUS || vcpu >= PVK_OWN_CPUS)
		return -PVK_EINVAL;
	OwnVcpu added{vcpu, infos.of(vcpu), vcpus[cpu].elsewhere, vcpus[cpu].gfn};
	if (added.info == nullptr) {
		/* A CPU that was down in a restore keeps its page. */
		if (vcpus[cpu].elsewhere && vcpus[cpu].number == vcpu)
			return pvk_own_vcpu_again(cpu);
		if (record == nullptr)
			return -PVK_ENOMEM;
		added = {vcpu, static_cast<vcpu_info *>(record), true, gfn};
		if (const pvk::Status put = place(added); !put.ok())
			return pvk::to_errno(put);
	}
	vcpus[cpu] = added;
	return 0;
}

int pvk_own_vcpu_again(pvk_u32 cpu)
{
	const OwnVcpu &vcpu = vcpus[cpu];
	return vcpu.elsewhere ? pvk::to_errno(place(vcpu)) : 0;
}

pvk_u32 pvk_own_vcpu_of(pvk_u32 cpu)
{
	return vcpus[cpu].number;
}

const void *pvk_own_vcpu_time(unsigned int cpu)
{
	return cpu < PVK_OWN_CPUS && vcpus[cpu].info != nullptr ? &vcpus[cpu].info->time : nullptr;
}

} // extern "C"
