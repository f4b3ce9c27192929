// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Precompiled for every suite; a suite still includes what it uses.
#ifndef PVK_UNIT_PREFIX_H  // a pragma would be one in the main file when this is precompiled
#define PVK_UNIT_PREFIX_H

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#endif
