// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Puts a ring's private indexes anywhere, such as near 2^32, without as many requests. Explicit
// instantiation may name private members:
//
//   template struct RingOpener<Ring, &Ring::produced_, &Ring::published_, &Ring::consumed_>;
//   void set_indexes(Ring& ring, u32 value);
#pragma once

#include "pvkit/atomic.h"

namespace pvk {

template <class Ring, u32 Ring::*kProduced, Atomic<u32> Ring::*kPublished,
          Atomic<u32> Ring::*kConsumed>
struct RingOpener {
  friend void set_indexes(Ring& ring, u32 value) {
    ring.*kProduced = value;
    (ring.*kPublished).set_relaxed(value);
    (ring.*kConsumed).set_relaxed(value);
  }
};

}  // namespace pvk
