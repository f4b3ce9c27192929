// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_calls.h"

#include <xen/features.h>
#include <xen/hvm/hvm_op.h>
#include <xen/version.h>

#include <cstring>

#include "fakes/xen_argument.h"

namespace pvk::fakes {

XenCalls::XenCalls(u32 vcpu_count) : vcpus(violations, memory, vcpu_count) {
  map = {{0, XenMemory::kRam * kPageSize, 1}};
  set_toolstack_state();
}

// What a toolstack gives a new domain: pages and ports for xenstore and the console.
void XenCalls::set_toolstack_state() {
  params[HVM_PARAM_STORE_PFN] = XenMemory::kRam - 1;
  params[HVM_PARAM_CONSOLE_PFN] = XenMemory::kRam - 2;
  params[HVM_PARAM_STORE_EVTCHN] = events.add_toolstack_port(0);
  params[HVM_PARAM_CONSOLE_EVTCHN] = events.add_toolstack_port(0);
  grants.seed(GNTTAB_RESERVED_CONSOLE, 0, params[HVM_PARAM_CONSOLE_PFN]);
  grants.seed(GNTTAB_RESERVED_XENSTORE, 0, params[HVM_PARAM_STORE_PFN]);
}

void XenCalls::restore() {
  events.restore();
  grants.restore();
  memory.restore();
  vcpus.restore();
  params.erase(HVM_PARAM_CALLBACK_IRQ);
  timers.clear();
  periods.clear();
  runstate_areas.clear();
  time_areas.clear();
  watchdogs.clear();
  assists.clear();
  set_toolstack_state();
}

u64 XenCalls::calls(u64 number, u64 operation) const {
  const auto found = counts_.find({number, operation});
  return found == counts_.end() ? 0 : found->second;
}

long XenCalls::refuse(long error, const std::string& what) {
  violations.add(what);
  return -error;
}

long XenCalls::call(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 /*a5*/) {
  // The timer's and the multicall's first argument is no operation.
  const bool plain = number == __HYPERVISOR_set_timer_op || number == __HYPERVISOR_multicall;
  const u64 operation = plain ? 0 : a1;
  ++all_calls_;
  ++counts_[{number, operation}];
  if (const long error = faults.check(number, operation); error != 0) return -error;
  return answer(number, a1, a2, a3, a4);
}

long XenCalls::answer(u64 number, u64 a1, u64 a2, u64 a3, u64 a4) {
  switch (number) {
    case __HYPERVISOR_multicall: return multicall(pointer<multicall_entry>(a1), a2);
    case __HYPERVISOR_xen_version: return version_op(a1, a2);
    case __HYPERVISOR_memory_op: return memory_op(a1, a2);
    case __HYPERVISOR_hvm_op: return hvm_op(a1, a2);
    case __HYPERVISOR_sched_op: return sched_op(a1, a2);
    case __HYPERVISOR_vcpu_op: return vcpu_op(a1, static_cast<u32>(a2), a3);
    case __HYPERVISOR_event_channel_op: return events.operation(a1, pointer<void>(a2));
    case __HYPERVISOR_grant_table_op: return grants.operation(a1, pointer<void>(a2), a3);
    case __HYPERVISOR_set_timer_op: return set_timer(current_vcpu, a1);
    case __HYPERVISOR_vm_assist:
      if (a1 == VMASST_CMD_enable) assists.push_back(static_cast<u32>(a2));
      if (a1 == VMASST_CMD_disable) std::erase(assists, static_cast<u32>(a2));
      return 0;
    case __HYPERVISOR_console_io:
      if (a1 != CONSOLEIO_write) return refuse(XEN_EPERM, "console_io: a guest only writes");
      console.append(pointer<const char>(a3), a2);
      return 0;
    case __HYPERVISOR_argo_op: return -XEN_EOPNOTSUPP;  // as where Xen is booted without it
    case __HYPERVISOR_physdev_op: return -XEN_ENOSYS;   // as without XENFEAT_hvm_pirqs
    default: break;
  }
  static_cast<void>(a4);
  return refuse(XEN_ENOSYS, "unknown hypercall " + std::to_string(number));
}

long XenCalls::multicall(multicall_entry* entries, u64 count) {
  for (u64 i = 0; i < count; ++i) {
    multicall_entry& entry = entries[i];
    if (entry.op == __HYPERVISOR_multicall) return refuse(XEN_EINVAL, "multicall in a multicall");
    const u64* const args = entry.args;
    entry.result = static_cast<u64>(call(entry.op, args[0], args[1], args[2], args[3], args[4]));
  }
  return 0;
}

long XenCalls::version_op(u64 operation, u64 argument) {
  switch (operation) {
    case XENVER_version: return version;
    case XENVER_pagesize: return kPageSize;
    case XENVER_extraversion: {
      auto& text = *pointer<xen_extraversion_t>(argument);
      std::strncpy(text, extraversion.c_str(), sizeof(text));
      return 0;
    }
    case XENVER_get_features: {
      auto& call = *pointer<xen_feature_info>(argument);
      call.submap = call.submap_idx < features.size() ? features[call.submap_idx] : 0;
      return call.submap_idx < XENFEAT_NR_SUBMAPS ? 0 : -XEN_EINVAL;
    }
    case XENVER_guest_handle: {
      auto& handle = *pointer<xen_domain_handle_t>(argument);
      for (size_t i = 0; i < sizeof(handle); ++i) handle[i] = static_cast<u8>(i);
      return 0;
    }
    default: return refuse(XEN_ENOSYS, "xen_version: an operation that the model does not know");
  }
}

// Those that a guest may write (xen/hvm/params.h says which are whose).
long XenCalls::set_param(const xen_hvm_param& call) {
  switch (call.index) {
    case HVM_PARAM_CALLBACK_IRQ:
      params[call.index] = call.value;
      vcpus.latch(true);
      return 0;
    case HVM_PARAM_STORE_EVTCHN:
    case HVM_PARAM_CONSOLE_EVTCHN:
    case HVM_PARAM_VM86_TSS:
    case HVM_PARAM_ACPI_IOPORTS_LOCATION:
    case HVM_PARAM_VM_GENERATION_ID_ADDR:
    case HVM_PARAM_X87_FIP_WIDTH: params[call.index] = call.value; return 0;
    default: return refuse(XEN_EPERM, "hvm_op: a parameter that a guest may not set");
  }
}

long XenCalls::hvm_op(u64 operation, u64 argument) {
  switch (operation) {
    case HVMOP_get_param: {
      auto& call = *pointer<xen_hvm_param>(argument);
      if (call.domid != DOMID_SELF) return refuse(XEN_EPERM, "hvm_op: parameter of another domain");
      if (call.index >= HVM_NR_PARAMS) return refuse(XEN_EINVAL, "hvm_op: no such parameter");
      call.value = params.contains(call.index) ? params[call.index] : 0;
      return 0;
    }
    case HVMOP_set_param: {
      const auto& call = *pointer<const xen_hvm_param>(argument);
      if (call.domid != DOMID_SELF) return refuse(XEN_EPERM, "hvm_op: parameter of another domain");
      if (call.index >= HVM_NR_PARAMS) return refuse(XEN_EINVAL, "hvm_op: no such parameter");
      return set_param(call);
    }
    case HVMOP_set_evtchn_upcall_vector: {
      const auto& call = *pointer<const xen_hvm_evtchn_upcall_vector>(argument);
      const long result = vcpus.set_vector(call.vcpu, call.vector);
      return result == 0 ? 0 : refuse(-result, "hvm_op: upcall vector");
    }
    case HVMOP_flush_tlbs: return argument == 0 ? 0 : refuse(XEN_EINVAL, "hvm_op: flush_tlbs");
    case HVMOP_get_time: pointer<xen_hvm_get_time>(argument)->now = now; return 0;
    case HVMOP_get_mem_type: {
      auto& call = *pointer<xen_hvm_get_mem_type>(argument);
      call.mem_type = memory.is_ram(call.pfn) ? HVMMEM_ram_rw : HVMMEM_mmio_dm;
      return 0;
    }
    default: return refuse(XEN_ENOSYS, "hvm_op: an operation that the model does not know");
  }
}

}  // namespace pvk::fakes
