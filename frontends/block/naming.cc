// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/naming.h"

namespace pvk::block {
namespace {

constexpr u32 kExtended = 1u << 28;
constexpr u32 kXvdParts = 16;
constexpr u32 kExtendedParts = 256;
constexpr u32 kIdeParts = 64;
constexpr u32 kScsiParts = 16;

// The majors of IDE and SCSI disks in the order of their letters (LANANA device list). Both begin
// at xvda, as in Linux guests: of two disks of one name the first gets it.
constexpr u32 kIdeMajors[] = {3, 22, 33, 34, 56, 57, 88, 89, 90, 91};
constexpr u32 kScsiMajors[] = {8,   65,  66,  67,  68,  69,  70,  71,
                               128, 129, 130, 131, 132, 133, 134, 135};

struct DiskPlace {
  u32 disk;       // which letter
  u32 partition;  // 0: the whole disk
  u32 parts;      // minors a disk
};

template <size_t N>
bool find(const u32 (&majors)[N], u32 major, u32& index) {
  for (index = 0; index < N; ++index) {
    if (majors[index] == major) return true;
  }
  return false;
}

Result<DiskPlace> locate(u32 device) {
  if ((device & kExtended) != 0) {
    const u32 minor = device & ~kExtended;
    // Linux minors have 20 bits.
    if (minor >= 1u << 20) return Error::kBadValue;
    return DiskPlace{minor / kExtendedParts, minor % kExtendedParts, kExtendedParts};
  }
  const u32 major = device >> 8;
  const u32 minor = device & 0xff;
  u32 index = 0;
  if (major == kXvdMajor) return DiskPlace{minor / kXvdParts, minor % kXvdParts, kXvdParts};
  if (find(kIdeMajors, major, index) && minor / kIdeParts < 2) {
    return DiskPlace{index * 2 + minor / kIdeParts, minor % kIdeParts, kXvdParts};
  }
  if (find(kScsiMajors, major, index)) {
    return DiskPlace{index * 16 + minor / kScsiParts, minor % kScsiParts, kXvdParts};
  }
  return Error::kBadValue;
}

// a … z, aa … zz, aaa …: bijective base 26.
void add_letters(Text<16>& name, u32 disk) {
  char letters[8] = {};
  size_t first = sizeof(letters) - 1;
  for (u32 rest = disk + 1; rest != 0; rest = (rest - 1) / 26) {
    letters[--first] = static_cast<char>('a' + (rest - 1) % 26);
  }
  name.add(letters + first);
}

}  // namespace

Result<DiskName> name_disk(u32 virtual_device) {
  const Result<DiskPlace> found = locate(virtual_device);
  if (!found.ok()) return found.error();
  const DiskPlace& place = found.value();
  if (place.partition >= place.parts) return Error::kBadValue;
  DiskName result;
  result.name.add("xvd");
  add_letters(result.name, place.disk);
  if (place.partition != 0) result.name.add(u64{place.partition});
  result.major = (virtual_device & kExtended) != 0 ? kXvdMajor : virtual_device >> 8;
  result.minor = place.disk * place.parts + place.partition;
  result.minors = place.partition != 0 ? 1 : place.parts;
  return result;
}

}  // namespace pvk::block
