// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvops/shutdown_control.h"

#include "pvkit/text.h"

namespace pvk {

ControlRequest parse_control_request(Span<const char> word) {
  if (word.empty()) return ControlRequest::kNone;
  if (text_equal(word, "poweroff") || text_equal(word, "halt")) return ControlRequest::kPoweroff;
  if (text_equal(word, "reboot")) return ControlRequest::kReboot;
  if (text_equal(word, "suspend")) return ControlRequest::kSuspend;
  if (text_equal(word, "crash")) return ControlRequest::kCrash;
  return ControlRequest::kUnknown;
}

}  // namespace pvk
