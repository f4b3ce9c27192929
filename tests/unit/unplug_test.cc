// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The unplug protocol against a device model of ports, and who may use a disk afterwards.
#include "pvops/unplug.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace pvk::unplug {
namespace {

// The ports of the platform device, and everything that was written to them.
struct Model {
  u16 magic = kMagic;
  u8 version = 1;
  bool blacklist = false;
  std::vector<std::string> writes;
  bool build_seen = false;

  u16 read16(u16 port) {
    EXPECT_EQ(port, 0x10);
    return blacklist && build_seen ? u16{0xd249} : magic;
  }
  u8 read8(u16 port) {
    EXPECT_EQ(port, 0x12);
    return version;
  }
  void write16(u16 port, u16 value) { note(16, port, value); }
  void write32(u16 port, u32 value) {
    build_seen = true;
    note(32, port, value);
  }
  void note(int bits, u16 port, u32 value) {
    writes.push_back(std::to_string(bits) + "@" + std::to_string(port) + "=" +
                     std::to_string(value));
  }
};

Result<Choice> parse(const std::string& text) { return parse_choice({text.data(), text.size()}); }

constexpr u32 kHda = 3 << 8;
constexpr u32 kHdb = 3 << 8 | 64;
constexpr u32 kHdc = 22 << 8;
constexpr u32 kSda = 8 << 8;
constexpr u32 kXvda = 202 << 8;
constexpr u32 kXvda1 = 202 << 8 | 1;
constexpr u32 kXvdb = 202 << 8 | 16;
constexpr u32 kExtended0 = 1u << 28 | 3;
constexpr u32 kExtended30 = 1u << 28 | 30 << 8;

TEST(Unplug, SaysWhoWeAreAndThenNamesTheDevices) {
  Model model;
  EXPECT_EQ(unplug(model, {Policy::kUnplug, kIdeDisks | kNics}), Outcome::kUnplugged);
  EXPECT_EQ(model.writes, (std::vector<std::string>{"16@18=65535", "32@16=1", "16@16=3"}));
}

TEST(Unplug, TheOldProtocolIsNotToldWhoWeAre) {
  Model model;
  model.version = 0;
  EXPECT_EQ(unplug(model, {}), Outcome::kUnplugged);
  EXPECT_EQ(model.writes, (std::vector<std::string>{"16@16=9"}));
}

TEST(Unplug, NothingIsWrittenWhereNobodyAnswers) {
  Model model;
  model.magic = 0xffff;
  EXPECT_EQ(unplug(model, {}), Outcome::kNoProtocol);
  EXPECT_TRUE(model.writes.empty());
}

TEST(Unplug, AnUnknownVersionIsLeftAlone) {
  Model model;
  model.version = 2;
  EXPECT_EQ(unplug(model, {}), Outcome::kUnknownProtocol);
  EXPECT_TRUE(model.writes.empty());
}

TEST(Unplug, ABlacklistedDriverUnplugsNothing) {
  Model model;
  model.blacklist = true;
  EXPECT_EQ(unplug(model, {}), Outcome::kBlacklisted);
  EXPECT_EQ(model.writes.size(), 2u) << "product and build, no mask";
}

TEST(Unplug, TouchesNoPortWhenNothingIsWanted) {
  Model model;
  EXPECT_EQ(unplug(model, {Policy::kNever, kIdeDisks}), Outcome::kNothingAsked);
  EXPECT_EQ(unplug(model, {Policy::kUnplug, 0}), Outcome::kNothingAsked);
  EXPECT_EQ(unplug(model, {Policy::kUnnecessary, kIdeDisks}), Outcome::kUnnecessary);
  EXPECT_TRUE(model.writes.empty());
}

TEST(UnplugChoice, WordsAddUp) {
  EXPECT_EQ(parse("all").value().devices, kIdeDisks | kNics | kAuxIdeDisks | kNvmeDisks);
  EXPECT_EQ(parse("disks").value().devices, kIdeDisks | kNvmeDisks);
  EXPECT_EQ(parse("ide-disks,nics").value().devices, kIdeDisks | kNics);
  EXPECT_EQ(parse("aux-ide-disks").value().devices, kAuxIdeDisks);
  EXPECT_EQ(parse("aux-ide-disks,nvme").value().devices, kAuxIdeDisks | kNvmeDisks);
}

TEST(UnplugChoice, NvmeAloneMeansTheIdeDisksTooBecauseQemuTakesThem) {
  EXPECT_EQ(parse("nvme").value().devices, kNvmeDisks | kIdeDisks);
}

TEST(UnplugChoice, NeverWins) {
  EXPECT_EQ(parse("never").value().policy, Policy::kNever);
  EXPECT_EQ(parse("unnecessary").value().policy, Policy::kUnnecessary);
  EXPECT_EQ(parse("never,unnecessary").value().policy, Policy::kNever);
  EXPECT_EQ(parse("unnecessary,never").value().policy, Policy::kNever);
  EXPECT_EQ(parse("ide-disks,never").value().policy, Policy::kNever);
  EXPECT_EQ(parse("nics").value().policy, Policy::kUnplug);
}

TEST(UnplugChoice, WhatIsNoWordIsRefused) {
  for (const char* text : {"", ",", "ide", "ide-disks,", ",nics", "ALL", "nics nvme", "neverr"}) {
    EXPECT_FALSE(parse(text).ok()) << '"' << text << '"';
  }
}

TEST(UnplugChoice, TheDefaultLeavesTheNetworkAlone) {
  EXPECT_EQ(Choice{}.devices & kNics, 0);
  EXPECT_NE(Choice{}.devices & kIdeDisks, 0);
}

TEST(UnplugBusy, OneDiskInUseKeepsAllDisks) {
  const Choice all = parse("all").value();
  EXPECT_EQ(without_busy(all, 0).devices, all.devices);
  EXPECT_EQ(without_busy(all, kNvmeDisks).devices, kNics);
  EXPECT_EQ(without_busy(all, kIdeDisks).devices, kNics);
  EXPECT_EQ(without_busy(all, kNics).devices, kIdeDisks | kAuxIdeDisks | kNvmeDisks);
  EXPECT_EQ(without_busy(all, kNics | kIdeDisks).devices, 0);
}

TEST(UnplugGone, AllDisksOnceTheirMaskWasWritten) {
  for (const u32 disk : {kHda, kHdc, kSda, kXvda, kExtended30}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, true, disk)) << disk;
  }
}

TEST(UnplugGone, ThePrimaryMasterIsNotAnAuxiliaryDisk) {
  const Choice aux = parse("aux-ide-disks").value();
  for (const u32 disk : {kHda, kSda, kXvda, kXvda1, kExtended0}) {
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, true, disk)) << disk;
  }
  for (const u32 disk : {kHdb, kHdc, kXvdb, kExtended30}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, aux, true, disk)) << disk;
  }
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, true, 99 << 8)) << "of no known scheme";
}

TEST(UnplugGone, OnlyNicsOutLeavesEveryDiskEmulated) {
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, parse("nics").value(), true, kXvdb));
}

TEST(UnplugGone, WithoutProtocolItDependsOnWhetherDisksAreEmulatedAtAll) {
  EXPECT_FALSE(disk_is_gone(Outcome::kNoProtocol, {}, true, kXvda));
  EXPECT_TRUE(disk_is_gone(Outcome::kNoProtocol, {}, false, kXvda));
  EXPECT_TRUE(disk_is_gone(Outcome::kUnnecessary, {}, true, kXvda));
}

TEST(UnplugGone, NeverWhenWeWereRefusedOrDidNotAsk) {
  for (const Outcome outcome :
       {Outcome::kNothingAsked, Outcome::kUnknownProtocol, Outcome::kBlacklisted}) {
    EXPECT_FALSE(disk_is_gone(outcome, {}, false, kXvda)) << to_text(outcome);
  }
}

}  // namespace
}  // namespace pvk::unplug
