// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvops/unplug.h"

#include "pvkit/text.h"

namespace pvk::unplug {
namespace {

struct Word {
  const char* name;
  Policy policy;
  Devices devices;
};

constexpr Word kWords[] = {
    {"all", Policy::kUnplug, kIdeDisks | kNics | kAuxIdeDisks | kNvmeDisks},
    {"disks", Policy::kUnplug, kIdeDisks | kNvmeDisks},
    {"ide-disks", Policy::kUnplug, kIdeDisks},
    {"aux-ide-disks", Policy::kUnplug, kAuxIdeDisks},
    {"nics", Policy::kUnplug, kNics},
    {"nvme", Policy::kUnplug, kNvmeDisks},
    {"never", Policy::kNever, 0},
    {"unnecessary", Policy::kUnnecessary, 0},
};

bool apply(Span<const char> name, Choice& choice) {
  for (const Word& word : kWords) {
    if (!text_equal(name, word.name)) continue;
    choice.devices |= word.devices;
    if (word.policy != Policy::kUnplug && choice.policy != Policy::kNever) {
      choice.policy = word.policy;
    }
    return true;
  }
  return false;
}

// The number of the disk among all disks of the guest: hd and xvd count alike, and a device model
// that emulates the first four makes number 0 the primary master. sd disks are SCSI disks, and
// count by themselves.
struct Disk {
  enum class Kind : u8 { kPlain, kScsi, kUnknown };
  Kind kind = Kind::kUnknown;
  u32 number = 0;
};

Disk disk_of(u32 virtual_device) {
  using Kind = Disk::Kind;
  if (virtual_device >> 28 == 1) return {Kind::kPlain, virtual_device << 4 >> 12};  // extended
  const u32 minor = virtual_device & 0xff;
  switch (virtual_device >> 8) {
    case 3: return {Kind::kPlain, minor >> 6};         // hda, hdb
    case 22: return {Kind::kPlain, 2 + (minor >> 6)};  // hdc, hdd
    case 8: return {Kind::kScsi, minor >> 4};          // sd
    case 202: return {Kind::kPlain, minor >> 4};       // xvd
    default: return {};
  }
}

// A controller that stays may have the disk.
bool may_stay(const Disk& disk, const Controllers& found) {
  if (found.nvme) return true;
  switch (disk.kind) {
    case Disk::Kind::kPlain: return disk.number < 32 && (found.sata >> disk.number & 1) != 0;
    case Disk::Kind::kScsi: return found.scsi;
    case Disk::Kind::kUnknown: break;
  }
  return found.scsi || found.sata != 0;
}

// QEMU takes for aux alone the IDE disks but the primary master, for any other mask all.
bool only_auxiliary(Choice choice) {
  return (choice.devices & (kIdeDisks | kAuxIdeDisks)) == kAuxIdeDisks;
}

}  // namespace

Result<Choice> parse_choice(Span<const char> text) {
  Choice choice{Policy::kUnplug, 0};
  size_t start = 0;
  for (size_t i = 0; i <= text.size(); ++i) {
    if (i < text.size() && text[i] != ',') continue;
    if (!apply({text.data() + start, i - start}, choice)) return Error::kBadValue;
    start = i + 1;
  }
  // For NVMe disks alone QEMU takes the IDE disks too; say what will happen.
  if ((choice.devices & kNvmeDisks) != 0 && (choice.devices & kAuxIdeDisks) == 0) {
    choice.devices |= kIdeDisks;
  }
  return choice;
}

Choice without_busy(Choice choice, Devices busy) {
  if ((choice.devices & busy & kNics) != 0) choice.devices &= static_cast<Devices>(~kNics);
  if ((busy & kAnyDisk) != 0) choice.devices &= static_cast<Devices>(~kAnyDisk);
  return choice;
}

Choice ask_again(Choice choice, const Controllers& found) {
  if (found.nvme) choice.devices &= static_cast<Devices>(~kNvmeDisks);
  // For SATA disks there is no word of their own, and QEMU since 8.2 takes them for each.
  if (found.sata != 0 || (found.scsi && !only_auxiliary(choice))) {
    choice.devices &= static_cast<Devices>(~kAnyDisk);
  }
  return choice;
}

bool disk_is_gone(Outcome outcome, Choice choice, const Controllers& found, u32 virtual_device) {
  switch (outcome) {
    case Outcome::kUnnecessary: return true;
    // A guest without device model, or whose disks never were emulated.
    case Outcome::kNoProtocol: return !found.any;
    case Outcome::kUnplugged: break;
    case Outcome::kNothingAsked:
    case Outcome::kUnknownProtocol:
    case Outcome::kBlacklisted: return false;
  }
  if ((choice.devices & kAnyDisk) == 0) return false;
  const Disk disk = disk_of(virtual_device);
  if (may_stay(disk, found)) return false;
  return !only_auxiliary(choice) || (disk.kind == Disk::Kind::kPlain && disk.number != 0);
}

const char* to_text(Outcome outcome) {
  switch (outcome) {
    case Outcome::kNothingAsked: return "not asked";
    case Outcome::kUnnecessary: return "unnecessary";
    case Outcome::kUnplugged: return "unplugged";
    case Outcome::kNoProtocol: return "no unplug protocol";
    case Outcome::kUnknownProtocol: return "unknown unplug protocol";
    case Outcome::kBlacklisted: return "blacklisted by the host";
  }
  return "?";
}

}  // namespace pvk::unplug
