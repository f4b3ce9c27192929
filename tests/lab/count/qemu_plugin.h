// SPDX-License-Identifier: MIT OR GPL-2.0-only
//
// The part of QEMU's TCG plugin interface (version 1, as QEMU 7.2 exports it) that the counter
// uses. Debian 12 ships no header for it; these are the names and types of exported symbols.
#pragma once

#include <cstddef>
#include <cstdint>

extern "C" {

using PluginId = uint64_t;
struct PluginTb;    // a block of guest code that QEMU is about to translate
struct PluginInsn;  // one instruction of it
struct PluginInfo;  // what the emulator is; not needed here

enum PluginRegisterUse { kPluginNoRegisters = 0 };
enum PluginInlineOp { kPluginAddU64 = 0 };

using PluginTranslateFn = void (*)(PluginId, PluginTb*);
using PluginExecuteFn = void (*)(unsigned vcpu, void* user);
using PluginExitFn = void (*)(PluginId, void* user);

void qemu_plugin_register_vcpu_tb_trans_cb(PluginId, PluginTranslateFn);
void qemu_plugin_register_vcpu_tb_exec_inline(PluginTb*, PluginInlineOp, void* counter,
                                              uint64_t addend);
void qemu_plugin_register_vcpu_insn_exec_inline(PluginInsn*, PluginInlineOp, void* counter,
                                                uint64_t addend);
void qemu_plugin_register_vcpu_insn_exec_cb(PluginInsn*, PluginExecuteFn, PluginRegisterUse,
                                            void* user);
void qemu_plugin_register_atexit_cb(PluginId, PluginExitFn, void* user);

size_t qemu_plugin_tb_n_insns(const PluginTb*);
uint64_t qemu_plugin_tb_vaddr(const PluginTb*);
PluginInsn* qemu_plugin_tb_get_insn(const PluginTb*, size_t index);

// BEWARE: in 7.2 this is the address in QEMU's own memory of the instruction's RAM, not a
// physical address. It is one to one with the physical address, which is all that is needed.
void* qemu_plugin_insn_haddr(const PluginInsn*);
const void* qemu_plugin_insn_data(const PluginInsn*);
size_t qemu_plugin_insn_size(const PluginInsn*);

// What the plugin itself exports.
extern __attribute__((visibility("default"))) int qemu_plugin_version;
__attribute__((visibility("default"))) int qemu_plugin_install(PluginId, const PluginInfo*,
                                                               int argc, char** argv);
}
