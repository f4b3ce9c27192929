// SPDX-License-Identifier: MIT OR GPL-2.0-only
// xenstored at the other end of a shared page: messages of xen/io/xs_wire.h over its two byte
// rings. One connection a client, as one page a domain.
#pragma once

// xs_wire.h wants both: it names errors only when it sees errno's.
#include <errno.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include <functional>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "fakes/xs_store.h"

namespace pvk::fakes {

struct XsMessage {
  xsd_sockmsg header{};
  std::string body;
};

class XsServer {
 public:
  // May change a reply on its way out: a wrong request id, a value without end, a lying length.
  using Tamper = std::function<void(const XsMessage& request, XsMessage& reply)>;

  class Connection {
   public:
    xenstore_domain_interface& page() { return page_; }

   private:
    friend class XsServer;
    xenstore_domain_interface page_{};
    std::string in_;
    std::string out_;
    std::vector<std::pair<std::string, std::string>> watches_;  // path, token
  };

  XsServer();

  XsStore& store() { return store_; }
  Connection& connect() { return connections_.emplace_back(); }
  void disconnect(const xenstore_domain_interface& page) {
    connections_.remove_if([&page](Connection& connection) { return &connection.page() == &page; });
  }
  void tamper_with(Tamper tamper) { tamper_ = std::move(tamper); }

  // Takes what stands in the request rings, answers, fills the response rings as far as there is
  // room. Says whether any byte moved.
  bool process();

  // Changes made so far; a test of transactions uses it to slip in a change of its own.
  u64 requests() const { return requests_; }
  void before_each(std::function<void(const XsMessage&)> hook) { before_each_ = std::move(hook); }

 private:
  bool receive(Connection& connection);
  bool flush(Connection& connection);
  void answer(Connection& connection, const XsMessage& request);
  int handle(Connection& connection, const XsMessage& request, std::string& reply);
  void fire(const std::string& path);

  XsStore store_;
  std::list<Connection> connections_;
  Tamper tamper_;
  std::function<void(const XsMessage&)> before_each_;
  u64 requests_ = 0;
};

// The message as bytes.
std::string to_bytes(const XsMessage& message);
// Takes one whole message off the front of `bytes`, or nothing when it is not complete.
std::optional<XsMessage> take_message(std::string& bytes);

}  // namespace pvk::fakes
