// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The fixture of every test that has a machine: afterwards nothing may be left and nobody may have
// broken a rule.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "fakes/machine.h"

namespace pvk::fakes {

class MachineTest : public testing::Test {
 protected:
  void TearDown() override {
    machine.faults.clear();
    machine.settle();
    machine.retry_parked();
    EXPECT_THAT(machine.violations.all(), testing::IsEmpty());
    EXPECT_THAT(machine.leaks(), testing::IsEmpty());
    if (HasFailure()) {
      for (const LogLine& line : machine.log_lines()) {
        std::printf("log %d %s: %s\n", line.level, line.device.c_str(), line.text.c_str());
      }
    }
  }

  Machine machine;
};

}  // namespace pvk::fakes
