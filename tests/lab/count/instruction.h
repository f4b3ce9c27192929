// SPDX-License-Identifier: MIT OR GPL-2.0-only
//
// What the counter wants to know of one x86 instruction.
#pragma once

#include <cstdint>
#include <cstring>
#include <string_view>

#include "qemu_plugin.h"

// One instruction's bytes.
class Instruction {
 public:
  explicit Instruction(const PluginInsn* insn)
      : bytes_(static_cast<const char*>(qemu_plugin_insn_data(insn)), qemu_plugin_insn_size(insn)) {
  }
  bool is_hypercall() const {
    return bytes_ == "\x0f\x05" || bytes_ == "\x0f\x01\xd9" || bytes_ == "\x0f\x01\xc1";
  }
  bool is_rep_movs() const {
    std::string_view tail = bytes_;
    if (!tail.starts_with('\xf3')) return false;
    tail.remove_prefix(1);
    if (tail.size() == 2 && (tail[0] & 0xf0) == 0x40) tail.remove_prefix(1);
    return tail == "\xa4" || tail == "\xa5";
  }
  bool is_marker() const {
    return bytes_.size() == 7 && bytes_.starts_with("\x0f\x1f\x80") &&
           (displacement() & ~0xffu) == kMarkerMagic;
  }
  unsigned marker_tag() const { return displacement() & 0xff; }

 private:
  static constexpr uint32_t kMarkerMagic = 0x70766b00;

  uint32_t displacement() const {
    uint32_t value = 0;
    std::memcpy(&value, bytes_.data() + 3, sizeof value);
    return value;
  }
  std::string_view bytes_;
};
