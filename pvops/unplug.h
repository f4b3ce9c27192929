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
constexpr Devices kIdeDisks = 1 << 0;     // all IDE and SCSI disks, since QEMU 8.2 SATA too
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

// What the PCI bus shows of emulated disks.
struct Controllers {
  bool any = false;   // a controller that looks emulated, with or without disks
  bool nvme = false;  // after the mask was written: one that still answers
  bool scsi = false;  // the same
  u32 sata = 0;       // the same: ports that may have a disk
};

// Whether the disk with this virtual-device number (xen/io/blkif.h names the scheme) has no
// emulated twin any more. That the mask was written is not enough, as a device model may not know
// of a controller, or keep it: QEMU before 8.2 leaves SATA disks, and NVMe disks go only when they
// are named. So what the bus still shows counts too, and in doubt a disk is left to the emulation:
//  - on NVMe may be any disk;
//  - on SCSI are the disks whose numbers are those of sd;
//  - at port n of a SATA controller is the disk with number n that is none of these.
bool disk_is_gone(Outcome outcome, Choice choice, const Controllers& found, u32 virtual_device);

// What to ask for in a restored domain, whose device model may be another, and may take what the
// first one left: that is in use by now. `found`: as it was in the first.
Choice ask_again(Choice choice, const Controllers& found);

// Whether an AHCI port may have a disk, by its status and signature registers: unless there is no
// device, or one that says to be a CD drive. It says so late, so until then it may be a disk.
constexpr bool may_be_disk(u32 status, u32 signature) {
  constexpr u32 kDetected = 0xf;
  constexpr u32 kCdDrive = 0xeb140101;
  return (status & kDetected) != 0 && signature != kCdDrive;
}

// Which ports of an AHCI controller may have a disk (the AHCI specification, section 3). `bytes`:
// so much of its registers can be read. Registers that say nothing sensible stand for every port.
template <RegisterIo T>
u32 sata_disks(T& registers, size_t bytes) {
  constexpr u32 kImplemented = 0x0c, kPorts = 0x100, kPortBytes = 0x80;
  constexpr u32 kSignature = 0x24, kStatus = 0x28;
  const u32 implemented = bytes < kPorts ? 0 : registers.read32(kImplemented);
  if (implemented == 0 || implemented == ~u32{0}) return ~u32{0};
  u32 disks = 0;
  for (u32 port = 0; port < 32; ++port) {
    const u32 base = kPorts + port * kPortBytes;
    if ((implemented >> port & 1) == 0) continue;
    if (base + kPortBytes > bytes ||
        may_be_disk(registers.read32(base + kStatus), registers.read32(base + kSignature))) {
      disks |= u32{1} << port;
    }
  }
  return disks;
}

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
