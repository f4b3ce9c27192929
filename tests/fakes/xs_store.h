// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What xenstored keeps: a tree of values, and transactions that fail with EAGAIN when somebody else
// changed what they used. No permissions. Paths are absolute, without a final slash.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "pvkit/types.h"

namespace pvk::fakes {

class XsStore {
 public:
  using Changed = std::function<void(const std::string& path)>;

  // Called for every change that takes effect: a write in a transaction counts at its commit.
  void on_change(Changed changed) { changed_ = std::move(changed); }

  // `transaction` 0 is none. Errors are errno values, 0 for success.
  std::optional<std::string> read(const std::string& path, u32 transaction = 0);
  std::vector<std::string> directory(const std::string& path, u32 transaction = 0);
  bool exists(const std::string& path, u32 transaction = 0);
  int write(const std::string& path, const std::string& value, u32 transaction = 0);
  int remove(const std::string& path, u32 transaction = 0);

  u32 begin();
  int end(u32 transaction, bool commit);
  bool is_open(u32 transaction) const { return transactions_.contains(transaction); }
  size_t open_transactions() const { return transactions_.size(); }

 private:
  using Tree = std::map<std::string, std::string>;
  struct Transaction {
    Tree tree;  // the whole world as it was, plus own writes
    u64 since = 0;
    std::set<std::string> used;
    std::vector<std::pair<std::string, std::optional<std::string>>> writes;
  };

  Tree& tree_of(const std::string& path, u32 transaction);
  void touched(const std::string& path);
  static bool put(Tree& tree, const std::string& path, const std::string& value);
  static bool drop(Tree& tree, const std::string& path);

  Tree tree_;
  std::map<std::string, u64> generation_;  // of the last change, kept for removed nodes too
  u64 clock_ = 0;
  u32 next_transaction_ = 1;
  std::map<u32, Transaction> transactions_;
  Changed changed_;
};

}  // namespace pvk::fakes
