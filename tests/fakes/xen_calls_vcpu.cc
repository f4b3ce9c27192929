// SPDX-License-Identifier: MIT OR GPL-2.0-only
// sched_op, vcpu_op and timers of the model hypervisor.
#include "fakes/xen_argument.h"
#include "fakes/xen_calls.h"

namespace pvk::fakes {

long XenCalls::sched_op(u64 operation, u64 argument) {
  switch (operation) {
    case SCHEDOP_yield: ++yields; return 0;
    case SCHEDOP_block: ++blocks; return 0;
    case SCHEDOP_shutdown: return shutdown(*pointer<const sched_shutdown>(argument));
    case SCHEDOP_shutdown_code:
      shutdown_code = pointer<const sched_shutdown>(argument)->reason;
      return 0;
    case SCHEDOP_poll: return poll(*pointer<const sched_poll>(argument));
    case SCHEDOP_watchdog: return watchdog(*pointer<const sched_watchdog>(argument));
    case SCHEDOP_pin_override: return refuse(XEN_EPERM, "sched_op: the hardware domain alone pins");
    default: return refuse(XEN_ENOSYS, "sched_op: an operation that the model does not know");
  }
}

long XenCalls::shutdown(const sched_shutdown& call) {
  if (call.reason > SHUTDOWN_MAX) return refuse(XEN_EINVAL, "sched_op: no such reason");
  shutdowns.push_back(call.reason);
  if (call.reason != SHUTDOWN_suspend) return 0;
  if (on_suspend) on_suspend();
  return suspend_is_cancelled ? 1 : 0;
}

long XenCalls::poll(const sched_poll& call) {
  if (call.nr_ports > 128) return refuse(XEN_EINVAL, "sched_op: more ports than can be polled");
  for (u32 i = 0; i < call.nr_ports; ++i) {
    const Port port = call.ports.p[i];
    if (events.state(port) == EVTCHNSTAT_closed) {
      return refuse(XEN_EINVAL, "sched_op: polls a port that is closed");
    }
    if (!events.is_masked(port)) violations.add("sched_op: polls a port that is not masked");
  }
  if (events.any_pending(call.ports.p, call.nr_ports)) return 0;
  if (on_poll) on_poll();
  if (events.any_pending(call.ports.p, call.nr_ports)) return 0;
  if (call.timeout == 0) {
    violations.add("sched_op: polls for ever");
  } else if (call.timeout > now) {
    advance(call.timeout - now);
  }
  return 0;
}

long XenCalls::watchdog(const sched_watchdog& call) {
  if (call.id == 0) {
    if (call.timeout == 0) return refuse(XEN_EINVAL, "sched_op: a watchdog of no time");
    watchdogs[next_watchdog_] = call.timeout;
    return next_watchdog_++;
  }
  if (!watchdogs.contains(call.id)) return refuse(XEN_EINVAL, "sched_op: no such watchdog");
  if (call.timeout == 0) {
    watchdogs.erase(call.id);
  } else {
    watchdogs[call.id] = call.timeout;
  }
  return 0;
}

long XenCalls::vcpu_op(u64 operation, u32 vcpu, u64 argument) {
  if (!vcpus.exists(vcpu)) return -XEN_ENOENT;  // asking is how a guest counts its vCPUs
  switch (operation) {
    case VCPUOP_is_up: return vcpus.is_up(vcpu) ? 1 : 0;
    case VCPUOP_up: vcpus.set_up(vcpu, true); return 0;
    case VCPUOP_down: vcpus.set_up(vcpu, false); return 0;
    case VCPUOP_initialise:
    case VCPUOP_send_nmi: return 0;
    case VCPUOP_get_runstate_info:
    case VCPUOP_register_runstate_memory_area:
    case VCPUOP_register_vcpu_time_memory_area:
    case VCPUOP_register_vcpu_info: return vcpu_area(operation, vcpu, argument);
    case VCPUOP_get_physid: return -XEN_EINVAL;  // as of a vCPU that is not pinned
    default: return vcpu_timer(operation, vcpu, argument);
  }
}

long XenCalls::vcpu_area(u64 operation, u32 vcpu, u64 argument) {
  switch (operation) {
    case VCPUOP_get_runstate_info:
      *pointer<vcpu_runstate_info>(argument) = runstates[vcpu];
      return 0;
    case VCPUOP_register_runstate_memory_area:
      runstate_areas[vcpu] = pointer<const vcpu_register_runstate_memory_area>(argument)->addr.v;
      if (runstate_areas[vcpu] != nullptr) *runstate_areas[vcpu] = runstates[vcpu];
      return 0;
    case VCPUOP_register_vcpu_time_memory_area:
      time_areas[vcpu] = pointer<const vcpu_register_time_memory_area>(argument)->addr.v;
      return 0;
    default: break;
  }
  // Xen moves the record of no vCPU that may be running (common/domain.c, map_vcpu_info).
  if (vcpu != current_vcpu && vcpus.is_up(vcpu)) {
    return refuse(XEN_EINVAL, "vcpu_op: moves the vcpu_info of another vCPU, which is up");
  }
  const auto& call = *pointer<const vcpu_register_vcpu_info>(argument);
  const long result = vcpus.register_info(vcpu, call.mfn, call.offset);
  return result == 0 ? 0 : refuse(-result, "vcpu_op: a place for vcpu_info that cannot be");
}

long XenCalls::vcpu_timer(u64 operation, u32 vcpu, u64 argument) {
  if (vcpu != current_vcpu) return refuse(XEN_EINVAL, "vcpu_op: another vCPU's timer");
  switch (operation) {
    case VCPUOP_set_periodic_timer:
      periods[vcpu] = pointer<const vcpu_set_periodic_timer>(argument)->period_ns;
      if (periods[vcpu] < 1'000'000) return refuse(XEN_EINVAL, "vcpu_op: a period below 1 ms");
      return 0;
    case VCPUOP_stop_periodic_timer: periods.erase(vcpu); return 0;
    case VCPUOP_set_singleshot_timer: {
      const auto& call = *pointer<const vcpu_set_singleshot_timer>(argument);
      const bool past = call.timeout_abs_ns < now;
      if (past && (call.flags & VCPU_SSHOTTMR_future) != 0) return -XEN_ETIME;
      return set_timer(vcpu, call.timeout_abs_ns);
    }
    case VCPUOP_stop_singleshot_timer: timers.erase(vcpu); return 0;
    default: return refuse(XEN_ENOSYS, "vcpu_op: an operation that the model does not know");
  }
}

long XenCalls::set_timer(u32 vcpu, u64 at) {
  timers.erase(vcpu);
  if (at == 0) return 0;
  timers[vcpu] = at;
  advance(0);
  return 0;
}

void XenCalls::advance(u64 nanoseconds) {
  now += nanoseconds;
  std::vector<u32> due;
  for (const auto& [vcpu, at] : timers) {
    if (at <= now) due.push_back(vcpu);
  }
  for (const u32 vcpu : due) {
    timers.erase(vcpu);
    events.raise_virq(VIRQ_TIMER, vcpu);
  }
}

}  // namespace pvk::fakes
