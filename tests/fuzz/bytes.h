// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A fuzzer's input as the numbers, texts and xenstore keys that a play is made of.
#pragma once

#include <string>

#include "pvkit/types.h"

namespace pvk::fuzz {

class Bytes {
 public:
  Bytes(const uint8_t* data, size_t size) : at_(data), end_(data + size) {}
  bool empty() const { return at_ == end_; }
  u8 one() { return empty() ? u8{0} : *at_++; }
  u64 number() {
    u64 value = 0;
    for (u8 left = one() % 9; left != 0; --left) value = value << 8 | one();
    return value;
  }
  std::string text() {
    std::string value;
    for (u8 left = one() % 40; left != 0; --left) value.push_back(static_cast<char>(one()));
    return value;
  }

 private:
  const uint8_t* at_;
  const uint8_t* end_;
};

constexpr const char* kKeys[] = {"sectors",
                                 "sector-size",
                                 "physical-sector-size",
                                 "info",
                                 "feature-persistent",
                                 "feature-flush-cache",
                                 "feature-barrier",
                                 "feature-discard",
                                 "discard-granularity",
                                 "discard-alignment",
                                 "discard-secure",
                                 "feature-max-indirect-segments",
                                 "max-ring-page-order",
                                 "multi-queue-max-queues",
                                 "max-ring-pages",
                                 "online"};

}  // namespace pvk::fuzz
