// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Receiving: a message is collected in `in_`, a copy that the server cannot reach any more, and
// judged when it is whole.
#include "frontends/xenbus/xs_client.h"
#include "frontends/xenbus/xs_errors.h"

namespace pvk::xs {

// Whether `in_` holds `bytes` bytes, after taking what there is of the missing ones.
bool Client::have(u32 bytes, bool& moved) {
  if (in_length_ >= bytes) return true;
  const Result<u32> pulled = ring_.pull(in_ + in_length_, bytes - in_length_);
  if (!pulled.ok()) {
    break_off(Fault::kResponseIndex);
    return false;
  }
  in_length_ += pulled.value();
  moved |= pulled.value() != 0;
  return in_length_ == bytes;
}

bool Client::receive() {
  bool moved = false;
  // As much as one ring holds: what comes meanwhile is the next step's.
  for (u32 messages = 0; messages < kRingBytes / kHeaderBytes; ++messages) {
    if (!have(kHeaderBytes, moved)) return moved;
    Header header{};
    __builtin_memcpy(&header, in_, kHeaderBytes);
    if (state_ == State::kProbing && !is_our_probe(header)) {
      pass_over_one_byte(header);
      continue;
    }
    if (header.len > kMaxBody) {
      break_off(Fault::kLength);
      return moved;
    }
    if (!have(kHeaderBytes + header.len, moved)) return moved;
    in_length_ = 0;
    take_message(header);
    if (state_ != State::kConnected) return moved;
  }
  return moved;
}

namespace {

// The name of an error, or "OK".
constexpr u32 kLongestWord = 32;

}  // namespace

bool Client::is_our_probe(const Header& header) const {
  return own_ == Own::kProbe && header.req_id == own_id_ && header.len <= kLongestWord &&
         (header.type == XS_RESET_WATCHES || header.type == XS_ERROR);
}

void Client::pass_over_one_byte(const Header& header) {
  if (header.type == XS_ERROR && header.req_id == 0 && header.tx_id == 0 && header.len != 0 &&
      header.len <= kLongestWord) {
    search_.answered();
  }
  // There is more than a header when a probe was given up whose reply had begun to come.
  --in_length_;
  __builtin_memmove(in_, in_ + 1, in_length_);
  ++counters_.passed_over;
}

void Client::take_message(const Header& header) {
  const Span<const char> body{in_ + kHeaderBytes, header.len};
  if (header.type == XS_WATCH_EVENT) {
    take_event(body);
  } else {
    take_reply(header, body);
  }
}

void Client::take_event(Span<const char> body) {
  ++counters_.events;
  const Status status = watches_.arrived(body);
  if (status.ok()) return;
  if (status.error() == Error::kMissing) {
    ++counters_.events_unknown;
  } else {
    break_off(Fault::kBadEvent);
  }
}

void Client::take_reply(const Header& header, Span<const char> body) {
  if (own_ != Own::kNone && header.req_id == own_id_) return take_own(header, body);
  if (Request* const request = in_flight_.find(header.req_id)) {
    if (header.type != request->type && header.type != XS_ERROR) {
      return break_off(Fault::kWrongType);
    }
    in_flight_.remove(*request);
    ++counters_.replies;
    return complete(*request, header, body);
  }
  if (!take_abandoned(header, body)) break_off(Fault::kUnknownId);
}

namespace {

// xenstored ends an error's name with a NUL.
int error_in(Span<const char> body) {
  const size_t size = body.size();
  return error_number(body.first(size != 0 && body[size - 1] == '\0' ? size - 1 : size));
}

Result<u32> number_in(Span<const char> body) {
  size_t length = body.size();
  while (length != 0 && body[length - 1] == '\0') --length;
  const Result<u64> number = parse_number(body.first(length), ~u32{0});
  if (!number.ok() || number.value() == 0) return Error::kBadValue;
  return static_cast<u32>(number.value());
}

}  // namespace

void Client::take_own(const Header& header, Span<const char> body) {
  const Own own = own_;
  own_ = Own::kNone;
  if (own == Own::kProbe) {
    // Refused or not, this is where a message began. Done, it ended the transactions too.
    if (header.type != XS_ERROR) orphan_count_ = 0;
    connected();
  } else if (own == Own::kWatch && header.type == XS_ERROR && error_in(body) != XEN_EEXIST) {
    ++counters_.not_watched;
  }
}

bool Client::take_abandoned(const Header& header, Span<const char> body) {
  for (u32 i = 0; i < abandoned_count_; ++i) {
    const Abandoned known = abandoned_[i];
    if (known.id != header.req_id) continue;
    abandoned_[i] = abandoned_[--abandoned_count_];
    ++counters_.late;
    if (header.type == XS_ERROR) return true;
    if (header.type != known.type) break_off(Fault::kWrongType);
    const Result<u32> number = number_in(body);
    if (header.type == XS_TRANSACTION_START && number.ok()) orphan(number.value());
    return true;
  }
  return false;
}

// The handle that stands for the transaction whose number is `body`, which then shows its digits.
int Client::open_transaction(Span<const char>& body, Text<12>& handle) {
  const Result<u32> number = number_in(body);
  if (!number.ok()) {
    break_off(Fault::kBadReply);
    return XEN_EIO;
  }
  const Result<u32> opened = transactions_.open(number.value());
  if (!opened.ok()) {
    orphan(number.value());
    return XEN_ENOSPC;
  }
  handle.add(u64{opened.value()});
  body = {handle.c_str(), handle.size() + 1};
  return 0;
}

void Client::complete(Request& request, const Header& header, Span<const char> body) {
  if (request.type == XS_TRANSACTION_END) transactions_.close(request.transaction);
  if (header.type == XS_ERROR) {
    ++counters_.errors;
    const int error = error_in(body);
    // The first one had done it.
    const bool done =
        request.sent_again != 0 && ((request.type == XS_RM && error == XEN_ENOENT) ||
                                    (request.type == XS_WATCH && error == XEN_EEXIST));
    if (!done) return finish(request, error);
    body = {};
  }
  Text<12> handle;
  if (request.type == XS_TRANSACTION_START) {
    const int error = open_transaction(body, handle);
    if (error != 0) return finish(request, error);
  }
  if (request.watch != nullptr) request.watch->registered = 1;
  request.reply_length = static_cast<u32>(body.size());
  const u32 kept = min(request.capacity, request.reply_length);
  if (kept != 0) __builtin_memcpy(request.reply, body.data(), kept);
  const bool cut = request.capacity != 0 && kept < request.reply_length;
  counters_.cut += cut ? 1 : 0;
  finish(request, cut ? XEN_ERANGE : 0);
}

}  // namespace pvk::xs
