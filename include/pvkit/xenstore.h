// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A frontend's view of xenstore: its own directory and its backend's (xen/io/xs_wire.h).
#pragma once

#include "pvkit/text.h"

namespace pvk {

enum class Side : int { kFrontend = PVK_FRONTEND, kBackend = PVK_BACKEND };

using Key = Text<64>;

// What a negative errno of platform.h's xenstore calls means: kNoAnswer or kXenstore.
Error xenstore_error(int error);

// Reads of one directory, each value strict and bounded. A bad value is reported once, naming the
// key and what stood there, and is kBadValue; a missing one is kMissing and says nothing, nor does
// one that is kNoAnswer.
class XenstoreReader {
 public:
  XenstoreReader(pvk_bus* bus, Side side) : bus_(bus), side_(side) {}

  Result<u64> number(const char* key, u64 limit) const;
  // The same with a default for a missing key. A value that is there must still make sense.
  Result<u64> number_or(const char* key, u64 otherwise, u64 limit) const;
  // 0 or 1; missing means 0.
  Result<bool> flag(const char* key) const;
  // Whether the value is exactly `text`.
  Result<bool> equals(const char* key, const char* text) const;

 private:
  pvk_bus* bus_;
  Side side_;
};

// A transaction that is aborted unless it is committed. kBusy from any call but begin(): another
// writer came between, or the connection to xenstore went; begin another one then.
class Transaction {
 public:
  explicit Transaction(pvk_bus* bus) : bus_(bus) {}
  Transaction(const Transaction&) = delete;
  Transaction& operator=(const Transaction&) = delete;
  ~Transaction();

  Status begin();
  // Writes into the frontend's directory.
  Status write(const char* key, const char* value);
  Status write(const char* key, u64 value);
  Status remove(const char* key);
  Status commit();

 private:
  pvk_bus* bus_;
  u32 id_ = 0;
};

}  // namespace pvk
