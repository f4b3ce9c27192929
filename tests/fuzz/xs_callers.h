// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The guest's half of the play: requests and watches whose memory is exactly as large as they say
// and goes the moment they are through, so that a stray access is one the sanitizer sees.
#pragma once

#include <list>
#include <memory>
#include <string>
#include <vector>

#include "frontends/xenbus/xs_client.h"

namespace pvk::fuzz {

class Callers {
 public:
  explicit Callers(xs::Client& client) : client_(client) {}

  void submit(u32 type, const std::string& body, u32 transaction, u32 capacity);
  void abandon(size_t which);
  void abandon_all();
  void watch(const std::string& path);
  void unwatch(size_t which);
  // Takes what is done and what fired; returns what is wrong with it.
  std::string collect();

  // Of the last transaction that began, 0 for none.
  u32 transaction() const { return transaction_; }
  u32 last_error() const { return last_error_; }
  const std::string& last_reply() const { return last_reply_; }
  size_t waiting() const { return requests_.size(); }
  u32 id(size_t which) const;

 private:
  struct Asked {
    xs::Request request;
    std::unique_ptr<char[]> body;
    std::unique_ptr<char[]> reply;
  };
  struct Watched {
    xs::Watch watch;
    std::string path;
  };

  std::string judge(const Asked& asked);

  xs::Client& client_;
  std::list<Asked> requests_;
  std::list<Watched> watches_;
  u32 transaction_ = 0;
  u32 last_error_ = 0;
  std::string last_reply_;
};

}  // namespace pvk::fuzz
