// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fuzz/xs_wire.h"

#include "fakes/machine.h"
#include "fakes/xs_wire_server.h"
#include "fuzz/bytes.h"
#include "fuzz/xs_callers.h"

namespace pvk::fuzz {
namespace {

using fakes::WireMessage;
using fakes::WireServer;

constexpr u32 kFirstId = 0x5eed0000;
constexpr u8 kFirstLie = 14;   // of the actions of a server
constexpr u32 kPatience = 60;  // seconds
constexpr u32 kReconnection = XENSTORE_SERVER_FEATURE_RECONNECTION;
constexpr const char* kPaths[] = {"/a", "/a/b", "/a/b/c", "device", "@releaseDomain", ""};

class Play {
 public:
  // `features`: what a server of this play may ever offer.
  Play(const uint8_t* data, size_t size, u32 features)
      : bytes_(data, size),
        features_(features),
        client_(std::make_unique<xs::Client>(kFirstId)),
        callers_(*client_) {}

  std::string run() {
    server_.offer(bytes_.one() & 3 & features_);
    if (bytes_.one() % 4 == 0) soil();
    client_->start(&server_.page());
    while (!bytes_.empty() && wrong_.empty()) {
      const u8 what = bytes_.one();
      if (what / 32 == 7) client_->tick(kPatience);
      act_as_callers(what % 32);
      act_as_a_server(what % 32);
      act_as_a_worse_server(what % 32);
      lying_ |= what % 32 >= kFirstLie;
      turn();
    }
    return wrong_.empty() ? end() : wrong_;
  }

 private:
  std::string path() { return kPaths[bytes_.one() % std::size(kPaths)]; }
  u32 word() { return static_cast<u32>(bytes_.number()); }

  void soil() {
    torn_ = true;
    xenstore_domain_interface& page = server_.page();
    for (u32* index : {&page.req_cons, &page.req_prod, &page.rsp_cons, &page.rsp_prod}) {
      *index = word();
    }
    page.connection = bytes_.one() % 4;
  }

  // Bytes are read in one order, whatever order a compiler has for arguments.
  void ask(u32 type, const std::string& body) {
    const u32 transaction = bytes_.one() % 2 != 0 ? callers_.transaction() : 0;
    const u32 capacity = bytes_.one();
    callers_.submit(type, body, transaction, capacity);
  }
  void write() {
    const std::string key = path() + '\0';
    ask(XS_WRITE, key + std::string(word() % 5000, 'x'));
  }
  void ask_anything() {
    const u32 type = bytes_.one();
    const std::string body = bytes_.text();
    callers_.submit(type, body, word(), 64);
  }

  void act_as_callers(unsigned what) {
    const std::string nul(1, '\0');
    switch (what) {
      case 0: ask(XS_READ, path() + nul); break;
      case 1: write(); break;
      case 2: ask(XS_DIRECTORY, path() + nul); break;
      case 3: ask(XS_RM, path() + nul); break;
      case 4: callers_.submit(XS_TRANSACTION_START, nul, 0, 12); break;
      case 5:
        callers_.submit(XS_TRANSACTION_END, (bytes_.one() % 2 != 0 ? "T" : "F") + nul,
                        callers_.transaction(), 0);
        break;
      case 6: ask_anything(); break;
      case 7: callers_.abandon(bytes_.one()); break;
      case 8: callers_.watch(path()); break;
      case 9: callers_.unwatch(bytes_.one()); break;
      case 10: client_->reconnect(); break;
      case 11: client_->suspend(); break;
      case 12: client_->resume(&server_.page()); break;
      default: break;
    }
  }

  void act_as_a_server(unsigned what) {
    switch (what) {
      case 13: server_.behaviour.asleep = bytes_.one() % 2 != 0; break;
      case 14: server_.behaviour.hold = bytes_.one() % 2 != 0; break;
      case 15: server_.behaviour.most_at_once = 1 + bytes_.one(); break;
      case 16:
        if (!server_.held().empty()) server_.release(bytes_.one() % server_.held().size());
        break;
      case 17: server_.drop_held(); break;
      case 18: server_.store().write("/a/b", bytes_.text()); break;
      case 19: server_.behaviour.ignore_reconnect = bytes_.one() % 2 != 0; break;
      case 20: tear([this] { server_.restore(); }); break;
      case 21: tear([this] { server_.forget(); }); break;
      case 22: server_.offer(bytes_.one() & 3 & features_); break;
      default: break;
    }
  }

  void act_as_a_worse_server(unsigned what) {
    xenstore_domain_interface& page = server_.page();
    switch (what) {
      case 23: server_.say(bytes_.text()); break;
      case 24: say_something(callers_.id(bytes_.one())); break;
      case 25: say_something(word()); break;
      case 26: say_an_event(); break;
      case 27: page.rsp_prod += word(); break;
      case 28: tear([&] { page.req_cons += word(); }); break;
      case 29: page.connection = page.error = word(); break;
      case 30: tear([&] { scribble(word()); }); break;
      case 31: tamper(bytes_.one()); break;
      default: break;
    }
  }

  // What makes the server read another stream of requests than was written.
  template <class Act>
  void tear(Act act) {
    torn_ = true;
    act();
  }
  void scribble(u32 value) {
    xenstore_domain_interface& page = server_.page();
    page.req_prod = page.rsp_cons = value;
    page.server_features = value & features_;
  }

  void say_something(u32 id) {
    const u32 type = bytes_.one() % 24;
    const std::string start = bytes_.text();
    server_.say(type, id, start + std::string(word() % 6000, 'y'));
  }
  void say_an_event() {
    const std::string fired = path() + '\0';
    server_.say(XS_WATCH_EVENT, 0, fired + bytes_.text() + '\0');
  }
  void tamper(u8 field) {
    const u32 value = word();
    server_.tamper_with([field, value](const WireMessage&, WireMessage& reply) {
      switch (field % 5) {
        case 0: reply.header.type = value; break;
        case 1: reply.header.req_id += value; break;
        case 2: reply.header.len = value; break;
        case 3: reply.body.resize(value % 5000); break;
        default: break;  // honest again
      }
    });
  }

  void turn() {
    client_->pump();
    server_.process();
    client_->pump();
    // One that lies or dawdles while a place to go on is looked for shows a wrong one.
    torn_ |= lying_ && client_->state() == xs::State::kProbing;
    wrong_ = callers_.collect();
  }

  bool settle() {
    for (int round = 0; round < 100000 && wrong_.empty(); ++round) {
      const bool pumped = client_->pump().moved;
      wrong_ = callers_.collect();
      if (!server_.process() && !pumped) return true;
    }
    return false;
  }

  // However it went, a new connection to a decent server works, and nobody waits for ever.
  std::string end() {
    server_.tamper_with(nullptr);
    server_.behaviour = {};
    if ((features_ & kReconnection) == 0) return end_without_reconnection();
    server_.restore();
    server_.page().server_features = kReconnection;
    client_->resume(&server_.page());
    client_->reconnect();
    return work();
  }
  // The page stays what it is, and nothing tells the server that there is a new connection.
  std::string end_without_reconnection() {
    client_->resume(&server_.page());
    client_->reconnect();
    for (u32 second = 0; second < 30 && wrong_.empty() && !server_.gone(); ++second) {
      if (!settle()) return wrong_.empty() ? "they never come to rest" : wrong_;
      if (client_->state() == xs::State::kConnected) break;
      client_->tick(kPatience);
    }
    if (server_.gone() && !torn_) return "a decent server was driven away";
    if (server_.gone()) {
      // It read what nobody wrote; only a new page helps.
      server_.restore();
      client_->resume(&server_.page());
    }
    return work();
  }
  std::string work() {
    if (!settle()) return wrong_.empty() ? "they never come to rest" : wrong_;
    if (client_->state() != xs::State::kConnected) return "a decent server is not believed";
    if (callers_.waiting() != 0) return "a request was forgotten";
    callers_.submit(XS_WRITE, std::string("/end\0it works", 13), 0, 0);
    callers_.submit(XS_READ, std::string("/end\0", 5), 0, 8);
    if (!settle() || callers_.last_reply() != "it works") return "a new connection does not work";
    return close();
  }
  std::string close() {
    server_.behaviour.asleep = true;
    callers_.submit(XS_READ, std::string("/end\0", 5), 0, 8);
    client_->pump();
    client_->close();
    wrong_ = callers_.collect();
    if (callers_.waiting() != 0) return "a closed client keeps a request";
    return wrong_;
  }

  fakes::Machine machine_;
  Bytes bytes_;
  u32 features_;
  bool lying_ = false;
  bool torn_ = false;  // the server may be out of step with what the client wrote
  WireServer server_;
  std::unique_ptr<xs::Client> client_;
  Callers callers_;
  std::string wrong_;
};

}  // namespace

std::string play_xs_wire(const uint8_t* data, size_t size) {
  std::string wrong = Play(data, size, ~u32{0}).run();
  if (wrong.empty()) wrong = Play(data, size, ~kReconnection).run();
  return wrong;
}

}  // namespace pvk::fuzz
