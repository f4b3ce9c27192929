// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Sending: one message at a time stands in `out_` and goes out as the ring has room. It is a copy,
// so that a caller may take its request back in the midst of it without tearing the stream.
#include "frontends/xenbus/xs_client.h"
#include "frontends/xenbus/xs_errors.h"

namespace pvk::xs {

bool Client::send() {
  if (state_ != State::kConnected && state_ != State::kProbing) return false;
  if (out_length_ == 0 && !compose()) return false;
  const Result<u32> pushed = ring_.push(out_ + out_sent_, out_length_ - out_sent_);
  if (!pushed.ok()) {
    break_off(Fault::kRequestIndex);
    return false;
  }
  out_sent_ += pushed.value();
  if (out_sent_ == out_length_) out_length_ = out_sent_ = 0;
  return pushed.value() != 0;
}

bool Client::compose() {
  if (state_ == State::kProbing) return compose_probe();
  if (suspended_) return false;
  return compose_own() || compose_request();
}

bool Client::compose_probe() {
  if (own_ != Own::kNone) return false;
  const Result<bool> taken = ring_.all_taken();
  if (!taken.ok()) break_off(Fault::kRequestIndex);
  if (!taken.ok() || !taken.value()) return false;
  if (!search_.found()) return compose_zeros(search_.first());
  // The server also forgets the watches and transactions of whoever had the page before. It looks
  // at no body, and without one nothing is too long where the search was misled by a few bytes.
  own_id_ = compose(XS_RESET_WATCHES, 0, nullptr, 0);
  own_ = Own::kProbe;
  own_age_ = 0;
  return true;
}

bool Client::compose_zeros(u32 count) {
  if (count == 0) return false;
  __builtin_memset(out_, 0, count);
  out_length_ = count;
  out_sent_ = 0;
  own_age_ = 0;
  return true;
}

bool Client::compose_own() {
  if (own_ != Own::kNone) return false;
  own_age_ = 0;
  if (const Watch* const watch = watches_.next_to_register()) {
    const Part parts[] = {{watch->path, watch->path_length},
                          {"", 1},
                          {watch->token, static_cast<u32>(text_length(watch->token)) + 1}};
    own_id_ = compose(XS_WATCH, 0, parts, 3);
    own_ = Own::kWatch;
    return true;
  }
  if (orphan_count_ == 0) return false;
  const Part abort{"F", 2};
  own_id_ = compose(XS_TRANSACTION_END, orphans_[--orphan_count_], &abort, 1);
  own_ = Own::kEndTransaction;
  return true;
}

bool Client::compose_request() {
  while (Request* const request = pending_.take_first()) {
    u32 number = 0;
    if (request->transaction != 0) {
      const Result<u32> open = transactions_.number_of(request->transaction);
      if (!open.ok()) {
        // It went with its connection: nothing of it took effect, which is all an abort wants.
        const bool is_abort = request->type == XS_TRANSACTION_END && request->part_count != 0 &&
                              request->parts[0].length != 0 && request->parts[0].bytes[0] == 'F';
        finish(*request, is_abort ? 0 : XEN_EAGAIN);
        continue;
      }
      number = open.value();
    }
    request->id = compose(request->type, number, request->parts, request->part_count);
    request->state = RequestState::kInFlight;
    in_flight_.append(*request);
    return true;
  }
  return false;
}

u32 Client::compose(u32 type, u32 transaction, const Part* parts, u32 count) {
  Header header{type, take_id(), transaction, 0};
  for (u32 i = 0; i < count; ++i) {
    __builtin_memcpy(out_ + kHeaderBytes + header.len, parts[i].bytes, parts[i].length);
    header.len += parts[i].length;
  }
  __builtin_memcpy(out_, &header, kHeaderBytes);
  out_length_ = kHeaderBytes + header.len;
  out_sent_ = 0;
  ++counters_.requests;
  return header.req_id;
}

u32 Client::take_id() {
  if (next_id_ == 0) next_id_ = 1;  // watch events carry 0
  return next_id_++;
}

void Client::orphan(u32 number) {
  if (orphan_count_ < kMostOrphans) orphans_[orphan_count_++] = number;
}

}  // namespace pvk::xs
