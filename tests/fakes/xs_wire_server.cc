// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xs_wire_server.h"

#include <algorithm>
#include <cstring>

namespace pvk::fakes {
namespace {

std::vector<std::string> words_in(const std::string& body) {
  std::vector<std::string> words(1);
  for (const char character : body) {
    if (character == '\0') {
      words.emplace_back();
    } else {
      words.back().push_back(character);
    }
  }
  return words;
}

std::string with_nul(const std::string& text) { return text + '\0'; }

const char* error_name(int error) {
  for (const auto& known : xsd_errors) {
    if (known.errnum == error) return known.errstring;
  }
  return "EIO";
}

bool at_or_below(const std::string& path, const std::string& top) {
  return path == top || path.starts_with(top + "/");
}

}  // namespace

std::string wire_bytes(const WireMessage& message) {
  std::string bytes(sizeof(message.header), '\0');
  std::memcpy(bytes.data(), &message.header, sizeof(message.header));
  return bytes + message.body;
}

WireServer::WireServer() {
  store_.on_change([this](const std::string& path) { fire(path); });
}

bool WireServer::process() {
  if (behaviour.asleep) return false;
  if ((page_.server_features & XENSTORE_SERVER_FEATURE_RECONNECTION) != 0 &&
      page_.connection == XENSTORE_RECONNECT) {
    if (behaviour.ignore_reconnect) return false;
    reconnect();
    return true;
  }
  if (gone_) return false;
  const bool received = receive();
  return flush() || received;
}

// docs/misc/xenstore-ring.txt of Xen: what the server guarantees.
void WireServer::reconnect() {
  forget();
  page_.req_cons = page_.req_prod = page_.rsp_cons = page_.rsp_prod = 0;
  page_.error = XENSTORE_ERROR_NONE;
  page_.connection = XENSTORE_CONNECTED;
}

void WireServer::forget() {
  in_.clear();
  out_.clear();
  held_.clear();
  end_all();
  gone_ = false;
  ++connections_;
}

void WireServer::end_all() {
  watches_.clear();
  for (const u32 transaction : transactions_) store_.end(transaction, false);
  transactions_.clear();
}

void WireServer::restore() {
  forget();
  const u32 features = page_.server_features;
  page_ = {};
  page_.server_features = features;
}

bool WireServer::receive() {
  const u32 waiting = page_.req_prod - page_.req_cons;
  if (waiting > XENSTORE_RING_SIZE) {
    gone_ = true;
    if ((page_.server_features & XENSTORE_SERVER_FEATURE_ERROR) != 0) {
      page_.error = XENSTORE_ERROR_RINGIDX;
    }
    return true;
  }
  const u32 taken = std::min(waiting, behaviour.most_at_once);
  for (u32 i = 0; i < taken; ++i) in_ += page_.req[MASK_XENSTORE_IDX(page_.req_cons++)];
  while (in_.size() >= sizeof(xsd_sockmsg)) {
    WireMessage request;
    std::memcpy(&request.header, in_.data(), sizeof(request.header));
    if (request.header.len > XENSTORE_PAYLOAD_MAX) {
      gone_ = true;
      return true;
    }
    const size_t whole = sizeof(request.header) + request.header.len;
    if (in_.size() < whole) break;
    request.body = in_.substr(sizeof(request.header), request.header.len);
    in_.erase(0, whole);
    take(request);
  }
  return taken != 0;
}

bool WireServer::flush() {
  u32 sent = 0;
  while (sent < out_.size() && sent < behaviour.most_at_once &&
         page_.rsp_prod - page_.rsp_cons < XENSTORE_RING_SIZE) {
    page_.rsp[MASK_XENSTORE_IDX(page_.rsp_prod)] = out_[sent++];
    ++page_.rsp_prod;
  }
  out_.erase(0, sent);
  return sent != 0;
}

void WireServer::take(const WireMessage& request) {
  seen_.push_back(request);
  WireMessage reply;
  int error = judge_ ? judge_(request) : 0;
  if (error == 0) error = handle(request, reply.body);
  reply.header = request.header;
  if (error != 0) {
    reply.header.type = XS_ERROR;
    reply.body = with_nul(error_name(error));
  }
  reply.header.len = static_cast<u32>(reply.body.size());
  if (tamper_) tamper_(request, reply);
  held_.push_back(reply);
  if (!behaviour.hold) release();
}

void WireServer::release() {
  while (!held_.empty()) release(0);
}

void WireServer::release(size_t index) {
  out_ += wire_bytes(held_.at(index));
  held_.erase(held_.begin() + static_cast<std::ptrdiff_t>(index));
}

void WireServer::say(u32 type, u32 id, const std::string& body) {
  out_ += wire_bytes({{type, id, 0, static_cast<u32>(body.size())}, body});
}

size_t WireServer::seen(u32 type) const {
  return static_cast<size_t>(std::count_if(seen_.begin(), seen_.end(), [type](const auto& message) {
    return message.header.type == type;
  }));
}

int WireServer::handle(const WireMessage& request, std::string& reply) {
  const u32 transaction = request.header.tx_id;
  const std::vector<std::string> words = words_in(request.body);
  const std::string& path = words.front();
  if (transaction != 0 && !transactions_.contains(transaction)) return ENOENT;
  reply = with_nul("OK");
  switch (request.header.type) {
    case XS_READ: {
      const auto value = store_.read(path, transaction);
      reply = value.value_or("");
      return value.has_value() ? 0 : ENOENT;
    }
    case XS_DIRECTORY:
      reply.clear();
      for (const std::string& name : store_.directory(path, transaction)) reply += with_nul(name);
      return store_.exists(path, transaction) ? 0 : ENOENT;
    case XS_WRITE:
      if (words.size() < 2) return EINVAL;
      return store_.write(path, request.body.substr(path.size() + 1), transaction);
    case XS_MKDIR:
      return store_.exists(path, transaction) ? 0 : store_.write(path, "", transaction);
    case XS_RM: return store_.remove(path, transaction);
    case XS_TRANSACTION_START: {
      const u32 begun = store_.begin();
      transactions_.insert(begun);
      reply = with_nul(std::to_string(begun));
      return 0;
    }
    case XS_TRANSACTION_END:
      if (path != "T" && path != "F") return EINVAL;
      transactions_.erase(transaction);
      return store_.end(transaction, path == "T");
    case XS_WATCH: return handle_watch(request);
    case XS_UNWATCH: return handle_unwatch(request);
    case XS_RESET_WATCHES: end_all(); return 0;
    default: return ENOSYS;
  }
}

int WireServer::handle_watch(const WireMessage& request) {
  const std::vector<std::string> words = words_in(request.body);
  if (words.size() < 2) return EINVAL;
  for (const Watch& watch : watches_) {
    if (watch.path == words[0] && watch.token == words[1]) return EEXIST;
  }
  watches_.push_back({words[0], words[1]});
  event(words[0], words[1]);  // a new watch fires at once
  return 0;
}

int WireServer::handle_unwatch(const WireMessage& request) {
  const std::vector<std::string> words = words_in(request.body);
  const auto gone = std::erase_if(watches_, [&](const Watch& watch) {
    return words.size() >= 2 && watch.path == words[0] && watch.token == words[1];
  });
  return gone != 0 ? 0 : ENOENT;
}

bool WireServer::has_watch(const std::string& path) const {
  return std::any_of(watches_.begin(), watches_.end(),
                     [&](const Watch& watch) { return watch.path == path; });
}

void WireServer::fire(const std::string& path) {
  for (const Watch& watch : watches_) {
    if (at_or_below(path, watch.path)) {
      event(path, watch.token);
    } else if (at_or_below(watch.path, path)) {
      event(watch.path, watch.token);
    }
  }
}

void WireServer::event(const std::string& path, const std::string& token) {
  say(XS_WATCH_EVENT, 0, with_nul(path) + with_nul(token));
}

}  // namespace pvk::fakes
