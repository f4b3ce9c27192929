// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "pvkit/xenstore.h"

namespace pvk {
namespace {

// Longer than any value that this runtime reads; a longer one is bad, not cut.
constexpr size_t kMaxValue = 64;

struct Value {
  char text[kMaxValue + 1] = {};
  size_t length = 0;
  Span<const char> span() const { return {text, length}; }
};

Error bad(pvk_bus* bus, const char* key, const char* value) {
  pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus), "xenstore key '%s' has the bad value '%s'", key, value);
  return Error::kBadValue;
}

// Shows what a hostile backend wrote without letting it write control characters to the console.
void make_printable(Value& value) {
  for (size_t i = 0; i < value.length; ++i) {
    if (value.text[i] < ' ' || value.text[i] > '~') value.text[i] = '?';
  }
}

Status read(pvk_bus* bus, Side side, const char* key, Value& value) {
  const int length = pvk_xs_read(bus, static_cast<int>(side), key, value.text, kMaxValue);
  if (length == -PVK_ENOENT) return Error::kMissing;
  if (length == -PVK_ERANGE) return bad(bus, key, "(too long)");
  if (length < 0) {
    const Error error = xenstore_error(length);
    if (error == Error::kNoAnswer) return error;
    pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus), "xenstore key '%s' cannot be read: error %d", key,
            length);
    return error;
  }
  value.length = min(static_cast<size_t>(length), kMaxValue);
  return {};
}

// Of anything in a transaction. It may be gone before its commit: with the connection to xenstore.
Status outcome(int error) {
  if (error == 0) return {};
  return error == -PVK_EAGAIN ? Error::kBusy : xenstore_error(error);
}

}  // namespace

Error xenstore_error(int error) {
  switch (error) {
    case -PVK_EINTR:
    case -PVK_EIO:
    case -PVK_EAGAIN:
    case -PVK_ENOMEM:
    case -PVK_EBUSY:
    case -PVK_ETIMEDOUT: return Error::kNoAnswer;
    default: return Error::kXenstore;
  }
}

Result<u64> XenstoreReader::number(const char* key, u64 limit) const {
  Value value;
  PVK_TRY(read(bus_, side_, key, value));
  const Result<u64> parsed = parse_number(value.span(), limit);
  if (parsed.ok()) return parsed;
  make_printable(value);
  return bad(bus_, key, value.text);
}

Result<u64> XenstoreReader::number_or(const char* key, u64 otherwise, u64 limit) const {
  const Result<u64> found = number(key, limit);
  if (!found.ok() && found.error() == Error::kMissing) return otherwise;
  return found;
}

Result<bool> XenstoreReader::flag(const char* key) const {
  const Result<u64> found = number_or(key, 0, 1);
  if (!found.ok()) return found.error();
  return found.value() == 1;
}

Result<bool> XenstoreReader::equals(const char* key, const char* text) const {
  Value value;
  PVK_TRY(read(bus_, side_, key, value));
  return text_equal(value.span(), text);
}

Transaction::~Transaction() {
  if (id_ != 0) pvk_xs_end(bus_, id_, 0);
}

Status Transaction::begin() {
  const int error = pvk_xs_begin(bus_, &id_);
  if (error == 0) return {};
  id_ = 0;
  return xenstore_error(error);
}

Status Transaction::write(const char* key, const char* value) {
  return outcome(pvk_xs_write(bus_, id_, key, value));
}

Status Transaction::write(const char* key, u64 value) {
  return write(key, Text<24>{}.add(value).c_str());
}

Status Transaction::remove(const char* key) {
  const int error = pvk_xs_remove(bus_, id_, key);
  return error == -PVK_ENOENT ? Status{} : outcome(error);
}

Status Transaction::commit() {
  const u32 id = id_;
  id_ = 0;
  return outcome(pvk_xs_end(bus_, id, 1));
}

}  // namespace pvk
