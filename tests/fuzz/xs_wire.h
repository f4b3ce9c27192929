// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A hostile xenstored and busy callers played from bytes. Returns what went wrong, empty when only
// the connection suffered and a new one worked.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

namespace pvk::fuzz {

std::string play_xs_wire(const uint8_t* data, size_t size);

}  // namespace pvk::fuzz
