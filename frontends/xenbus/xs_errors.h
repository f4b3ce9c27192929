// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Errors as xenstored sends them, by name. Numbers are Xen's (XEN_EIO and so on), which are
// Linux's.
#pragma once

#include <xen/errno.h>

#include "pvkit/span.h"

namespace pvk::xs {

// The number of the error called `name`; XEN_EIO for a name that Xen does not know.
int error_number(Span<const char> name);
// The other way round; "EIO" for a number without a name.
const char* error_name(int number);

}  // namespace pvk::xs
