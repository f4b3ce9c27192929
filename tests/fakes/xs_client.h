// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A domain's end of its xenstore page: one request at a time, watch events set aside. It distrusts
// the server: a reply that is not what was asked for is EIO, never a value.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string>

#include "fakes/xs_server.h"

namespace pvk::fakes {

struct XsReply {
  int error = 0;  // an errno value, 0 for success
  std::string value;
};

class XsClient {
 public:
  using Fired = std::function<void(const std::string& path)>;

  explicit XsClient(XsServer& server) : server_(server), page_(server.connect().page()) {}
  ~XsClient() { server_.disconnect(page_); }
  XsClient(const XsClient&) = delete;
  XsClient& operator=(const XsClient&) = delete;

  XsReply read(const std::string& path, u32 transaction = 0);
  XsReply directory(const std::string& path, u32 transaction = 0);
  int write(const std::string& path, const std::string& value, u32 transaction = 0);
  int remove(const std::string& path, u32 transaction = 0);
  int begin(u32* transaction);
  int end(u32 transaction, bool commit);

  void watch(const std::string& path, Fired fired);
  void unwatch(const std::string& path);
  // Runs what fired since; says whether something did.
  bool dispatch();

 private:
  XsReply ask(u32 type, const std::string& body, u32 transaction);
  void send(const std::string& bytes);
  void receive();

  XsServer& server_;
  xenstore_domain_interface& page_;
  u32 next_id_ = 1;
  bool dispatching_ = false;
  std::string in_;
  std::deque<XsMessage> events_;
  std::map<std::string, Fired> watches_;  // by path, which is its own token
};

}  // namespace pvk::fakes
