// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_errors.h"

#include "pvkit/text.h"

namespace pvk::xs {
namespace {

struct NamedError {
  const char* name;
  int number;
};

// Every error that Xen has a name for: more than xsd_errors of xs_wire.h lists, so that a newer
// xenstored is understood too.
constexpr NamedError kErrors[] = {
#define XEN_ERRNO(name, value) {#name, value},
#include <xen/errno.h>  // NOLINT(bugprone-suspicious-include): made to be expanded in place
};

}  // namespace

int error_number(Span<const char> name) {
  for (const NamedError& known : kErrors) {
    if (text_equal(name, known.name)) return known.number;
  }
  return XEN_EIO;
}

const char* error_name(int number) {
  for (const NamedError& known : kErrors) {
    if (known.number == number) return known.name;
  }
  return "EIO";
}

}  // namespace pvk::xs
