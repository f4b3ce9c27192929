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

// The number of the disk among all disks of the guest: hd, sd and xvd count alike, and a device
// model that emulates the first four makes number 0 the primary master.
constexpr u32 kNoNumber = ~u32{0};

u32 disk_number(u32 virtual_device) {
  if (virtual_device >> 28 == 1) return virtual_device << 4 >> 12;  // the extended scheme
  const u32 minor = virtual_device & 0xff;
  switch (virtual_device >> 8) {
    case 3: return minor >> 6;         // hda, hdb
    case 22: return 2 + (minor >> 6);  // hdc, hdd
    case 8:                            // sd
    case 202: return minor >> 4;       // xvd
    default: return kNoNumber;
  }
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

bool disk_is_gone(Outcome outcome, Choice choice, bool emulated_controller, u32 virtual_device) {
  switch (outcome) {
    case Outcome::kUnnecessary: return true;
    // A guest without device model, or whose disks never were emulated.
    case Outcome::kNoProtocol: return !emulated_controller;
    case Outcome::kUnplugged: break;
    case Outcome::kNothingAsked:
    case Outcome::kUnknownProtocol:
    case Outcome::kBlacklisted: return false;
  }
  if ((choice.devices & kIdeDisks) != 0) return true;
  if ((choice.devices & kAuxIdeDisks) == 0) return false;
  const u32 number = disk_number(virtual_device);
  return number != 0 && number != kNoNumber;
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
