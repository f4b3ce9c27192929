// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_ring.h"

#include "pvkit/atomic.h"

namespace pvk::xs {

void Ring::open(Page* page) {
  page_ = page;
  req_cons_ = observe(page->req_cons);
  req_prod_ = peek(page->req_prod);
  if (req_prod_ - req_cons_ > kRingBytes) {
    // Whoever left this had no more sense of it than we have.
    req_prod_ = req_cons_;
    publish(page->req_prod, req_prod_);  // nothing was written: it orders nothing
  }
  pass_over();
}

bool Ring::reopen() {
  const u32 taken = observe(page_->req_cons);
  const bool sensible = taken - req_cons_ <= req_prod_ - req_cons_;
  req_cons_ = taken;
  if (!sensible) req_prod_ = taken;
  publish(page_->req_prod, req_prod_);  // nothing was written: it orders nothing
  pass_over();
  return sensible;
}

void Ring::pass_over() {
  rsp_prod_ = observe(page_->rsp_prod);
  rsp_cons_ = rsp_prod_;
  publish(page_->rsp_cons, rsp_cons_);  // nothing was read: it orders nothing
}

bool Ring::untouched() const {
  return peek(page_->req_prod) == 0 && peek(page_->req_cons) == 0 && peek(page_->rsp_prod) == 0 &&
         peek(page_->rsp_cons) == 0;
}

bool Ring::unchanged() const {
  return peek(page_->req_prod) == req_prod_ && peek(page_->rsp_cons) == rsp_cons_;
}

Result<u32> Ring::observe_taken() {
  const u32 taken = observe(page_->req_cons);  // the server has read what we now write over
  if (taken - req_cons_ > req_prod_ - req_cons_) return Error::kBackendProtocol;
  req_cons_ = taken;
  return kRingBytes - (req_prod_ - taken);
}

Result<u32> Ring::push(const char* bytes, u32 count) {
  const Result<u32> room = observe_taken();
  if (!room.ok()) return room;
  const u32 pushed = min(count, room.value());
  if (pushed == 0) return pushed;
  const u32 at = MASK_XENSTORE_IDX(req_prod_);
  const u32 to_the_end = min(pushed, kRingBytes - at);
  __builtin_memcpy(page_->req + at, bytes, to_the_end);
  __builtin_memcpy(page_->req, bytes + to_the_end, pushed - to_the_end);
  req_prod_ += pushed;
  publish(page_->req_prod, req_prod_);  // the bytes are in place before the index shows them
  return pushed;
}

Result<u32> Ring::pull(char* bytes, u32 count) {
  const u32 shown = observe(page_->rsp_prod);  // the bytes are read after it
  if (shown - rsp_cons_ > kRingBytes || shown - rsp_cons_ < rsp_prod_ - rsp_cons_) {
    return Error::kBackendProtocol;
  }
  rsp_prod_ = shown;
  const u32 pulled = min(count, shown - rsp_cons_);
  if (pulled == 0) return pulled;
  const u32 at = MASK_XENSTORE_IDX(rsp_cons_);
  const u32 to_the_end = min(pulled, kRingBytes - at);
  __builtin_memcpy(bytes, page_->rsp + at, to_the_end);
  __builtin_memcpy(bytes + to_the_end, page_->rsp, pulled - to_the_end);
  rsp_cons_ += pulled;
  publish(page_->rsp_cons, rsp_cons_);  // the copy is made before the server may write there again
  return pulled;
}

bool Ring::ends_in_zeros() const {
  for (u32 i = 1; i <= kHeaderBytes; ++i) {
    if (page_->req[MASK_XENSTORE_IDX(req_prod_ - i)] != 0) return false;
  }
  return true;
}

Result<bool> Ring::all_taken() {
  const Result<u32> room = observe_taken();
  if (!room.ok()) return room.error();
  return room.value() == kRingBytes;
}

bool Ring::offers(u32 feature) const { return (peek(page_->server_features) & feature) != 0; }

void Ring::ask_to_reconnect() {
  // Ordered after our last words in the rings: the server must not see them as the new stream's.
  publish(page_->connection, u32{XENSTORE_RECONNECT});
}

bool Ring::reconnecting() const {
  // What the server did to the indexes is read after it.
  return offers(XENSTORE_SERVER_FEATURE_RECONNECTION) &&
         observe(page_->connection) != XENSTORE_CONNECTED;
}

u32 Ring::server_error() const {
  return offers(XENSTORE_SERVER_FEATURE_ERROR) ? peek(page_->error) : 0;
}

}  // namespace pvk::xs
