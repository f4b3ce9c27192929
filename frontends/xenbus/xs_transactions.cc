// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_transactions.h"

namespace pvk::xs {

Result<u32> Transactions::open(u32 number) {
  for (Open& place : open_) {
    if (place.handle != 0) continue;
    do {
      ++last_handle_;  // 0 means no transaction, also after 2^32 of them
    } while (last_handle_ == 0 || number_of(last_handle_).ok());
    place = {last_handle_, number};
    return last_handle_;
  }
  return Error::kBusy;
}

Result<u32> Transactions::number_of(u32 handle) const {
  for (const Open& place : open_) {
    if (place.handle == handle && handle != 0) return place.number;
  }
  return Error::kMissing;
}

void Transactions::close(u32 handle) {
  for (Open& place : open_) {
    if (place.handle == handle) place = {};
  }
}

u32 Transactions::take() {
  for (Open& place : open_) {
    const u32 number = place.number;
    place = {};
    if (number != 0) return number;
  }
  return 0;
}

u32 Transactions::count() const {
  u32 count = 0;
  for (const Open& place : open_) count += place.handle != 0 ? 1 : 0;
  return count;
}

}  // namespace pvk::xs
