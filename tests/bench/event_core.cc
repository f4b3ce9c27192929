// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "bench/event_core.h"

namespace pvk::bench {

u32 take_upcall(EventAbi& events, vcpu_info& vcpu, unsigned cpu) {
  u32 count = 0;
  events.scan(vcpu, cpu, [&count](Port /*port*/) { ++count; });
  return count;
}

}  // namespace pvk::bench
