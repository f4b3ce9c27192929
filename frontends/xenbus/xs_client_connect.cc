// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Beginning, and beginning again: after a kexec, a broken protocol, a save and restore.
//
// docs/misc/xenstore-ring.txt of Xen: a server that offers XENSTORE_SERVER_FEATURE_RECONNECTION
// drops everything of the old connection and says when the new one stands. Without that offer the
// stream of an earlier owner is drained. What the server answers to zeros shows where a request
// begins (xs_search.h), and the reply to a probe that only we can have sent where a reply does. A
// message of our own that is half in the ring is finished before that.
#include "frontends/xenbus/xs_client.h"
#include "frontends/xenbus/xs_errors.h"

namespace pvk::xs {

void Client::start(Page* page) {
  page_ = page;
  suspended_ = false;
  forget_stream();
  ring_.open(page);
  server_error_ = ring_.server_error();
  if (ring_.reconnecting()) {
    state_ = State::kReconnecting;  // somebody asked before us: that one will do
  } else if (ring_.untouched()) {
    connected();
  } else {
    ask_for_connection();
  }
}

void Client::close() {
  lose_connection();
  forget_stream();
  state_ = State::kClosed;
  while (Request* const request = pending_.take_first()) finish(*request, XEN_ENODEV);
}

void Client::reconnect() {
  if (state_ == State::kClosed) return;
  lose_connection();
  ask_for_connection();
}

void Client::resume(Page* page) {
  suspended_ = false;
  if (state_ == State::kClosed) return;
  const bool same_stream = page == page_ && ring_.unchanged();
  if (same_stream && state_ == State::kConnected) {
    // The same server or one that went on with the page: the first refuses what it has already.
    watches_.all_again();
    return;
  }
  if (same_stream && state_ != State::kReconnecting && !ring_.untouched()) return reconnect();
  lose_connection();
  start(page);
}

void Client::ask_for_connection() {
  if (ring_.offers(XENSTORE_SERVER_FEATURE_RECONNECTION)) {
    forget_stream();
    ring_.ask_to_reconnect();
    state_ = State::kReconnecting;
    return;
  }
  state_ = State::kProbing;
  server_error_ = ring_.server_error();  // about what was; the probe shows whether we are served
  const bool in_zeros = ring_.ends_in_zeros();
  const bool sensible = ring_.reopen();
  // Otherwise nobody knows how much of what was written the server will ever see.
  if (!sensible) out_length_ = out_sent_ = 0;
  search_.begin(in_zeros || !sensible);
}

void Client::connected() {
  if (state_ == State::kReconnecting) ring_.open(page_);  // the indexes are as the server left them
  server_error_ = ring_.server_error();
  state_ = State::kConnected;
  ++counters_.connections;
}

// The server begins anew, and so do we: it needs the rest of no message, and no transaction is
// left.
void Client::forget_stream() {
  out_length_ = out_sent_ = 0;
  orphan_count_ = 0;
}

// Nothing holds any more that we knew of the server. What it knows of us may be as it was.
void Client::lose_connection() {
  in_length_ = 0;
  own_ = Own::kNone;
  abandoned_count_ = 0;
  while (const u32 number = transactions_.take()) orphan(number);
  watches_.all_again();
  RequestList again;
  while (Request* const request = in_flight_.take_first()) {
    if (!redo(*request)) continue;
    ++counters_.sent_again;
    request->state = RequestState::kPending;
    request->sent_again = 1;
    again.append(*request);
  }
  pending_.prepend(again);
}

// Whether a request that was on its way may be sent again; one that may not is done with here.
bool Client::redo(Request& request) {
  switch (request.type) {
    case XS_UNWATCH:
      // The new connection has no such watch.
      finish(request, 0);
      return false;
    case XS_READ:
    case XS_DIRECTORY:
    case XS_DIRECTORY_PART:
    case XS_GET_PERMS:
    case XS_GET_DOMAIN_PATH:
    case XS_IS_DOMAIN_INTRODUCED:
    case XS_TRANSACTION_START:
    case XS_TRANSACTION_END:  // compose_request() knows what becomes of it
    case XS_WATCH:
    // The same afterwards, whether it is done once or twice.
    case XS_WRITE:
    case XS_MKDIR:
    case XS_RM:
    case XS_SET_PERMS: return true;
    default:
      // Nobody knows whether it took effect.
      ++counters_.failed;
      finish(request, XEN_EIO);
      return false;
  }
}

}  // namespace pvk::xs
