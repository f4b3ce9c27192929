// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The unplug protocol against a device model of ports, and who may use a disk afterwards.
#include "pvops/unplug.h"

#include <gtest/gtest.h>

#include <string>
#include <utility>
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
constexpr u32 kSdb = 8 << 8 | 16;
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

// What the bus shows once the mask was written.
constexpr Controllers kIdeAlone{.any = true, .nvme = false, .scsi = false, .sata = 0};
constexpr Controllers kNvmeStays{.any = true, .nvme = true, .scsi = false, .sata = 0};
constexpr Controllers kScsiStays{.any = true, .nvme = false, .scsi = true, .sata = 0};
constexpr Controllers sata_stays(u32 ports) { return {true, false, false, ports}; }
constexpr u32 kUnknown = 99 << 8;

TEST(UnplugGone, AllDisksOnceTheirMaskWasWritten) {
  for (const u32 disk : {kHda, kHdc, kSda, kXvda, kExtended30, kUnknown}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, kIdeAlone, disk)) << disk;
  }
}

TEST(UnplugGone, ThePrimaryMasterIsNotAnAuxiliaryDisk) {
  const Choice aux = parse("aux-ide-disks").value();
  for (const u32 disk : {kHda, kXvda, kXvda1, kExtended0}) {
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, kIdeAlone, disk)) << disk;
  }
  for (const u32 disk : {kHdb, kHdc, kXvdb, kExtended30}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, aux, kIdeAlone, disk)) << disk;
  }
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, kIdeAlone, kUnknown)) << "of no known scheme";
}

TEST(UnplugGone, NoScsiDiskIsAnAuxiliaryIdeDisk) {
  const Choice aux = parse("aux-ide-disks,nvme").value();
  for (const u32 disk : {kSda, kSdb}) {
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, kIdeAlone, disk)) << disk;
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, kScsiStays, disk)) << disk;
  }
}

TEST(UnplugGone, AnyDiskMayBeOnAnNvmeControllerThatStays) {
  for (const char* words : {"ide-disks", "disks", "aux-ide-disks"}) {
    for (const u32 disk : {kHda, kHdc, kSda, kXvdb, kExtended30, kUnknown}) {
      EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, parse(words).value(), kNvmeStays, disk))
          << words << ' ' << disk;
    }
  }
}

TEST(UnplugGone, ScsiDisksMayBeOnAScsiControllerThatStays) {
  for (const u32 disk : {kSda, kSdb, kUnknown}) {
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, {}, kScsiStays, disk)) << disk;
  }
  for (const u32 disk : {kHda, kHdc, kXvdb, kExtended30}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, kScsiStays, disk)) << disk;
  }
}

// A toolstack puts the disk with number n at port n.
TEST(UnplugGone, ASataPortWithADiskKeepsTheDiskOfItsNumber) {
  for (const u32 disk : {kHda, kXvda, kXvda1, kExtended0, kHdc, kUnknown}) {
    EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, {}, sata_stays(1 << 0 | 1 << 2), disk)) << disk;
  }
  for (const u32 disk : {kHdb, kXvdb, kExtended30}) {
    EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, sata_stays(1 << 0 | 1 << 2), disk)) << disk;
  }
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, {}, sata_stays(1u << 30), kExtended30));
  EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, sata_stays(~u32{0}), 1u << 28 | 32 << 8));
  EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, {}, sata_stays(1), kSda)) << "is on SCSI";
}

TEST(UnplugGone, ASataPortMattersWhateverWasAsked) {
  const Choice aux = parse("aux-ide-disks").value();
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, aux, sata_stays(1 << 1), kXvdb));
  EXPECT_TRUE(disk_is_gone(Outcome::kUnplugged, aux, sata_stays(1 << 1), kHdc));
}

TEST(UnplugGone, OnlyNicsOutLeavesEveryDiskEmulated) {
  EXPECT_FALSE(disk_is_gone(Outcome::kUnplugged, parse("nics").value(), kIdeAlone, kXvdb));
}

TEST(UnplugGone, WithoutProtocolItDependsOnWhetherDisksAreEmulatedAtAll) {
  EXPECT_FALSE(disk_is_gone(Outcome::kNoProtocol, {}, kIdeAlone, kXvda));
  EXPECT_TRUE(disk_is_gone(Outcome::kNoProtocol, {}, {}, kXvda));
  EXPECT_TRUE(disk_is_gone(Outcome::kUnnecessary, {}, kNvmeStays, kXvda)) << "somebody knows";
}

TEST(UnplugGone, NeverWhenWeWereRefusedOrDidNotAsk) {
  for (const Outcome outcome :
       {Outcome::kNothingAsked, Outcome::kUnknownProtocol, Outcome::kBlacklisted}) {
    EXPECT_FALSE(disk_is_gone(outcome, {}, {}, kXvda)) << to_text(outcome);
  }
}

Devices again(const char* words, const Controllers& found) {
  return ask_again(parse(words).value(), found).devices;
}

TEST(UnplugAgain, AsksForAllWhereNothingStayed) {
  EXPECT_EQ(again("all", kIdeAlone), parse("all").value().devices);
  EXPECT_EQ(ask_again({Policy::kNever, kIdeDisks}, kIdeAlone).policy, Policy::kNever);
}

TEST(UnplugAgain, NeverForADiskThatIsInUseByNow) {
  EXPECT_EQ(again("all", sata_stays(1)), kNics) << "QEMU since 8.2 takes them";
  EXPECT_EQ(again("aux-ide-disks", sata_stays(2)), 0) << "for aux too";
  EXPECT_EQ(again("disks", kScsiStays), 0);
  EXPECT_EQ(again("aux-ide-disks,nvme", kScsiStays), kAuxIdeDisks | kNvmeDisks) << "SCSI stays";
  EXPECT_EQ(again("ide-disks,nics", kNvmeStays), kIdeDisks | kNics) << "NVMe stays";
  EXPECT_EQ(again("disks", kNvmeStays), kIdeDisks);
}

// An AHCI controller's registers.
struct Ahci {
  u32 implemented = 0x3f;
  std::vector<std::pair<u32, u32>> ports = std::vector<std::pair<u32, u32>>(6);
  size_t bytes = 0x1000;

  u32 read32(u32 offset) const {
    EXPECT_LE(offset + 4, bytes);
    if (offset == 0x0c) return implemented;
    const auto& [status, signature] = ports.at((offset - 0x100) / 0x80);
    EXPECT_TRUE(offset % 0x80 == 0x24 || offset % 0x80 == 0x28) << offset;
    return offset % 0x80 == 0x28 ? status : signature;
  }
};

constexpr std::pair<u32, u32> kDisk{0x113, 0x101};
constexpr std::pair<u32, u32> kCd{0x113, 0xeb140101};
constexpr std::pair<u32, u32> kSilent{0x113, 0xffffffff};
constexpr std::pair<u32, u32> kOffline{0x4, 0xffffffff};
constexpr std::pair<u32, u32> kNothing{0, 0xffffffff};

TEST(UnplugSata, PortsWithDisksAreTold) {
  Ahci ahci;
  ahci.ports = {kDisk, kCd, kNothing, kSilent, kOffline, kNothing};
  EXPECT_EQ(sata_disks(ahci, ahci.bytes), 1u << 0 | 1u << 3 | 1u << 4);
  ahci.ports.assign(6, kNothing);
  EXPECT_EQ(sata_disks(ahci, ahci.bytes), 0u);
}

TEST(UnplugSata, PortsThatAreNotThereAreNotReadAndThoseOutOfReachMayHaveDisks) {
  Ahci ahci;
  ahci.implemented = 1 << 1 | 1u << 31;
  ahci.ports = {kDisk, kNothing};
  EXPECT_EQ(sata_disks(ahci, ahci.bytes), 1u << 31);
}

TEST(UnplugSata, RegistersThatSayNothingSensibleStandForEveryPort) {
  Ahci ahci;
  for (const u32 implemented : {0u, ~0u}) {
    ahci.implemented = implemented;
    EXPECT_EQ(sata_disks(ahci, ahci.bytes), ~0u);
  }
  ahci.bytes = 0;
  EXPECT_EQ(sata_disks(ahci, ahci.bytes), ~0u) << "not mapped";
}

}  // namespace
}  // namespace pvk::unplug
