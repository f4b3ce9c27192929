// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Copying, without a library header: the compiler calls the host's memcpy or makes its own.
#pragma once

#include "pvkit/types.h"

namespace pvk {

inline void copy_bytes(void* to, const void* from, size_t count) {
  __builtin_memcpy(to, from, count);
}

}  // namespace pvk
