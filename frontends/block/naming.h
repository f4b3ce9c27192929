// SPDX-License-Identifier: MIT OR GPL-2.0-only
// `virtual-device` numbers (xen docs/misc/vbd-interface.txt) to minors and xvd names.
#pragma once

#include "pvkit/result.h"
#include "pvkit/text.h"

namespace pvk::block {

constexpr u32 kXvdMajor = 202;

struct DiskName {
  Text<16> name;   // xvda, xvdb, … xvdaa; with a partition's number when the device is one
  u32 major = 0;   // what the number asks for; devices of other majors appear as xvd too
  u32 minor = 0;   // of kXvdMajor
  u32 minors = 0;  // 16 or 256 minors a disk, 1 for a lone partition
};

// kBadValue for a number of no known scheme.
Result<DiskName> name_disk(u32 virtual_device);

}  // namespace pvk::block
