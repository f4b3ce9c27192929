// SPDX-License-Identifier: MIT OR GPL-2.0-only
// memory_op of the model hypervisor.
#include <cstring>

#include "fakes/xen_argument.h"
#include "fakes/xen_calls.h"

namespace pvk::fakes {

long XenCalls::memory_op(u64 operation, u64 argument) {
  switch (operation) {
    case XENMEM_add_to_physmap: return add_to_physmap(*pointer<xen_add_to_physmap>(argument));
    case XENMEM_remove_from_physmap: {
      const auto& call = *pointer<const xen_remove_from_physmap>(argument);
      if (call.domid != DOMID_SELF) return refuse(XEN_EPERM, "memory_op: another domain's map");
      const long result = memory.unmap(call.gpfn);
      return result == 0 ? 0 : refuse(-result, "memory_op: removed a frame that was not there");
    }
    case XENMEM_populate_physmap:
    case XENMEM_decrease_reservation:
      return change_reservation(operation, *pointer<const xen_memory_reservation>(argument));
    case XENMEM_increase_reservation:
      return refuse(XEN_EPERM, "memory_op: memory that this guest could not reach");
    case XENMEM_current_reservation: return static_cast<long>(memory.current);
    case XENMEM_maximum_reservation: return static_cast<long>(memory.maximum);
    case XENMEM_maximum_gpfn: return static_cast<long>(maximum_gfn);
    case XENMEM_memory_map: return memory_map(*pointer<xen_memory_map>(argument));
    default: return refuse(XEN_ENOSYS, "memory_op: an operation that the model does not know");
  }
}

long XenCalls::add_to_physmap(const xen_add_to_physmap& call) {
  if (call.domid != DOMID_SELF) return refuse(XEN_EPERM, "memory_op: another domain's map");
  u64 mfn = vcpus.shared_info_page();
  if (call.space == XENMAPSPACE_grant_table) {
    const long result = grants.page(call.idx, &mfn);
    if (result != 0) return result;
  } else if (call.space != XENMAPSPACE_shared_info || call.idx != 0) {
    return refuse(XEN_EINVAL, "memory_op: no such page to map");
  }
  const long result = memory.map_own(call.gpfn, mfn);
  return result == 0 ? 0 : refuse(-result, "memory_op: no such frame to map at");
}

// How many extents were done; less than asked for is no error of the call.
long XenCalls::change_reservation(u64 operation, const xen_memory_reservation& call) {
  if (call.domid != DOMID_SELF) return refuse(XEN_EPERM, "memory_op: another domain's memory");
  if (call.extent_order != 0) return refuse(XEN_EINVAL, "memory_op: the model has single pages");
  long done = 0;
  for (u64 i = 0; i < call.nr_extents; ++i) {
    const u64 gfn = call.extent_start.p[i];
    if (operation == XENMEM_populate_physmap) {
      if (memory.populate(gfn) != 0) break;
    } else if (memory.give_back(gfn) != 0) {
      violations.add("memory_op: gave back a frame that is no RAM");
      break;
    }
    ++done;
  }
  return done;
}

long XenCalls::memory_map(xen_memory_map& call) {
  const size_t count = min<size_t>(call.nr_entries, map.size());
  std::memcpy(call.buffer.p, map.data(), count * sizeof(MemoryMapEntry));
  call.nr_entries = static_cast<u32>(count);
  return 0;
}

}  // namespace pvk::fakes
