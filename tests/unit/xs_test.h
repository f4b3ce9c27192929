// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The xenstore client against a server over one page, and a caller's handful of memory a request.
#pragma once

#include <memory>

#include "fakes/xs_wire_server.h"
#include "frontends/xenbus/xs_client.h"
#include "frontends/xenbus/xs_errors.h"
#include "unit/machine_test.h"

namespace pvk::fakes {

// A request with its memory, which is on the heap so that a stray access is seen.
class Ask {
 public:
  Ask(u32 type, const std::string& body, u32 transaction = 0, u32 capacity = xs::kMaxBody)
      : body_(body.begin(), body.end()), reply_(std::make_unique<char[]>(capacity + 1)) {
    request.type = type;
    request.transaction = transaction;
    request.parts[0] = {body_.data(), static_cast<u32>(body_.size())};
    request.part_count = 1;
    request.reply = reply_.get();
    request.capacity = capacity;
  }
  bool done() const { return request.state == xs::RequestState::kDone; }
  int error() const { return request.error; }
  std::string reply() const {
    return {reply_.get(), std::min(request.reply_length, request.capacity)};
  }

  xs::Request request;

 private:
  std::vector<char> body_;
  std::unique_ptr<char[]> reply_;
};

// A watch with its path.
class Look {
 public:
  explicit Look(const std::string& path) : path_(path) {
    watch.path = path_.c_str();
    watch.path_length = static_cast<u32>(path_.size());
  }
  xs::Watch watch;

 private:
  std::string path_;
};

class XsTest : public MachineTest {
 protected:
  static constexpr u32 kFirstId = 0x5eed0000;
  static constexpr u32 kPatience = 10;  // seconds

  void SetUp() override {
    client = std::make_unique<xs::Client>(kFirstId);
    client->start(&server.page());
  }

  // Both sides act until neither has anything to do.
  void settle() {
    for (int round = 0; round < 100000; ++round) {
      const bool pumped = client->pump().moved;
      take_done();
      if (!server.process() && !pumped) return;
    }
    ADD_FAILURE() << "the two never come to rest";
  }

  void take_done() {
    while (xs::Request* const request = client->take_done()) finished.push_back(request);
  }

  // Sends it and waits for its end.
  int call(Ask& ask) {
    client->submit(ask.request);
    settle();
    return ask.done() ? ask.error() : -1;
  }
  int call(u32 type, const std::string& body, u32 transaction = 0) {
    Ask ask(type, body, transaction);
    return call(ask);
  }
  int write(const std::string& path, const std::string& value, u32 transaction = 0) {
    return call(XS_WRITE, path + '\0' + value, transaction);
  }
  std::string read(const std::string& path, u32 transaction = 0) {
    Ask ask(XS_READ, path + '\0', transaction);
    const int error = call(ask);
    return error == 0 ? ask.reply() : "error " + std::to_string(error);
  }
  u32 begin() {
    Ask ask(XS_TRANSACTION_START, std::string(1, '\0'));
    EXPECT_EQ(call(ask), 0);
    return static_cast<u32>(std::stoul(ask.reply()));
  }
  int end(u32 transaction, bool commit) {
    return call(XS_TRANSACTION_END, std::string(commit ? "T" : "F") + '\0', transaction);
  }

  int watch(Look& look) {
    client->watches().add(look.watch);
    Ask ask(XS_WATCH, std::string(look.watch.path) + '\0' + look.watch.token + '\0');
    ask.request.watch = &look.watch;
    return call(ask);
  }
  // The paths of the events that wait, in their order.
  std::vector<std::string> events(const Look& look) {
    std::vector<std::string> paths;
    std::vector<char> path(xs::Watches::kMaxPath);
    while (const xs::Watch* const watch = client->watches().next_event(path.data())) {
      if (watch == &look.watch) paths.emplace_back(path.data());
    }
    return paths;
  }
  // A page that is not new holds what went over it.
  void leave_no_zeros() { std::fill_n(server.page().req, xs::kRingBytes, 'x'); }
  u64 faults(xs::Fault fault) const { return client->counters().faults[static_cast<u32>(fault)]; }

  WireServer server;
  std::unique_ptr<xs::Client> client;
  std::vector<xs::Request*> finished;
};

}  // namespace pvk::fakes
