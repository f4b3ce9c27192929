// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a backend may write into xenstore: each key the block frontend reads, each way to be wrong.
// The device stays down with one clear line that names key and value; another disk goes on.
#include <gtest/gtest.h>

#include <cctype>
#include <ostream>

#include "unit/disk_test.h"

namespace pvk::fakes {
namespace {

struct Bad {
  const char* key;
  std::string value;
  friend void PrintTo(const Bad& bad, std::ostream* out) {
    *out << bad.key << "='" << bad.value << "'";
  }
};

std::vector<Bad> all_bad() {
  std::vector<Bad> bad;
  const char* const numbers[] = {"sectors",
                                 "sector-size",
                                 "physical-sector-size",
                                 "info",
                                 "max-ring-page-order",
                                 "multi-queue-max-queues",
                                 "feature-max-indirect-segments",
                                 "feature-flush-cache",
                                 "feature-barrier",
                                 "feature-persistent",
                                 "feature-discard",
                                 "discard-granularity",
                                 "discard-alignment",
                                 "discard-secure"};
  const std::string values[] = {"",
                                " ",
                                "-1",
                                "+1",
                                "1 ",
                                " 1",
                                "0x1",
                                "one",
                                "1.0",
                                "1,2",
                                "1\n",
                                "18446744073709551616",
                                std::string(65, '1'),
                                std::string(3000, '1'),
                                std::string("1\0", 2),
                                "\x1b[2J"};
  for (const char* key : numbers) {
    for (const std::string& value : values) bad.push_back({key, value});
  }
  // In range for a number, out of range for what it means.
  for (const char* size : {"0", "1", "256", "511", "513", "768", "8192", "4294967808"}) {
    bad.push_back({"sector-size", size});
  }
  for (const char* size : {"0", "256", "1000"}) bad.push_back({"physical-sector-size", size});
  bad.push_back({"sectors", "18014398509481984"});  // 2^63 bytes
  bad.push_back({"sectors", "18446744073709551615"});
  bad.push_back({"multi-queue-max-queues", "0"});
  for (const char* flag : {"feature-flush-cache", "feature-barrier", "feature-persistent",
                           "feature-discard", "discard-secure"}) {
    bad.push_back({flag, "2"});
  }
  bad.push_back({"discard-granularity", "4294967296"});
  bad.push_back({"discard-alignment", "100"});
  return bad;
}

class BadInput : public DiskTest, public testing::WithParamInterface<Bad> {};

INSTANTIATE_TEST_SUITE_P(All, BadInput, testing::ValuesIn(all_bad()));

TEST_P(BadInput, KeepsOnlyThisDeviceDownWithOneLine) {
  const auto& [key, value] = GetParam();
  const bool early =
      key == std::string("max-ring-page-order") || key == std::string("multi-queue-max-queues");
  backend->allow_discard();
  (early ? backend->offered.early : backend->offered.late)[key] = value;
  EXPECT_FALSE(connect());
  EXPECT_EQ(disk->device().phase(), Phase::kFailed);
  EXPECT_EQ(backend->frontend_state(), 6) << "Closed, so that it can be detached";

  size_t lines = 0;
  for (const LogLine& line : machine.log_lines()) {
    if (line.text.find("'" + std::string(key) + "'") == std::string::npos) continue;
    ++lines;
    EXPECT_EQ(line.level, PVK_LOG_ERROR);
    EXPECT_EQ(line.device, "vbd-" + std::to_string(kXvda));
    for (const char character : line.text) EXPECT_TRUE(std::isprint(character)) << line.text;
    if (value.size() <= 32 && !value.empty() && std::isgraph(value[0]) &&
        value.find_first_of(std::string("\n\0", 2)) == std::string::npos) {
      EXPECT_NE(line.text.find("'" + value + "'"), std::string::npos) << line.text;
    }
  }
  EXPECT_EQ(lines, 1u);

  ModelBackend other(machine, kXvda + 16, kSectors);
  GuestDisk second(machine, other);
  other.offer();
  EXPECT_TRUE(second.connect());
}

class MissingKey : public DiskTest, public testing::WithParamInterface<const char*> {};

INSTANTIATE_TEST_SUITE_P(All, MissingKey, testing::Values("sectors", "sector-size"));

TEST_P(MissingKey, KeepsTheDeviceDownAndIsNamed) {
  backend->offered.late.erase(GetParam());
  EXPECT_FALSE(connect());
  EXPECT_EQ(machine.logged(PVK_LOG_ERROR, std::string("'") + GetParam() + "'"), 1u);
}

class OptionalKeys : public DiskTest {};

TEST_F(OptionalKeys, HaveDefaults) {
  backend->offered.late.erase("physical-sector-size");
  backend->offered.late.erase("info");
  ASSERT_TRUE(connect());
  const block::DiskOffer& offer = disk->device().offer();
  EXPECT_EQ(offer.physical_sector_size, 512u);
  EXPECT_FALSE(offer.read_only || offer.cdrom || offer.removable || offer.flush || offer.barrier ||
               offer.persistent || offer.discard || offer.secure_discard);
  EXPECT_EQ(offer.max_indirect_segments, 0u);
  EXPECT_EQ(disk->device().queues().size(), 1u);
  EXPECT_EQ(machine.logged(PVK_LOG_WARNING, ""), 0u);
}

TEST_F(OptionalKeys, AreTaken) {
  backend->offered.late["sectors"] = "2048";
  backend->offered.late["sector-size"] = "4096";
  backend->offered.late["physical-sector-size"] = "8192";
  backend->offered.late["info"] = "7";
  backend->allow_discard();
  backend->offered.late["discard-granularity"] = "65536";
  backend->offered.late["discard-alignment"] = "4096";
  backend->offered.late["discard-secure"] = "1";
  ASSERT_TRUE(connect());
  const block::DiskOffer& offer = disk->device().offer();
  EXPECT_EQ(offer.sector_size, 4096u);
  EXPECT_EQ(offer.physical_sector_size, 8192u);
  EXPECT_TRUE(offer.read_only && offer.cdrom && offer.removable && offer.discard);
  EXPECT_TRUE(offer.secure_discard);
  EXPECT_EQ(offer.discard_granularity, 65536u);
  EXPECT_EQ(offer.discard_alignment, 4096u);
}

TEST_F(OptionalKeys, MoreThanAnyoneCanUseIsOfferedInVain) {
  backend->offered.early["max-ring-page-order"] = "4294967295";
  backend->offered.early["multi-queue-max-queues"] = "4294967295";
  backend->behaviour.max_indirect_segments = 4096;
  backend->offered.late["feature-max-indirect-segments"] = "4294967295";
  params.max_ring_page_order = 100;
  params.max_queues = 100000;
  params.max_indirect_segments = ~0u;
  ASSERT_TRUE(connect(2));
  EXPECT_EQ(disk->device().ring_plan().ring_page_order, block::kMaxRingOrder);
  EXPECT_EQ(disk->device().queues().size(), 2u);
  EXPECT_EQ(disk->plan().max_segments, block::kMaxIndirectSegments);
}

}  // namespace
}  // namespace pvk::fakes
