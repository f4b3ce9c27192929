// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Asking the device model to take its emulated disks and network cards out, so that their
// paravirtual twins can be used: Xen's HVM unplug protocol (docs/misc/hvm-emulated-unplug in the
// Xen sources; product numbers in xen/hvm/pvdrivers.h). docs/services.md says what is chosen when.
//
// A twin that is used while the emulated device still is there means two writers to one disk, so
// everything here errs towards leaving the disk to the emulation.
#pragma once

#include "pvkit/result.h"
#include "pvkit/span.h"
#include "pvops/port_io.h"

namespace pvk::unplug {

// What the mask written to the port can name.
using Devices = u16;
constexpr Devices kIdeDisks = 1 << 0;     // all IDE, SATA and SCSI disks, never CD drives
constexpr Devices kNics = 1 << 1;         // all emulated network cards
constexpr Devices kAuxIdeDisks = 1 << 2;  // IDE disks but the primary master
constexpr Devices kNvmeDisks = 1 << 3;
constexpr Devices kAnyDisk = kIdeDisks | kAuxIdeDisks | kNvmeDisks;

enum class Policy : u8 {
  kUnplug,
  kNever,        // leave everything to the emulation, and do not use the twins
  kUnnecessary,  // somebody who knows says that nothing is emulated: use the twins
};

struct Choice {
  Policy policy = Policy::kUnplug;
  Devices devices = kIdeDisks | kNvmeDisks;
};

// Words of `xen_emul_unplug=`, separated by commas: all, ide-disks, aux-ide-disks, nics, nvme,
// disks, never, unnecessary. Never wins over unnecessary, and both over names of devices.
Result<Choice> parse_choice(Span<const char> text);

// `busy`: devices whose driver already uses them. Those stay, and since a device model may take
// more disks than the mask names (QEMU takes the IDE disks for kNvmeDisks alone), one busy disk
// keeps all of them.
Choice without_busy(Choice choice, Devices busy);

enum class Outcome : u8 {
  kNothingAsked,     // never, or nothing is left to ask for
  kUnnecessary,      // said to be unnecessary
  kUnplugged,        // the mask was written
  kNoProtocol,       // nobody answers at the port
  kUnknownProtocol,  // a version that may mean something else by the mask
  kBlacklisted,      // the administrator of the host does not want this driver
};

// Whether the disk with this virtual-device number (xen/io/blkif.h names the scheme) has no
// emulated twin any more. `emulated_controller`: the machine still shows a controller for disks
// that looks emulated.
bool disk_is_gone(Outcome outcome, Choice choice, bool emulated_controller, u32 virtual_device);

constexpr u16 kPort = 0x10;
constexpr u16 kVersionPort = 0x12;
constexpr u16 kMagic = 0x49d2;
constexpr u16 kProduct = 0xffff;  // "experimental": pvkit has no entry in pvdrivers.h
constexpr u32 kBuild = 1;

// Speaks the protocol once. Repeating it is harmless: what is out stays out.
template <PortIo T>
Outcome unplug(T& ports, Choice choice) {
  if (choice.policy == Policy::kUnnecessary) return Outcome::kUnnecessary;
  if (choice.policy == Policy::kNever || choice.devices == 0) return Outcome::kNothingAsked;
  if (ports.read16(kPort) != kMagic) return Outcome::kNoProtocol;
  const u8 version = ports.read8(kVersionPort);
  if (version > 1) return Outcome::kUnknownProtocol;
  if (version == 1) {
    // Who we are; the magic number is another one afterwards when we are not wanted.
    ports.write16(kVersionPort, kProduct);
    ports.write32(kPort, kBuild);
    if (ports.read16(kPort) != kMagic) return Outcome::kBlacklisted;
  }
  ports.write16(kPort, choice.devices);
  return Outcome::kUnplugged;
}

const char* to_text(Outcome outcome);

}  // namespace pvk::unplug
