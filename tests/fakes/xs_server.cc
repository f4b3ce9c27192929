// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xs_server.h"

#include <cstring>

namespace pvk::fakes {
namespace {

// The NUL-terminated words of a body; the last one may lack its NUL, as a value does.
std::vector<std::string> words_of(const std::string& body) {
  std::vector<std::string> words;
  for (size_t at = 0; at < body.size();) {
    const size_t end = body.find('\0', at);
    words.push_back(body.substr(at, end - at));
    if (end == std::string::npos) break;
    at = end + 1;
  }
  return words;
}

const char* name_of(int error) {
  for (const auto& known : xsd_errors) {
    if (known.errnum == error) return known.errstring;
  }
  return "EIO";
}

bool is_under(const std::string& path, const std::string& watched) {
  return path == watched ||
         (path.size() > watched.size() && path.starts_with(watched) && path[watched.size()] == '/');
}

}  // namespace

std::string to_bytes(const XsMessage& message) {
  return std::string(reinterpret_cast<const char*>(&message.header), sizeof(message.header)) +
         message.body;
}

std::optional<XsMessage> take_message(std::string& bytes) {
  XsMessage message;
  if (bytes.size() < sizeof(message.header)) return std::nullopt;
  std::memcpy(&message.header, bytes.data(), sizeof(message.header));
  const size_t total = sizeof(message.header) + message.header.len;
  if (bytes.size() < total) return std::nullopt;
  message.body = bytes.substr(sizeof(message.header), message.header.len);
  bytes.erase(0, total);
  return message;
}

XsServer::XsServer() {
  store_.on_change([this](const std::string& path) { fire(path); });
}

bool XsServer::process() {
  bool moved = false;
  for (Connection& connection : connections_) {
    moved |= receive(connection);
    while (auto request = take_message(connection.in_)) answer(connection, *request);
  }
  for (Connection& connection : connections_) moved |= flush(connection);
  return moved;
}

bool XsServer::receive(Connection& connection) {
  xenstore_domain_interface& page = connection.page_;
  const u32 waiting = page.req_prod - page.req_cons;
  if (waiting > XENSTORE_RING_SIZE) {
    page.error = XENSTORE_ERROR_RINGIDX;
    return false;
  }
  for (u32 i = 0; i < waiting; ++i) {
    connection.in_.push_back(page.req[MASK_XENSTORE_IDX(page.req_cons + i)]);
  }
  page.req_cons += waiting;
  return waiting != 0;
}

bool XsServer::flush(Connection& connection) {
  xenstore_domain_interface& page = connection.page_;
  size_t sent = 0;
  while (sent < connection.out_.size() && page.rsp_prod - page.rsp_cons < XENSTORE_RING_SIZE) {
    page.rsp[MASK_XENSTORE_IDX(page.rsp_prod)] = connection.out_[sent++];
    ++page.rsp_prod;
  }
  connection.out_.erase(0, sent);
  return sent != 0;
}

void XsServer::answer(Connection& connection, const XsMessage& request) {
  ++requests_;
  if (before_each_) before_each_(request);
  XsMessage reply;
  reply.header = request.header;
  std::string body;
  int error = request.header.len > XENSTORE_PAYLOAD_MAX ? E2BIG : 0;
  if (error == 0) error = handle(connection, request, body);
  if (error != 0) {
    reply.header.type = XS_ERROR;
    body = std::string(name_of(error)) + '\0';
  }
  reply.body = body;
  reply.header.len = static_cast<u32>(body.size());
  if (tamper_) tamper_(request, reply);
  connection.out_ += to_bytes(reply);
}

int XsServer::handle(Connection& connection, const XsMessage& request, std::string& reply) {
  const std::vector<std::string> words = words_of(request.body);
  const u32 transaction = request.header.tx_id;
  if (transaction != 0 && !store_.is_open(transaction)) return ENOENT;
  const std::string path = words.empty() ? "" : words[0];
  const std::string ok("OK\0", 3);
  switch (request.header.type) {
    case XS_READ: {
      const auto value = store_.read(path, transaction);
      if (!value.has_value()) return ENOENT;
      reply = *value;
      return 0;
    }
    case XS_DIRECTORY:
      if (!store_.exists(path, transaction)) return ENOENT;
      for (const std::string& name : store_.directory(path, transaction)) reply += name + '\0';
      return 0;
    case XS_WRITE:
      reply = ok;
      return store_.write(path, request.body.substr(path.size() + 1), transaction);
    case XS_RM: reply = ok; return store_.remove(path, transaction);
    case XS_TRANSACTION_START: reply = std::to_string(store_.begin()) + '\0'; return 0;
    case XS_TRANSACTION_END:
      reply = ok;
      if (path != "T" && path != "F") return EINVAL;
      return store_.end(transaction, path == "T");
    case XS_WATCH: {
      if (words.size() != 2) return EINVAL;
      connection.watches_.emplace_back(words[0], words[1]);
      reply = ok;
      // A new watch fires at once.
      XsMessage event;
      event.header.type = XS_WATCH_EVENT;
      event.body = words[0] + '\0' + words[1] + '\0';
      event.header.len = static_cast<u32>(event.body.size());
      connection.out_ += to_bytes(event);
      return 0;
    }
    case XS_UNWATCH:
      reply = ok;
      return words.size() == 2 &&
                     std::erase(connection.watches_, std::pair(words[0], words[1])) != 0
                 ? 0
                 : ENOENT;
    default: return ENOSYS;
  }
}

void XsServer::fire(const std::string& path) {
  for (Connection& connection : connections_) {
    for (const auto& [watched, token] : connection.watches_) {
      // Removing a directory takes what was watched below it along.
      if (!is_under(path, watched) && !is_under(watched, path)) continue;
      XsMessage event;
      event.header.type = XS_WATCH_EVENT;
      event.body = (is_under(path, watched) ? path : watched) + '\0' + token + '\0';
      event.header.len = static_cast<u32>(event.body.size());
      connection.out_ += to_bytes(event);
    }
  }
}

}  // namespace pvk::fakes
