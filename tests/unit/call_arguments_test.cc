// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What every typed hypercall hands to Xen, register by register and byte by byte.
#include <gtest/gtest.h>

#include "hypercalls/argo_calls.h"
#include "hypercalls/console_calls.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/grant_calls.h"
#include "hypercalls/hvm_calls.h"
#include "hypercalls/memory_calls.h"
#include "hypercalls/physdev_calls.h"
#include "hypercalls/sched_calls.h"
#include "hypercalls/timer_calls.h"
#include "hypercalls/vcpu_calls.h"
#include "hypercalls/version_calls.h"

#include <array>
#include <cstring>
#include <functional>
#include <vector>

namespace pvk {
namespace {

using Registers = std::array<u64, 6>;

// Records what was asked, lets the test look at the argument while it lives, and answers.
struct Recorder {
  Registers registers{};
  long result = 0;
  std::function<void(const Registers&)> look;

  long call(u64 number, u64 a1, u64 a2, u64 a3, u64 a4, u64 a5) {
    registers = {number, a1, a2, a3, a4, a5};
    if (look) look(registers);
    return result;
  }
};

class Arguments : public testing::Test {
 protected:
  // The argument at register `place` is a T, which `check` is shown; the others are as given.
  template <class T>
  void expect(u64 number, u64 operation, std::function<void(T&)> check, size_t place = 2) {
    xen.look = [=, this](const Registers& now) {
      ++looks;
      EXPECT_EQ(now[0], number);
      EXPECT_EQ(now[1], operation);
      check(*reinterpret_cast<T*>(now[place]));
    };
  }
  // All six registers.
  void expect_registers(const Registers& wanted) { EXPECT_EQ(xen.registers, wanted); }
  void TearDown() override { EXPECT_GE(looks, wanted_looks) << "the argument was never looked at"; }

  Recorder xen;
  int looks = 0;
  int wanted_looks = 0;
};

class EventArguments : public Arguments {
 protected:
  template <class T>
  void expect_event(u64 operation, std::function<void(T&)> check) {
    ++wanted_looks;
    expect<T>(32, operation, std::move(check));  // event_channel_op of today, not 16
  }
};

TEST_F(EventArguments, Binding) {
  expect_event<evtchn_alloc_unbound>(6, [](auto& call) {
    EXPECT_EQ(call.dom, DOMID_SELF);
    EXPECT_EQ(call.remote_dom, 9);
    call.port = 33;
  });
  EXPECT_EQ(alloc_unbound(xen, 9).value(), 33u);
  expect_event<evtchn_bind_interdomain>(0, [](auto& call) {
    EXPECT_EQ(call.remote_dom, 9);
    EXPECT_EQ(call.remote_port, 5u);
    call.local_port = 34;
  });
  EXPECT_EQ(bind_interdomain(xen, 9, 5).value(), 34u);
  expect_event<evtchn_bind_virq>(1, [](auto& call) {
    EXPECT_EQ(call.virq, u32{VIRQ_TIMER});
    EXPECT_EQ(call.vcpu, 3u);
    call.port = 35;
  });
  EXPECT_EQ(bind_virq(xen, VIRQ_TIMER, 3).value(), 35u);
  expect_event<evtchn_bind_pirq>(2, [](auto& call) {
    EXPECT_EQ(call.pirq, 17u);
    EXPECT_EQ(call.flags, u32{BIND_PIRQ__WILL_SHARE});
    call.port = 36;
  });
  EXPECT_EQ(bind_pirq(xen, 17, true).value(), 36u);
  expect_event<evtchn_bind_ipi>(7, [](auto& call) {
    EXPECT_EQ(call.vcpu, 2u);
    call.port = 37;
  });
  EXPECT_EQ(bind_ipi(xen, 2).value(), 37u);
}

TEST_F(EventArguments, Ports) {
  expect_event<evtchn_close>(3, [](auto& call) { EXPECT_EQ(call.port, 8u); });
  EXPECT_TRUE(close_event(xen, 8).ok());
  expect_event<evtchn_send>(4, [](auto& call) { EXPECT_EQ(call.port, 8u); });
  EXPECT_TRUE(send_event(xen, 8).ok());
  expect_event<evtchn_status>(5, [](auto& call) {
    EXPECT_EQ(call.dom, DOMID_SELF);
    EXPECT_EQ(call.port, 8u);
    call.status = EVTCHNSTAT_ipi;
  });
  EXPECT_EQ(event_status(xen, 8).value().status, u32{EVTCHNSTAT_ipi});
  expect_event<evtchn_bind_vcpu>(8, [](auto& call) {
    EXPECT_EQ(call.port, 8u);
    EXPECT_EQ(call.vcpu, 1u);
  });
  EXPECT_TRUE(bind_vcpu(xen, 8, 1).ok());
  expect_event<evtchn_unmask>(9, [](auto& call) { EXPECT_EQ(call.port, 8u); });
  EXPECT_TRUE(unmask_event(xen, 8).ok());
}

TEST_F(EventArguments, TheAbiItself) {
  expect_event<evtchn_reset>(10, [](auto& call) { EXPECT_EQ(call.dom, DOMID_SELF); });
  EXPECT_TRUE(reset_events(xen).ok());
  expect_event<evtchn_init_control>(11, [](auto& call) {
    EXPECT_EQ(call.control_gfn, 0x123u);
    EXPECT_EQ(call.offset, 64u);
    EXPECT_EQ(call.vcpu, 2u);
    call.link_bits = 17;
  });
  EXPECT_EQ(init_control(xen, 2, 0x123, 64).value(), 17);
  expect_event<evtchn_expand_array>(12, [](auto& call) { EXPECT_EQ(call.array_gfn, 0x124u); });
  EXPECT_TRUE(expand_array(xen, 0x124).ok());
  expect_event<evtchn_set_priority>(13, [](auto& call) {
    EXPECT_EQ(call.port, 8u);
    EXPECT_EQ(call.priority, 15u);
  });
  EXPECT_TRUE(set_priority(xen, 8, 15).ok());
}

TEST_F(Arguments, Map) {
  wanted_looks = 2;
  expect<xen_add_to_physmap>(12, XENMEM_add_to_physmap, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.size, 0);
    EXPECT_EQ(call.space, u32{XENMAPSPACE_grant_table});
    EXPECT_EQ(call.idx, 5u);
    EXPECT_EQ(call.gpfn, 0xfe000u);
  });
  EXPECT_TRUE(add_to_physmap(xen, XENMAPSPACE_grant_table, 5, 0xfe000).ok());
  expect<xen_remove_from_physmap>(12, XENMEM_remove_from_physmap, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.gpfn, 0xfe000u);
  });
  EXPECT_TRUE(remove_from_physmap(xen, 0xfe000).ok());
}

TEST_F(Arguments, Reservation) {
  u64 gfns[] = {7, 8, 9};
  const auto check = [&gfns](xen_memory_reservation& call) {
    EXPECT_EQ(call.extent_start.p, gfns);
    EXPECT_EQ(call.nr_extents, 3u);
    EXPECT_EQ(call.extent_order, 2u);
    EXPECT_EQ(call.domid, DOMID_SELF);
  };
  xen.result = 2;
  wanted_looks = 3;
  expect<xen_memory_reservation>(12, XENMEM_populate_physmap, check);
  EXPECT_EQ(populate_physmap(xen, Span<u64>(gfns), 2).value(), 2u) << "fewer is no error";
  expect<xen_memory_reservation>(12, XENMEM_decrease_reservation, check);
  EXPECT_EQ(decrease_reservation(xen, Span<u64>(gfns), 2).value(), 2u);
  expect<xen_memory_reservation>(12, XENMEM_increase_reservation, check);
  EXPECT_EQ(increase_reservation(xen, Span<u64>(gfns), 2).value(), 2u);
}

TEST_F(Arguments, MemoryQueries) {
  xen.result = 81980;
  EXPECT_EQ(current_reservation(xen).value(), 81980u);
  EXPECT_EQ(xen.registers[1], u64{XENMEM_current_reservation});
  EXPECT_EQ(maximum_reservation(xen).value(), 81980u);
  EXPECT_EQ(xen.registers[1], u64{XENMEM_maximum_reservation});
  EXPECT_EQ(maximum_gfn(xen).value(), 81980u);
  EXPECT_EQ(xen.registers[1], u64{XENMEM_maximum_gpfn});
  xen.result = 0;
  wanted_looks = 1;
  MemoryMapEntry entries[4];
  expect<xen_memory_map>(12, XENMEM_memory_map, [&entries](auto& call) {
    EXPECT_EQ(call.nr_entries, 4u);
    EXPECT_EQ(call.buffer.p, entries);
    call.nr_entries = 2;
  });
  EXPECT_EQ(memory_map(xen, Span<MemoryMapEntry>(entries)).value(), 2u);
}

TEST_F(Arguments, Hvm) {
  wanted_looks = 5;
  expect<xen_hvm_param>(34, HVMOP_get_param, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.index, u32{HVM_PARAM_STORE_PFN});
    call.value = 0xfeffc;
  });
  EXPECT_EQ(get_param(xen, HVM_PARAM_STORE_PFN).value(), 0xfeffcu);
  expect<xen_hvm_param>(34, HVMOP_set_param, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.index, u32{HVM_PARAM_CALLBACK_IRQ});
    EXPECT_EQ(call.value, 1u);
  });
  EXPECT_TRUE(set_param(xen, HVM_PARAM_CALLBACK_IRQ, 1).ok());
  expect<xen_hvm_evtchn_upcall_vector>(34, 23, [](auto& call) {
    EXPECT_EQ(call.vcpu, 3u);
    EXPECT_EQ(call.vector, 0x23);
  });
  EXPECT_TRUE(set_upcall_vector(xen, 3, 0x23).ok());
  expect<xen_hvm_get_time>(34, HVMOP_get_time, [](auto& call) { call.now = 99; });
  EXPECT_EQ(hvm_time(xen).value(), 99u);
  expect<xen_hvm_get_mem_type>(34, HVMOP_get_mem_type, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.pfn, 6u);
    call.mem_type = HVMMEM_ram_ro;
  });
  EXPECT_EQ(memory_type(xen, 6).value(), HVMMEM_ram_ro);
  xen.look = nullptr;
  EXPECT_TRUE(flush_tlbs(xen).ok());
  expect_registers({34, HVMOP_flush_tlbs, 0, 0, 0, 0});
}

TEST_F(Arguments, Sched) {
  EXPECT_TRUE(yield_vcpu(xen).ok());
  expect_registers({29, SCHEDOP_yield, 0, 0, 0, 0});
  EXPECT_TRUE(block_vcpu(xen).ok());
  expect_registers({29, SCHEDOP_block, 0, 0, 0, 0});
  wanted_looks = 6;
  expect<sched_shutdown>(29, SCHEDOP_shutdown,
                         [](auto& call) { EXPECT_EQ(call.reason, u32{SHUTDOWN_suspend}); });
  EXPECT_FALSE(shutdown_domain(xen, SHUTDOWN_suspend).value());
  xen.result = 1;
  EXPECT_TRUE(shutdown_domain(xen, SHUTDOWN_suspend).value());
  expect<sched_shutdown>(29, SCHEDOP_shutdown_code,
                         [](auto& call) { EXPECT_EQ(call.reason, u32{SHUTDOWN_crash}); });
  EXPECT_TRUE(set_shutdown_code(xen, SHUTDOWN_crash).ok());
  Port ports[] = {4, 5};
  expect<sched_poll>(29, SCHEDOP_poll, [&ports](auto& call) {
    EXPECT_EQ(call.ports.p, ports);
    EXPECT_EQ(call.nr_ports, 2u);
    EXPECT_EQ(call.timeout, 1000u);
  });
  EXPECT_TRUE(poll_events(xen, Span<Port>(ports), 1000).ok());
  xen.result = 2;
  expect<sched_watchdog>(29, SCHEDOP_watchdog, [](auto& call) {
    EXPECT_EQ(call.id, 0u);
    EXPECT_EQ(call.timeout, 60u);
  });
  EXPECT_EQ(start_watchdog(xen, 60).value(), 2u);
  expect<sched_watchdog>(29, SCHEDOP_watchdog, [](auto& call) {
    EXPECT_EQ(call.id, 2u);
    EXPECT_EQ(call.timeout, 0u);
  });
  EXPECT_TRUE(set_watchdog(xen, 2, 0).ok());
  expect<sched_pin_override>(29, SCHEDOP_pin_override,
                             [](auto& call) { EXPECT_EQ(call.pcpu, -1); });
  EXPECT_TRUE(pin_override(xen, -1).ok());
}

TEST_F(Arguments, Vcpus) {
  EXPECT_TRUE(vcpu_up(xen, 5).ok());
  expect_registers({24, VCPUOP_up, 5, 0, 0, 0});
  EXPECT_TRUE(vcpu_down(xen, 5).ok());
  expect_registers({24, VCPUOP_down, 5, 0, 0, 0});
  EXPECT_TRUE(send_nmi(xen, 5).ok());
  expect_registers({24, VCPUOP_send_nmi, 5, 0, 0, 0});
  EXPECT_TRUE(stop_periodic_timer(xen, 5).ok());
  expect_registers({24, VCPUOP_stop_periodic_timer, 5, 0, 0, 0});
  EXPECT_TRUE(stop_singleshot_timer(xen, 5).ok());
  expect_registers({24, VCPUOP_stop_singleshot_timer, 5, 0, 0, 0});
  EXPECT_FALSE(is_vcpu_up(xen, 5).value());
  xen.result = 1;
  EXPECT_TRUE(is_vcpu_up(xen, 5).value());
  xen.result = -XEN_ENOENT;
  EXPECT_EQ(is_vcpu_up(xen, 5).error(), Error::kMissing);
  xen.result = 0;
  vcpu_hvm_context context{};
  EXPECT_TRUE(initialise_vcpu(xen, 5, context).ok());
  expect_registers({24, VCPUOP_initialise, 5, address_of(context), 0, 0});
}

TEST_F(Arguments, VcpuAreas) {
  wanted_looks = 5;
  expect<vcpu_register_vcpu_info>(
      24, VCPUOP_register_vcpu_info,
      [](auto& call) {
        EXPECT_EQ(call.mfn, 0x77u);
        EXPECT_EQ(call.offset, 128u);
      },
      3);
  EXPECT_TRUE(register_vcpu_info(xen, 40, 0x77, 128).ok());
  EXPECT_EQ(xen.registers[2], 40u);
  expect<vcpu_runstate_info>(
      24, VCPUOP_get_runstate_info, [](auto& info) { info.time[RUNSTATE_running] = 12; }, 3);
  EXPECT_EQ(get_runstate(xen, 1).value().time[RUNSTATE_running], 12u);
  vcpu_runstate_info runstate{};
  expect<vcpu_register_runstate_memory_area>(
      24, VCPUOP_register_runstate_memory_area,
      [&runstate](auto& call) { EXPECT_EQ(call.addr.v, &runstate); }, 3);
  EXPECT_TRUE(register_runstate(xen, 1, &runstate).ok());
  vcpu_time_info time{};
  expect<vcpu_register_time_memory_area>(
      24, VCPUOP_register_vcpu_time_memory_area,
      [&time](auto& call) { EXPECT_EQ(call.addr.v, &time); }, 3);
  EXPECT_TRUE(register_time(xen, 1, &time).ok());
  expect<vcpu_get_physid>(
      24, VCPUOP_get_physid, [](auto& call) { call.phys_id = u64{3} << 32 | 6; }, 3);
  EXPECT_EQ(physical_id(xen, 1).value(), u64{3} << 32 | 6);
}

TEST_F(Arguments, Timers) {
  wanted_looks = 3;
  expect<vcpu_set_periodic_timer>(
      24, VCPUOP_set_periodic_timer, [](auto& call) { EXPECT_EQ(call.period_ns, 4000000u); }, 3);
  EXPECT_TRUE(set_periodic_timer(xen, 1, 4000000).ok());
  expect<vcpu_set_singleshot_timer>(
      24, VCPUOP_set_singleshot_timer,
      [](auto& call) {
        EXPECT_EQ(call.timeout_abs_ns, 5555u);
        EXPECT_EQ(call.flags, VCPU_SSHOTTMR_future);
      },
      3);
  EXPECT_TRUE(set_singleshot_timer(xen, 1, 5555).ok());
  xen.result = -XEN_ETIME;
  EXPECT_EQ(set_singleshot_timer(xen, 1, 5555).error(), Error::kTooLate);
  xen.look = nullptr;
  xen.result = 0;
  EXPECT_TRUE(set_timer(xen, 6666).ok());
  expect_registers({15, 6666, 0, 0, 0, 0});
  EXPECT_TRUE(enable_assist(xen, VMASST_TYPE_runstate_update_flag).ok());
  expect_registers({21, VMASST_CMD_enable, VMASST_TYPE_runstate_update_flag, 0, 0, 0});
  EXPECT_TRUE(disable_assist(xen, VMASST_TYPE_runstate_update_flag).ok());
  expect_registers({21, VMASST_CMD_disable, VMASST_TYPE_runstate_update_flag, 0, 0, 0});
}

TEST_F(Arguments, Version) {
  wanted_looks = 8;
  xen_extraversion_t extra;
  expect<xen_extraversion_t>(17, 1, [](auto& text) { std::strcpy(text, ".7"); });
  EXPECT_TRUE(xen_extraversion(xen, extra).ok());
  EXPECT_STREQ(extra, ".7");
  xen_compile_info compile;
  expect<xen_compile_info>(17, 2, [&](auto& info) { EXPECT_EQ(&info, &compile); });
  EXPECT_TRUE(xen_compile_information(xen, compile).ok());
  xen_capabilities_info_t capabilities;
  expect<xen_capabilities_info_t>(17, 3, [&](auto& text) { EXPECT_EQ(&text, &capabilities); });
  EXPECT_TRUE(xen_capabilities(xen, capabilities).ok());
  xen_changeset_info_t changeset;
  expect<xen_changeset_info_t>(17, 4, [&](auto& text) { EXPECT_EQ(&text, &changeset); });
  EXPECT_TRUE(xen_changeset(xen, changeset).ok());
  expect<xen_platform_parameters>(17, 5, [](auto& answer) { answer.virt_start = 1u << 20; });
  EXPECT_EQ(xen_virt_start(xen).value(), 1u << 20);
  expect<xen_feature_info>(17, 6, [](auto& answer) {
    EXPECT_EQ(answer.submap_idx, 0u);
    answer.submap = 0x12705;
  });
  EXPECT_EQ(xen_features(xen, 0).value(), 0x12705u);
  EXPECT_TRUE(xen_has_feature(xen, XENFEAT_hvm_callback_vector));
  EXPECT_FALSE(xen_has_feature(xen, XENFEAT_supervisor_mode_kernel));
  xen_domain_handle_t handle;
  expect<xen_domain_handle_t>(17, 8, [&](auto& bytes) { EXPECT_EQ(&bytes, &handle); });
  EXPECT_TRUE(xen_guest_handle(xen, handle).ok());
  xen.look = nullptr;
  xen.result = 4096;
  EXPECT_EQ(xen_page_size(xen).value(), 4096u);
  expect_registers({17, 7, 0, 0, 0, 0});
}

TEST_F(Arguments, Console) {
  const char text[] = {'h', 'i', '\n'};
  EXPECT_TRUE(console_write(xen, Span<const char>(text)).ok());
  expect_registers({18, CONSOLEIO_write, 3, address_of(text), 0, 0});
  char answer[8];
  xen.result = 5;
  EXPECT_EQ(console_read(xen, Span<char>(answer)).value(), 5u);
  expect_registers({18, CONSOLEIO_read, 8, address_of(answer), 0, 0});
}

TEST_F(Arguments, Physdev) {
  wanted_looks = 5;
  expect<physdev_get_free_pirq>(33, PHYSDEVOP_get_free_pirq, [](auto& call) {
    EXPECT_EQ(call.type, MAP_PIRQ_TYPE_MSI);
    call.pirq = 55;
  });
  EXPECT_EQ(free_pirq(xen, MAP_PIRQ_TYPE_MSI).value(), 55u);
  expect<physdev_map_pirq>(33, PHYSDEVOP_map_pirq, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.type, MAP_PIRQ_TYPE_GSI);
    EXPECT_EQ(call.index, 19);
    EXPECT_EQ(call.pirq, -1);
    call.pirq = 56;
  });
  EXPECT_EQ(map_gsi(xen, 19, -1).value(), 56);
  expect<physdev_unmap_pirq>(33, PHYSDEVOP_unmap_pirq, [](auto& call) {
    EXPECT_EQ(call.domid, DOMID_SELF);
    EXPECT_EQ(call.pirq, 56);
  });
  EXPECT_TRUE(unmap_pirq(xen, 56).ok());
  expect<physdev_irq_status_query>(33, PHYSDEVOP_irq_status_query, [](auto& call) {
    EXPECT_EQ(call.irq, 56u);
    call.flags = XENIRQSTAT_shared;
  });
  EXPECT_EQ(irq_status(xen, 56).value(), XENIRQSTAT_shared);
  expect<physdev_eoi>(33, PHYSDEVOP_eoi, [](auto& call) { EXPECT_EQ(call.irq, 56u); });
  EXPECT_TRUE(end_of_interrupt(xen, 56).ok());
}

TEST_F(Arguments, GrantTable) {
  wanted_looks = 6;
  expect<gnttab_query_size>(20, GNTTABOP_query_size, [](auto& call) {
    EXPECT_EQ(call.dom, DOMID_SELF);
    call.nr_frames = 1;
    call.max_nr_frames = 64;
  });
  const GrantFrames frames = query_grant_size(xen).value();
  EXPECT_EQ(frames.current, 1u);
  EXPECT_EQ(frames.max, 64u);
  EXPECT_EQ(xen.registers[3], 1u) << "one argument";
  u64 list[3] = {};
  const auto look_at_list = [&list](auto& call) {
    EXPECT_EQ(call.dom, DOMID_SELF);
    EXPECT_EQ(call.nr_frames, 3u);
    EXPECT_EQ(call.frame_list.p, list);
    call.status = GNTST_general_error;
  };
  expect<gnttab_setup_table>(20, GNTTABOP_setup_table, look_at_list);
  EXPECT_EQ(setup_grant_table(xen, Span<u64>(list)).error(), Error::kBadValue);
  expect<gnttab_get_status_frames>(20, GNTTABOP_get_status_frames, look_at_list);
  EXPECT_EQ(grant_status_frames(xen, Span<u64>(list)).error(), Error::kBadValue);
  expect<gnttab_set_version>(20, GNTTABOP_set_version,
                             [](auto& call) { EXPECT_EQ(call.version, 2u); });
  EXPECT_TRUE(set_grant_version(xen, 2).ok());
  expect<gnttab_get_version>(20, GNTTABOP_get_version, [](auto& call) {
    EXPECT_EQ(call.dom, DOMID_SELF);
    call.version = 2;
  });
  EXPECT_EQ(grant_version(xen).value(), 2u);
  expect<gnttab_swap_grant_ref>(20, GNTTABOP_swap_grant_ref, [](auto& call) {
    EXPECT_EQ(call.ref_a, 8u);
    EXPECT_EQ(call.ref_b, 9u);
    call.status = GNTST_eagain;
  });
  EXPECT_EQ(swap_grants(xen, 8, 9).error(), Error::kBusy);
}

TEST_F(Arguments, GrantBatches) {
  gnttab_copy copies[5]{};
  EXPECT_TRUE(grant_copy(xen, Span<gnttab_copy>(copies)).ok());
  expect_registers({20, GNTTABOP_copy, address_of(copies), 5, 0, 0});
  gnttab_map_grant_ref maps[2]{};
  EXPECT_TRUE(map_grants(xen, Span<gnttab_map_grant_ref>(maps)).ok());
  expect_registers({20, GNTTABOP_map_grant_ref, address_of(maps), 2, 0, 0});
  gnttab_unmap_grant_ref unmaps[2]{};
  EXPECT_TRUE(unmap_grants(xen, Span<gnttab_unmap_grant_ref>(unmaps)).ok());
  expect_registers({20, GNTTABOP_unmap_grant_ref, address_of(unmaps), 2, 0, 0});
}

TEST_F(Arguments, Argo) {
  u64 gfns[] = {3, 4};
  xen.look = [&](const Registers& now) {
    ++looks;
    const auto& call = *reinterpret_cast<const xen_argo_register_ring_t*>(now[2]);
    EXPECT_EQ(call.aport, 80u);
    EXPECT_EQ(call.partner_id, 3);
  };
  wanted_looks = 3;
  EXPECT_TRUE(register_argo_ring(xen, {80, 3}, Span<u64>(gfns), 8192, false).ok());
  expect_registers({39, XEN_ARGO_OP_register_ring, xen.registers[2], address_of(gfns), 2,
                    XEN_ARGO_REGISTER_FLAG_FAIL_EXIST});
  EXPECT_TRUE(register_argo_ring(xen, {80, 3}, Span<u64>(gfns), 8192, true).ok());
  EXPECT_EQ(xen.registers[5], 0u);
  EXPECT_TRUE(unregister_argo_ring(xen, {80, 3}).ok());
  expect_registers({39, XEN_ARGO_OP_unregister_ring, xen.registers[2], 0, 0, 0});
  xen.look = nullptr;
  const xen_argo_send_addr_t address{};
  xen_argo_iov_t pieces[2]{};
  xen.result = 100;
  EXPECT_EQ(argo_send(xen, address, Span<xen_argo_iov_t>(pieces), 7).value(), 100u);
  expect_registers({39, XEN_ARGO_OP_sendv, address_of(address), address_of(pieces), 2, 7});
  EXPECT_TRUE(argo_notify(xen, nullptr).ok());
  expect_registers({39, XEN_ARGO_OP_notify, 0, 0, 0, 0});
}

}  // namespace
}  // namespace pvk
