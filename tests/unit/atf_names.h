// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Kyua takes any text as a case's name, but makes file names of it in reports, where the slash of a
// parameterised GoogleTest case is in the way. GoogleTest names have no dash, so one stands for it.
#pragma once

#include <algorithm>
#include <string>

namespace pvk::unit {

inline std::string to_kyua(std::string name) {
  std::replace(name.begin(), name.end(), '/', '-');
  return name;
}

inline std::string from_kyua(std::string name) {
  std::replace(name.begin(), name.end(), '-', '/');
  return name;
}

}  // namespace pvk::unit
