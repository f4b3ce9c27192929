// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What somebody did that a real Xen, backend or frontend would choke on. A test asserts that there
// is none, so a fake never has to fail a test from deep inside (nor from another thread).
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace pvk::fakes {

class Violations {
 public:
  void add(std::string what) {
    const std::lock_guard lock(mutex_);
    list_.push_back(std::move(what));
  }
  std::vector<std::string> all() const {
    const std::lock_guard lock(mutex_);
    return list_;
  }
  // For a test that provokes violations: takes them out of the account.
  std::vector<std::string> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(list_, {});
  }

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> list_;
};

}  // namespace pvk::fakes
