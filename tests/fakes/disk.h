// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A disk in memory, and how often it was told to flush.
#pragma once

#include <cstring>
#include <vector>

#include "pvkit/abi/blkif.h"

namespace pvk::fakes {

class Disk {
 public:
  explicit Disk(u64 sectors) : bytes_(sectors * abi::kSectorBytes) {}

  u64 sectors() const { return bytes_.size() / abi::kSectorBytes; }
  bool holds(u64 sector, u64 count) const {
    return sector <= sectors() && count <= sectors() - sector;
  }
  u8* at(u64 sector) { return bytes_.data() + sector * abi::kSectorBytes; }
  void resize(u64 sectors) { bytes_.resize(sectors * abi::kSectorBytes); }
  void discard(u64 sector, u64 count) {
    std::memset(at(sector), 0, count * abi::kSectorBytes);
    ++discards;
  }

  u64 flushes = 0;
  u64 discards = 0;
  u64 secure_discards = 0;

 private:
  std::vector<u8> bytes_;
};

}  // namespace pvk::fakes
