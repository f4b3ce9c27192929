// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A store server for one page, which can misbehave in every way that the wire protocol allows. It
// shares no code with the client; honest answers come from the model xenstore.
#pragma once

#include <errno.h>
#include <stdint.h>

#include <xen/io/xs_wire.h>

#include <deque>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "fakes/xs_store.h"

namespace pvk::fakes {

struct WireMessage {
  xsd_sockmsg header{};
  std::string body;
};

class WireServer {
 public:
  struct Behaviour {
    bool asleep = false;            // takes nothing, says nothing
    bool hold = false;              // takes requests and keeps the answers until release()
    bool ignore_reconnect = false;  // never makes the new connection
    u32 most_at_once = ~u32{0};     // bytes moved each way in one turn
  };
  using Tamper = std::function<void(const WireMessage& request, WireMessage& reply)>;

  WireServer();

  xenstore_domain_interface& page() { return page_; }
  XsStore& store() { return store_; }
  // A request is refused with this errno value before it takes effect; 0 lets it pass.
  void refuse(std::function<int(const WireMessage& request)> judge) { judge_ = std::move(judge); }
  void tamper_with(Tamper tamper) { tamper_ = std::move(tamper); }

  // One turn. Says whether anything moved.
  bool process();
  // Answers that were held go out: all in their order, or one by its place in the queue.
  void release();
  void release(size_t index);
  void drop_held() { held_.clear(); }
  const std::deque<WireMessage>& held() const { return held_; }
  // Bytes or a message that nobody asked for.
  void say(const std::string& bytes) { out_ += bytes; }
  void say(u32 type, u32 id, const std::string& body);
  // The requests seen so far, in their order, those of the lost connections too.
  const std::vector<WireMessage>& seen() const { return seen_; }
  size_t seen(u32 type) const;

  void offer(u32 features) { page_.server_features |= features; }
  // As a restore leaves it: the page is zero but for the features, and nothing of the guest known.
  void restore();
  // Forgets all of the connection but the page's bytes and indexes, as a new xenstored would.
  void forget();
  size_t watches() const { return watches_.size(); }
  bool has_watch(const std::string& path) const;
  u64 connections() const { return connections_; }
  bool gone() const { return gone_; }

  Behaviour behaviour;

 private:
  struct Watch {
    std::string path;
    std::string token;
  };

  void reconnect();
  // docs/misc/xenstore.txt of Xen: XS_RESET_WATCHES is about transactions as well.
  void end_all();
  bool receive();
  bool flush();
  void take(const WireMessage& request);
  int handle(const WireMessage& request, std::string& reply);
  int handle_watch(const WireMessage& request);
  int handle_unwatch(const WireMessage& request);
  void fire(const std::string& path);
  void event(const std::string& path, const std::string& token);

  xenstore_domain_interface page_{};
  XsStore store_;
  Tamper tamper_;
  std::function<int(const WireMessage&)> judge_;
  std::string in_;
  std::string out_;
  std::deque<WireMessage> held_;
  std::vector<WireMessage> seen_;
  std::vector<Watch> watches_;
  std::set<u32> transactions_;
  u64 connections_ = 1;
  bool gone_ = false;  // the guest broke the protocol: it is not served any more
};

std::string wire_bytes(const WireMessage& message);

}  // namespace pvk::fakes
