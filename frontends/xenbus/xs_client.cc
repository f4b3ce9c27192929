// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/xenbus/xs_client.h"

#include "frontends/xenbus/xs_errors.h"
#include "pvkit/atomic.h"

namespace pvk::xs {

const char* name_of(Fault fault) {
  switch (fault) {
    case Fault::kRequestIndex: return "bad_request_index";
    case Fault::kResponseIndex: return "bad_response_index";
    case Fault::kLength: return "bad_length";
    case Fault::kUnknownId: return "unknown_id";
    case Fault::kWrongType: return "wrong_type";
    case Fault::kBadReply: return "bad_reply";
    case Fault::kBadEvent: return "bad_event";
    case Fault::kServerError: return "server_error";
    case Fault::kSilent: return "silent";
  }
  return "?";
}

Client::Pumped Client::pump() {
  Pumped pumped;
  for (u32 round = 0; round < kRounds; ++round) {
    if (!step()) return pumped;
    pumped.moved = true;
  }
  // A server that never stops talking must not keep an interrupt handler for ever.
  pumped.again = true;
  return pumped;
}

bool Client::step() {
  switch (state_) {
    case State::kClosed:
    case State::kBroken: return false;
    case State::kReconnecting:
      if (ring_.reconnecting()) return false;
      connected();
      return true;
    case State::kConnected:
    case State::kProbing: break;
  }
  const u32 error = ring_.server_error();
  if (error != 0 && error != server_error_) {
    break_off(Fault::kServerError);
    return false;
  }
  const bool received = receive();
  return send() || received;
}

void Client::submit(Request& request) {
  request.error = 0;
  request.reply_length = 0;
  request.sent_again = 0;
  u32 length = 0;
  for (u32 i = 0; i < request.part_count; ++i) {
    // Compared before it is added, so that no sum of lengths wraps.
    if (request.parts[i].length > kMaxBody - length) return finish(request, XEN_E2BIG);
    length += request.parts[i].length;
  }
  if (state_ == State::kClosed) return finish(request, XEN_ENODEV);
  request.state = RequestState::kPending;
  pending_.append(request);
}

void Client::finish(Request& request, int error) {
  request.error = error;
  request.state = RequestState::kDone;
  done_.append(request);
}

void Client::abandon(Request& request) {
  const RequestState state = request.state;
  request.state = RequestState::kIdle;
  if (state == RequestState::kIdle) return;
  ++counters_.abandoned;
  if (state == RequestState::kDone) {
    done_.remove(request);
    return;
  }
  if (request.type == XS_TRANSACTION_END) {
    // Whatever the server makes of it, the caller is through with this transaction.
    const Result<u32> number = transactions_.number_of(request.transaction);
    transactions_.close(request.transaction);
    if (number.ok() && state == RequestState::kPending) orphan(number.value());
  }
  if (state == RequestState::kPending) {
    pending_.remove(request);
    return;
  }
  in_flight_.remove(request);
  if (abandoned_count_ == kMostAbandoned) {
    break_off(Fault::kSilent);
    return;
  }
  abandoned_[abandoned_count_++] = {request.id, request.type};
}

void Client::break_off(Fault fault) {
  const u32 index = static_cast<u32>(fault);
  ++counters_.faults[index];
  state_ = State::kBroken;
  if ((reported_ & (u32{1} << index)) != 0) return;
  reported_ |= u32{1} << index;
  pvk_log(PVK_LOG_ERROR, "xenstore",
          "the server broke the protocol (%s, indexes %u %u %u %u, error %u)", name_of(fault),
          peek(page_->req_cons), peek(page_->req_prod), peek(page_->rsp_cons),
          peek(page_->rsp_prod), peek(page_->error));
}

bool Client::quiet() const { return out_length_ == 0 && in_flight_.empty() && own_ == Own::kNone; }

}  // namespace pvk::xs
