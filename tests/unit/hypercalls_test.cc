// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Typed hypercalls over a transport of the test's, and the search for a hypervisor on CPUs of its
// making.
#include <gtest/gtest.h>

#include <string.h>

#include "hypercalls/any_transport.h"
#include "hypercalls/detect.h"
#include "hypercalls/event_calls.h"
#include "hypercalls/version_calls.h"

#include <xen/arch-x86/cpuid.h>

#include <map>

namespace pvk {
namespace {

struct FakeTransport {
  struct Call {
    u64 number, a1, a2;
  };
  long result = 0;
  Call last{};
  Port port = 0;

  long call(u64 number, u64 a1, u64 a2, u64, u64, u64) {
    last = {number, a1, a2};
    if (number == __HYPERVISOR_event_channel_op) {
      port = reinterpret_cast<const evtchn_send*>(a2)->port;
    }
    return result;
  }
};

TEST(Calls, VersionIsSplit) {
  FakeTransport transport;
  transport.result = 4 << 16 | 17;
  const Result<XenVersion> version = xen_version(transport);
  ASSERT_TRUE(version.ok());
  EXPECT_EQ(version.value().major, 4);
  EXPECT_EQ(version.value().minor, 17);
  EXPECT_EQ(transport.last.number, u64{__HYPERVISOR_xen_version});
  EXPECT_EQ(transport.last.a1, u64{XENVER_version});
}

TEST(Calls, SendNamesItsPort) {
  FakeTransport transport;
  EXPECT_TRUE(send_event(transport, 42).ok());
  EXPECT_EQ(transport.last.a1, u64{EVTCHNOP_send});
  EXPECT_EQ(transport.port, 42u);
}

TEST(Calls, XensErrorsAreOurs) {
  FakeTransport transport;
  const std::map<long, Error> meanings = {
      {-2, Error::kMissing},       {-12, Error::kNoMemory},     {-16, Error::kBusy},
      {-38, Error::kNotSupported}, {-95, Error::kNotSupported}, {-1, Error::kNotAllowed},
      {-13, Error::kNotAllowed},   {-3, Error::kMissing},       {-11, Error::kBusy},
      {-17, Error::kExists},       {-28, Error::kNoEvent},      {-62, Error::kTooLate},
      {-14, Error::kBadValue},     {-22, Error::kBadValue}};
  for (const auto& [result, error] : meanings) {
    transport.result = result;
    EXPECT_EQ(send_event(transport, 1).error(), error) << result;
    EXPECT_EQ(xen_version(transport).error(), error) << result;
  }
}

// A legacy interface version would give event_channel_op number 16.
TEST(Calls, NumbersAreThoseOfTodaysInterface) {
  EXPECT_EQ(__HYPERVISOR_event_channel_op, 32);
  EXPECT_EQ(__HYPERVISOR_sched_op, 29);
  EXPECT_EQ(__HYPERVISOR_physdev_op, 33);
}

TEST(Transport, IsChosenByTheCpu) {
  EXPECT_STREQ(transport_for(Vendor::kIntel).value().name(), "vmcall");
  EXPECT_STREQ(transport_for(Vendor::kAmd).value().name(), "vmmcall");
  EXPECT_EQ(transport_for(Vendor::kOther).error(), Error::kNotSupported);
}

TEST(Transport, RefusesUntilItIsChosen) {
  const AnyTransport none;
  EXPECT_FALSE(none.is_chosen());
  EXPECT_STREQ(none.name(), "none");
  EXPECT_EQ(xen_version(none).error(), Error::kNotSupported);
}

std::map<u32, CpuidRegisters> cpu;
CpuidRegisters fake_cpuid(u32 leaf, u32) { return cpu[leaf]; }

u32 four(const char* text) {
  u32 value = 0;
  memcpy(&value, text, sizeof(value));
  return value;
}

class Detection : public testing::Test {
 protected:
  void SetUp() override { cpu.clear(); }
  static void vendor(const char* text) {
    cpu[0] = {13, four(text), four(text + 8), four(text + 4)};
  }
  static void xen_at(u32 base, u32 leaves = 2) {
    cpu[base] = {base + leaves, XEN_CPUID_SIGNATURE_EBX, XEN_CPUID_SIGNATURE_ECX,
                 XEN_CPUID_SIGNATURE_EDX};
    cpu[base + 1] = {4 << 16 | 20, 0, 0, 0};
  }
};

TEST_F(Detection, FindsXenOnEachVendor) {
  const std::map<const char*, Vendor> vendors = {{"GenuineIntel", Vendor::kIntel},
                                                 {"AuthenticAMD", Vendor::kAmd},
                                                 {"HygonGenuine", Vendor::kAmd},
                                                 {"CentaurHauls", Vendor::kOther}};
  xen_at(0x40000000);
  for (const auto& [name, expected] : vendors) {
    vendor(name);
    const Result<Hypervisor> found = find_xen(fake_cpuid);
    ASSERT_TRUE(found.ok()) << name;
    EXPECT_EQ(found.value().vendor, expected) << name;
    EXPECT_EQ(found.value().major, 4);
    EXPECT_EQ(found.value().minor, 20);
    EXPECT_EQ(found.value().base_leaf, 0x40000000u);
  }
}

TEST_F(Detection, LooksBehindViridiansLeaves) {
  vendor("GenuineIntel");
  cpu[0x40000000] = {0x40000005, four("Micr"), four("t Hv"), four("osof")};
  xen_at(0x40000100);
  const Result<Hypervisor> found = find_xen(fake_cpuid);
  ASSERT_TRUE(found.ok());
  EXPECT_EQ(found.value().base_leaf, 0x40000100u);
}

TEST_F(Detection, NoXenIsNoXen) {
  vendor("GenuineIntel");
  EXPECT_EQ(find_xen(fake_cpuid).error(), Error::kNotSupported);
  cpu[0x40000000] = {0x40000001, four("KVMK"), 0x4d, four("VMKV")};
  EXPECT_FALSE(find_xen(fake_cpuid).ok());
}

TEST_F(Detection, ASignatureWithoutTheLeavesIsNotEnough) {
  vendor("GenuineIntel");
  xen_at(0x40000000, 1);
  EXPECT_FALSE(find_xen(fake_cpuid).ok());
}

TEST_F(Detection, AVcpusNumberIsInItsLeaf) {
  vendor("GenuineIntel");
  xen_at(0x40000100, 5);
  cpu[0x40000104] = {XEN_HVM_CPUID_VCPU_ID_PRESENT, 7, 0, 0};
  const Result<u32> number = vcpu_number(fake_cpuid);
  ASSERT_TRUE(number.ok());
  EXPECT_EQ(number.value(), 7u);
}

// Not every Xen says it, and then no vCPU may be taken for the first.
TEST_F(Detection, AVcpuWhoseNumberIsNotSaidHasNone) {
  vendor("GenuineIntel");
  EXPECT_FALSE(vcpu_number(fake_cpuid).ok()) << "no Xen";
  xen_at(0x40000000, 5);
  cpu[0x40000004] = {XEN_HVM_CPUID_X2APIC_VIRT, 7, 0, 0};
  EXPECT_FALSE(vcpu_number(fake_cpuid).ok()) << "a leaf without the number";
  xen_at(0x40000000, 3);
  cpu[0x40000004] = {XEN_HVM_CPUID_VCPU_ID_PRESENT, 7, 0, 0};
  EXPECT_EQ(vcpu_number(fake_cpuid).error(), Error::kNotSupported) << "beyond the last leaf";
}

TEST_F(Detection, ReadsThisCpu) {
  const CpuidRegisters leaf = native_cpuid(0, 0);
  EXPECT_GE(leaf.eax, 1u);
  EXPECT_NE(leaf.ebx, 0u);
}

}  // namespace
}  // namespace pvk
