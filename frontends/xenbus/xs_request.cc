// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_request.h"

namespace pvk::xs {

void RequestList::append(Request& request) {
  request.next = nullptr;
  (last_ != nullptr ? last_->next : first_) = &request;
  last_ = &request;
}

Request* RequestList::take_first() {
  Request* const request = first_;
  if (request != nullptr) remove(*request);
  return request;
}

bool RequestList::remove(const Request& request) {
  Request* before = nullptr;
  for (Request* at = first_; at != nullptr; before = at, at = at->next) {
    if (at != &request) continue;
    (before != nullptr ? before->next : first_) = at->next;
    if (last_ == at) last_ = before;
    at->next = nullptr;
    return true;
  }
  return false;
}

Request* RequestList::find(u32 id) const {
  Request* request = first_;
  while (request != nullptr && request->id != id) request = request->next;
  return request;
}

void RequestList::prepend(RequestList& list) {
  if (list.empty()) return;
  list.last_->next = first_;
  if (first_ == nullptr) last_ = list.last_;
  first_ = list.first_;
  list.first_ = nullptr;
  list.last_ = nullptr;
}

}  // namespace pvk::xs
