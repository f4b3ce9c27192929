// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include <cstdio>
#include <cstdlib>

#include "fuzz/xs_wire.h"

// NOLINTNEXTLINE(readability-identifier-naming): libFuzzer's name
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const std::string wrong = pvk::fuzz::play_xs_wire(data, size);
  if (!wrong.empty()) {
    std::fprintf(stderr, "%s\n", wrong.c_str());
    std::abort();
  }
  return 0;
}
