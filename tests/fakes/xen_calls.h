// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The hypervisor below one guest, as its hypercalls find it: a transport (hypercalls/transport.h)
// that answers from model state. What a real Xen would refuse, and what it would let a guest do to
// its own harm, is a violation; any call can be made to fail.
#pragma once

#include "fakes/xen_events.h"
#include "fakes/xen_grants.h"

#include <xen/features.h>
#include <xen/hvm/params.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "fakes/xen_faults.h"
#include "hypercalls/memory_calls.h"

namespace pvk::fakes {

class XenCalls {
 public:
  static constexpr DomId kSelf = 7;

  explicit XenCalls(u32 vcpu_count = 4);
  XenCalls(const XenCalls&) = delete;
  XenCalls& operator=(const XenCalls&) = delete;
  ~XenCalls() = default;

  // The transport. Pointers among the arguments are addresses of this process.
  long call(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5);

  Violations violations;
  XenMemory memory{violations};
  XenVcpus vcpus;
  XenEvents events{violations, memory, vcpus, kSelf};
  XenGrants grants{violations, memory, kSelf};
  XenFaults faults;

  // What was called how often, by hypercall and its operation.
  u64 calls(u64 number, u64 operation) const;
  u64 all_calls() const { return all_calls_; }

  // ---- version
  u32 version = 4 << 16 | 17;
  std::string extraversion = ".7";
  std::vector<u32> features = {1u << XENFEAT_hvm_callback_vector};

  // ---- hvm_op
  std::map<u32, u64> params;

  // ---- sched_op
  std::vector<u32> shutdowns;  // reasons, in order
  std::optional<u32> shutdown_code;
  bool suspend_is_cancelled = false;
  std::function<void()> on_suspend;  // between save and resume: restore(), or nothing
  std::function<void()> on_poll;     // while the guest waits
  std::map<u32, u32> watchdogs;      // seconds, by id
  u64 yields = 0;
  u64 blocks = 0;

  // ---- vcpu_op, timers
  u32 current_vcpu = 0;        // who calls
  u64 now = 1'000'000;         // system time
  std::map<u32, u64> timers;   // single-shot, by vCPU
  std::map<u32, u64> periods;  // periodic
  std::map<u32, vcpu_runstate_info> runstates;
  std::map<u32, vcpu_runstate_info*> runstate_areas;
  std::map<u32, vcpu_time_info*> time_areas;
  std::vector<u32> assists;  // VMASST_TYPE_* that are on
  // System time goes on; timers that are due raise VIRQ_TIMER.
  void advance(u64 nanoseconds);

  // ---- console_io
  std::string console;

  // ---- memory_op
  std::vector<MemoryMapEntry> map;
  u64 maximum_gfn = XenMemory::kRam - 1;

  // The domain is saved and restored, perhaps elsewhere: nothing of Xen's that it had is there.
  void restore();

 private:
  long answer(u64 number, u64 a1, u64 a2, u64 a3, u64 a4);
  long refuse(long error, const std::string& what);
  long multicall(multicall_entry* entries, u64 count);
  long version_op(u64 operation, u64 argument);
  long memory_op(u64 operation, u64 argument);
  long change_reservation(u64 operation, const xen_memory_reservation& call);
  long add_to_physmap(const xen_add_to_physmap& call);
  long memory_map(xen_memory_map& call);
  long hvm_op(u64 operation, u64 argument);
  long set_param(const xen_hvm_param& call);
  long sched_op(u64 operation, u64 argument);
  long shutdown(const sched_shutdown& call);
  long poll(const sched_poll& call);
  long watchdog(const sched_watchdog& call);
  long vcpu_op(u64 operation, u32 vcpu, u64 argument);
  long vcpu_area(u64 operation, u32 vcpu, u64 argument);
  long vcpu_timer(u64 operation, u32 vcpu, u64 argument);
  long set_timer(u32 vcpu, u64 at);
  void set_toolstack_state();

  std::map<std::pair<u64, u64>, u64> counts_;
  u64 all_calls_ = 0;
  u32 next_watchdog_ = 1;
};

}  // namespace pvk::fakes
