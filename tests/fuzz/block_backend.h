// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A hostile block backend played from bytes: what it writes into xenstore, answers on the ring and
// does to its state. Returns what went wrong, empty when only the disk suffered.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pvk::fuzz {

std::string play_block_backend(const uint8_t* data, size_t size);

}  // namespace pvk::fuzz
