// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xs_client.h"

#include <charconv>
#include <optional>

namespace pvk::fakes {
namespace {

int number_of(const std::string& name) {
  for (const auto& known : xsd_errors) {
    if (name == known.errstring) return known.errnum;
  }
  return EIO;
}

}  // namespace

void XsClient::send(const std::string& bytes) {
  for (const char byte : bytes) {
    while (page_.req_prod - page_.req_cons == XENSTORE_RING_SIZE) server_.process();
    page_.req[MASK_XENSTORE_IDX(page_.req_prod)] = byte;
    ++page_.req_prod;
  }
}

void XsClient::receive() {
  while (page_.rsp_cons != page_.rsp_prod) {
    in_.push_back(page_.rsp[MASK_XENSTORE_IDX(page_.rsp_cons)]);
    ++page_.rsp_cons;
  }
}

XsReply XsClient::ask(u32 type, const std::string& body, u32 transaction) {
  XsMessage request;
  request.header = {type, next_id_++, transaction, static_cast<u32>(body.size())};
  request.body = body;
  send(to_bytes(request));
  for (;;) {
    const bool moved = server_.process();
    receive();
    while (auto message = take_message(in_)) {
      if (message->header.type == XS_WATCH_EVENT) {
        events_.push_back(*message);
        continue;
      }
      if (message->header.req_id != request.header.req_id) return {EIO, ""};
      if (message->header.len > XENSTORE_PAYLOAD_MAX) return {EIO, ""};
      if (message->header.type == XS_ERROR) return {number_of(message->body.c_str()), ""};
      if (message->header.type != type) return {EIO, ""};
      return {0, message->body};
    }
    if (!moved) {  // a header that promises more than ever comes
      in_.clear();
      return {EIO, ""};
    }
  }
}

XsReply XsClient::read(const std::string& path, u32 transaction) {
  return ask(XS_READ, path + '\0', transaction);
}

XsReply XsClient::directory(const std::string& path, u32 transaction) {
  return ask(XS_DIRECTORY, path + '\0', transaction);
}

int XsClient::write(const std::string& path, const std::string& value, u32 transaction) {
  return ask(XS_WRITE, path + '\0' + value, transaction).error;
}

int XsClient::remove(const std::string& path, u32 transaction) {
  return ask(XS_RM, path + '\0', transaction).error;
}

int XsClient::begin(u32* transaction) {
  const XsReply reply = ask(XS_TRANSACTION_START, std::string(1, '\0'), 0);
  if (reply.error != 0) return reply.error;
  const char* const text = reply.value.c_str();
  const char* const end = text + reply.value.size();
  return std::from_chars(text, end, *transaction).ec == std::errc() ? 0 : EIO;
}

int XsClient::end(u32 transaction, bool commit) {
  return ask(XS_TRANSACTION_END, commit ? std::string("T\0", 2) : std::string("F\0", 2),
             transaction)
      .error;
}

void XsClient::watch(const std::string& path, Fired fired) {
  watches_[path] = std::move(fired);
  ask(XS_WATCH, path + '\0' + path + '\0', 0);
}

void XsClient::unwatch(const std::string& path) {
  ask(XS_UNWATCH, path + '\0' + path + '\0', 0);
  watches_.erase(path);
}

bool XsClient::dispatch() {
  // One watch at a time, as in a guest's watch thread, also when a watch waits for something.
  if (dispatching_) return false;
  dispatching_ = true;
  server_.process();
  receive();
  while (auto message = take_message(in_)) {
    if (message->header.type == XS_WATCH_EVENT) events_.push_back(*message);
  }
  const bool any = !events_.empty();
  while (!events_.empty()) {
    const std::string body = events_.front().body;
    events_.pop_front();
    const std::string path = body.c_str();
    const std::string token = path.size() + 1 < body.size() ? body.c_str() + path.size() + 1 : "";
    const auto found = watches_.find(token);
    if (found == watches_.end()) continue;
    const Fired fired = found->second;  // the watch may go while it runs
    fired(path);
  }
  dispatching_ = false;
  return any;
}

}  // namespace pvk::fakes
