// SPDX-License-Identifier: MIT OR GPL-2.0-only
//
// Counts every executed instruction of the emulated machine, by the place of its code, and
// writes what was added since the last marker whenever a marker instruction runs.
//
//   -plugin libcount.so,out=FILE[,current=0xADDR][,low=each]
//
// out      the dump (below).
// current  virtual address of Xen's per_cpu__curr_vcpu. With it each record of guest code says
//          which vCPU Xen was running when that code was first seen: an exact owner of it.
// low=each keep code below 2^47 block by block; else one record a page, as user code needs no
// names.
//
// The marker is `nopl (0x70766b00 + TAG)(%rax)`, in any program and any mode. The dump is text:
//
//   pvkit-count 1 context|no-context
//   VA HOST CONTEXT KIND FIRST ENTRIES INSTRUCTIONS     numbers in hex, the last two in decimal
//   ...
//   mark TAG                                  closes the block of what ran since the mark before
//
// VA       where the translated block starts (0: a page of low code).
// HOST     where that code lies in QEMU's memory: one to one with the machine's physical address.
// CONTEXT  Xen's vcpu pointer, 0 where not known; always 0 for code of Xen.
// KIND     '-' plain, 'h' holds a hypercall instruction, 'c' starts at a `rep movs`.
// FIRST    in which block of the dump (from 0) this code was first seen.
// ENTRIES  how often the block was entered: calls of a function that starts at VA.
// The tag of the last block, written when QEMU ends, is "end".

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <string_view>
#include <unordered_map>

#include "instruction.h"
#include "qemu_plugin.h"

extern "C" {
int qemu_plugin_version = 1;
}

namespace {

constexpr uint64_t kLowEnd = 1ull << 47;
constexpr uint64_t kXenStart = 0xffff800000000000, kXenEnd = 0xffff880000000000;
constexpr uint64_t kXenImageReach = 16ull << 20;
constexpr uint64_t kPageMask = ~0xfffull;

bool in_xen(uint64_t va) { return va >= kXenStart && va < kXenEnd; }

struct Key {
  uint64_t va, host, context;
  char kind;
  bool operator==(const Key&) const = default;
};

struct KeyHash {
  size_t operator()(const Key& key) const {
    uint64_t hash = (key.va * 0x9e3779b97f4a7c15) ^ (key.host * 0xc2b2ae3d27d4eb4f);
    return (hash ^ key.context ^ static_cast<uint64_t>(key.kind)) * 0xbf58476d1ce4e5b9 >> 20;
  }
};

struct Counts {
  uint64_t entries = 0, instructions = 0;
};

// `now` is written by translated code for as long as QEMU lives: a record never moves.
struct Record {
  Key key;
  unsigned first_block;
  Counts now, dumped;
};

class Counter {
 public:
  Counter(std::FILE* out, uint64_t current_va, bool each_low)
      : out_(out), current_va_(current_va), each_low_(each_low) {
    std::fprintf(out_, "pvkit-count 1 %s\n", current_va_ ? "context" : "no-context");
  }
  void translate(PluginTb* tb);
  void dump(const char* tag);

 private:
  Key key_of(const PluginTb* tb);
  uint64_t context() const;
  Record& record(const Key& key);

  std::FILE* out_;
  uint64_t current_va_;
  bool each_low_;
  uint64_t xen_to_host_ = 0;  // Xen's image is one piece: its host address less its virtual one
  unsigned block_ = 0;
  std::deque<Record> records_;
  std::unordered_map<Key, Record*, KeyHash> by_key_;
};

Counter* counter;  // made once, at install; QEMU calls plain functions

// Reads the emulated hypervisor's own variable. Sound only with one physical CPU and one TCG
// thread: then nothing changes it while a block is being translated.
uint64_t Counter::context() const {
  if (!current_va_ || !xen_to_host_) return 0;
  uint64_t vcpu = 0;
  std::memcpy(&vcpu, reinterpret_cast<const void*>(current_va_ + xen_to_host_), sizeof vcpu);
  return vcpu;
}

char kind_of(const PluginTb* tb, uint64_t va) {
  if (Instruction(qemu_plugin_tb_get_insn(tb, 0)).is_rep_movs()) return 'c';
  if (va < kLowEnd || in_xen(va)) return '-';
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
    if (Instruction(qemu_plugin_tb_get_insn(tb, i)).is_hypercall()) return 'h';
  }
  return '-';
}

Key Counter::key_of(const PluginTb* tb) {
  uint64_t va = qemu_plugin_tb_vaddr(tb);
  auto host = reinterpret_cast<uint64_t>(qemu_plugin_insn_haddr(qemu_plugin_tb_get_insn(tb, 0)));
  if (in_xen(va)) {
    // Xen moves itself while it boots, so the newest code says where its variables are.
    if (va - current_va_ + kXenImageReach < 2 * kXenImageReach && host) xen_to_host_ = host - va;
    return {va, host, 0, kind_of(tb, va)};
  }
  if (va < kLowEnd && !each_low_) return {0, host & kPageMask, context(), '-'};
  return {va, host, context(), kind_of(tb, va)};
}

Record& Counter::record(const Key& key) {
  Record*& slot = by_key_[key];
  if (!slot) slot = &records_.emplace_back(Record{key, block_, {}, {}});
  return *slot;
}

void on_mark(unsigned, void* tag) {
  char text[16];
  std::snprintf(text, sizeof text, "%u", static_cast<unsigned>(reinterpret_cast<uintptr_t>(tag)));
  counter->dump(text);
}

// Instructions are counted one by one: a block may be left in its middle by a fault, or be
// executed again from its middle after device access, and adding its length would be wrong then.
void Counter::translate(PluginTb* tb) {
  Record& record = this->record(key_of(tb));
  qemu_plugin_register_vcpu_tb_exec_inline(tb, kPluginAddU64, &record.now.entries, 1);
  for (size_t i = 0; i < qemu_plugin_tb_n_insns(tb); i++) {
    PluginInsn* insn = qemu_plugin_tb_get_insn(tb, i);
    qemu_plugin_register_vcpu_insn_exec_inline(insn, kPluginAddU64, &record.now.instructions, 1);
    if (Instruction code(insn); code.is_marker()) {
      qemu_plugin_register_vcpu_insn_exec_cb(insn, on_mark, kPluginNoRegisters,
                                             reinterpret_cast<void*>(uintptr_t{code.marker_tag()}));
    }
  }
}

void Counter::dump(const char* tag) {
  for (Record& record : records_) {
    uint64_t entries = record.now.entries - record.dumped.entries;
    uint64_t instructions = record.now.instructions - record.dumped.instructions;
    if (!entries && !instructions) continue;
    std::fprintf(out_, "%lx %lx %lx %c %x %lu %lu\n", record.key.va, record.key.host,
                 record.key.context, record.key.kind, record.first_block, entries, instructions);
    record.dumped = record.now;
  }
  std::fprintf(out_, "mark %s\n", tag);
  if (std::fflush(out_) != 0) std::fprintf(stderr, "count: the dump cannot be written\n");
  block_++;
}

struct Options {
  const char* path = nullptr;
  uint64_t current_va = 0;
  bool each_low = false;
};

// False when an option is unknown: a figure must not rest on an option that was misspelt.
bool parse(int argc, char** argv, Options* options) {
  for (int i = 0; i < argc; i++) {
    std::string_view option = argv[i];
    if (option.starts_with("out=")) {
      options->path = argv[i] + 4;
    } else if (option.starts_with("current=")) {
      options->current_va = std::strtoull(argv[i] + 8, nullptr, 0);
    } else if (option == "low=each") {
      options->each_low = true;
    } else {
      std::fprintf(stderr, "count: unknown option '%s'\n", argv[i]);
      return false;
    }
  }
  return true;
}

}  // namespace

extern "C" int qemu_plugin_install(PluginId id, const PluginInfo*, int argc, char** argv) {
  Options options;
  if (!parse(argc, argv, &options)) return 1;
  std::FILE* out = options.path ? std::fopen(options.path, "w") : nullptr;
  if (!out) {
    std::fprintf(stderr, "count: out=FILE is missing or cannot be written\n");
    return 1;
  }
  counter = new Counter(out, options.current_va, options.each_low);
  qemu_plugin_register_vcpu_tb_trans_cb(id, [](PluginId, PluginTb* tb) { counter->translate(tb); });
  qemu_plugin_register_atexit_cb(
      id, [](PluginId, void*) { counter->dump("end"); }, nullptr);
  return 0;
}
