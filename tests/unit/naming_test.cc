// SPDX-License-Identifier: MIT OR GPL-2.0-only
// virtual-device numbers (Xen's docs/misc/vbd-interface) to the names that xen-blkfront gives.
#include "frontends/block/naming.h"

#include <gtest/gtest.h>

namespace pvk::block {
namespace {

struct Case {
  u32 device;
  const char* name;
  u32 minor;
  u32 minors;
};

constexpr u32 xvd(u32 minor) { return 202u << 8 | minor; }
constexpr u32 extended(u32 minor) { return 1u << 28 | minor; }

class Naming : public testing::TestWithParam<Case> {};

INSTANTIATE_TEST_SUITE_P(
    Disks, Naming,
    testing::Values(Case{xvd(0), "xvda", 0, 16}, Case{xvd(16), "xvdb", 16, 16},
                    Case{xvd(240), "xvdp", 240, 16}, Case{extended(0), "xvda", 0, 256},
                    Case{extended(16 << 8), "xvdq", 16 << 8, 256},
                    Case{extended(25 << 8), "xvdz", 25 << 8, 256},
                    Case{extended(26 << 8), "xvdaa", 26 << 8, 256},
                    Case{extended(701 << 8), "xvdzz", 701 << 8, 256},
                    Case{extended(702 << 8), "xvdaaa", 702 << 8, 256}, Case{768, "xvda", 0, 16},
                    Case{768 + 64, "xvdb", 16, 16}, Case{22 << 8, "xvdc", 32, 16},
                    Case{8 << 8, "xvda", 0, 16}, Case{8 << 8 | 16, "xvdb", 16, 16},
                    Case{8 << 8 | 240, "xvdp", 240, 16}, Case{65 << 8, "xvdq", 256, 16},
                    Case{71 << 8 | 240, "xvddx", 2032, 16}, Case{128 << 8, "xvddy", 2048, 16},
                    Case{135 << 8 | 240, "xvdiv", 4080, 16}));

INSTANTIATE_TEST_SUITE_P(
    Partitions, Naming,
    testing::Values(Case{xvd(1), "xvda1", 1, 1}, Case{xvd(31), "xvdb15", 31, 1},
                    Case{extended(256 + 200), "xvdb200", 456, 1}, Case{768 + 3, "xvda3", 3, 1},
                    Case{8 << 8 | 1, "xvda1", 1, 1}, Case{65 << 8 | 18, "xvdr2", 274, 1}));

TEST_P(Naming, IsXenBlkfronts) {
  const Result<DiskName> named = name_disk(GetParam().device);
  ASSERT_TRUE(named.ok());
  EXPECT_STREQ(named.value().name.c_str(), GetParam().name);
  EXPECT_EQ(named.value().minor, GetParam().minor);
  EXPECT_EQ(named.value().minors, GetParam().minors);
  EXPECT_FALSE(named.value().name.truncated());
}

class NoName : public testing::TestWithParam<u32> {};

INSTANTIATE_TEST_SUITE_P(All, NoName,
                         testing::Values(0u, 1u, 255u, 1u << 8, 203u << 8, 768u + 128u,
                                         extended(1u << 20), 1u << 29, ~u32{0}, 1u << 27,
                                         // a partition number that the disk has no minor for
                                         768u + 20u));

TEST_P(NoName, IsRefused) {
  const Result<DiskName> named = name_disk(GetParam());
  ASSERT_FALSE(named.ok()) << named.value().name.c_str();
  EXPECT_EQ(named.error(), Error::kBadValue);
}

TEST(NamingScheme, NoTwoDisksOfOneSchemeShareAMinor) {
  u32 last = 0;
  for (u32 disk = 1; disk < 4096; ++disk) {
    const Result<DiskName> named = name_disk(extended(disk << 8));
    ASSERT_TRUE(named.ok());
    EXPECT_GT(named.value().minor, last);
    last = named.value().minor;
  }
}

}  // namespace
}  // namespace pvk::block
