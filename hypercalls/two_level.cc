// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/two_level.h"

namespace pvk {

template class BasicTwoLevel<SharedWords>;

}  // namespace pvk
