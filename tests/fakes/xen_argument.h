// SPDX-License-Identifier: MIT OR GPL-2.0-only
// An argument of a hypercall as the pointer that it is.
#pragma once

#include "pvkit/types.h"

namespace pvk::fakes {

template <class T>
T* pointer(u64 argument) {
  return reinterpret_cast<T*>(argument);
}

}  // namespace pvk::fakes
