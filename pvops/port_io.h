// SPDX-License-Identifier: MIT OR GPL-2.0-only
// x86 port I/O and registers in memory, as the protocols of the emulated platform want them.
#pragma once

#include "pvkit/types.h"

namespace pvk {

// What a protocol over ports is written against. Tests supply their own.
template <class T>
concept PortIo = requires(T& ports) {
  { ports.read8(u16{}) } -> SameAs<u8>;
  { ports.read16(u16{}) } -> SameAs<u16>;
  ports.write16(u16{}, u16{});
  ports.write32(u16{}, u32{});
};

// The same for registers in memory; the argument is an offset in bytes, a multiple of 4.
template <class T>
concept RegisterIo = requires(T& registers) {
  { registers.read32(u32{}) } -> SameAs<u32>;
};

// The machine's own. Volatile with a memory clobber: each access is a message to the device model,
// in this order.
struct NativePorts {
  u8 read8(u16 port) const {
    u8 value = 0;
    asm volatile("inb %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
  }
  u16 read16(u16 port) const {
    u16 value = 0;
    asm volatile("inw %1, %0" : "=a"(value) : "Nd"(port) : "memory");
    return value;
  }
  void write16(u16 port, u16 value) const {
    asm volatile("outw %0, %1" : : "a"(value), "Nd"(port) : "memory");
  }
  void write32(u16 port, u32 value) const {
    asm volatile("outl %0, %1" : : "a"(value), "Nd"(port) : "memory");
  }
};

// Those that the OS has mapped there, not cached.
struct NativeRegisters {
  const volatile u32* base;
  u32 read32(u32 offset) const { return base[offset / sizeof(u32)]; }
};

}  // namespace pvk
