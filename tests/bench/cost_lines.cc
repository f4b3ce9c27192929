// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Where the instructions of one batch go: each address of the core that was executed and how often.
// tests/bench/where turns them into functions and lines.
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/rig.h"

using pvk::block::DataMode;
using pvk::block::Operation;

// cost_lines MODE read|write BATCH SEGMENTS
int main(int argc, char** argv) {
  if (argc != 5) return 2;
  pvk::bench::Shape shape;
  for (const DataMode mode : {DataMode::kPersistent, DataMode::kDirect, DataMode::kBounce}) {
    if (std::strcmp(argv[1], pvk::block::to_text(mode)) == 0) shape.mode = mode;
  }
  shape.operation = std::strcmp(argv[2], "write") == 0 ? Operation::kWrite : Operation::kRead;
  shape.batch = static_cast<pvk::u32>(std::strtoul(argv[3], nullptr, 10));
  shape.segments = static_cast<pvk::u32>(std::strtoul(argv[4], nullptr, 10));
  pvk::bench::QueueRig rig(shape);
  pvk::bench::take_hits();
  rig.count();
  const auto hits = pvk::bench::take_hits();
  for (size_t i = 0; i < hits.size(); ++i) {
    if (hits[i] == 0) continue;
    std::printf("%#zx %.3f\n", pvk::bench::core_start() + i,
                static_cast<double>(hits[i]) / shape.batch);
  }
  return 0;
}
