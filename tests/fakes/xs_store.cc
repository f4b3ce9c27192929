// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xs_store.h"

namespace pvk::fakes {
namespace {

bool is_below(const std::string& path, const std::string& top) {
  return path.size() > top.size() && path.starts_with(top) && path[top.size()] == '/';
}

}  // namespace

XsStore::Tree& XsStore::tree_of(const std::string& path, u32 transaction) {
  const auto found = transactions_.find(transaction);
  if (found == transactions_.end()) return tree_;
  found->second.used.insert(path);
  return found->second.tree;
}

std::optional<std::string> XsStore::read(const std::string& path, u32 transaction) {
  const Tree& tree = tree_of(path, transaction);
  const auto found = tree.find(path);
  if (found == tree.end()) return std::nullopt;
  return found->second;
}

bool XsStore::exists(const std::string& path, u32 transaction) {
  return tree_of(path, transaction).contains(path);
}

std::vector<std::string> XsStore::directory(const std::string& path, u32 transaction) {
  std::vector<std::string> names;
  const Tree& tree = tree_of(path, transaction);
  for (auto at = tree.lower_bound(path + "/"); at != tree.end() && is_below(at->first, path);
       ++at) {
    const std::string rest = at->first.substr(path.size() + 1);
    if (rest.find('/') == std::string::npos) names.push_back(rest);
  }
  return names;
}

bool XsStore::put(Tree& tree, const std::string& path, const std::string& value) {
  // A node brings its parents into being, as xenstored does.
  for (size_t slash = path.find('/', 1); slash != std::string::npos;
       slash = path.find('/', slash + 1)) {
    tree.try_emplace(path.substr(0, slash));
  }
  tree[path] = value;
  return true;
}

bool XsStore::drop(Tree& tree, const std::string& path) {
  bool found = tree.erase(path) != 0;
  for (auto at = tree.lower_bound(path + "/"); at != tree.end() && is_below(at->first, path);) {
    at = tree.erase(at);
    found = true;
  }
  return found;
}

void XsStore::touched(const std::string& path) {
  generation_[path] = ++clock_;
  if (changed_) changed_(path);
}

int XsStore::write(const std::string& path, const std::string& value, u32 transaction) {
  put(tree_of(path, transaction), path, value);
  if (transaction != 0) {
    transactions_[transaction].writes.emplace_back(path, value);
  } else {
    touched(path);
  }
  return 0;
}

int XsStore::remove(const std::string& path, u32 transaction) {
  if (!drop(tree_of(path, transaction), path)) return PVK_ENOENT;
  if (transaction != 0) {
    transactions_[transaction].writes.emplace_back(path, std::nullopt);
  } else {
    touched(path);
  }
  return 0;
}

u32 XsStore::begin() {
  const u32 id = next_transaction_++;
  Transaction& transaction = transactions_[id];
  transaction.tree = tree_;
  transaction.since = clock_;
  return id;
}

int XsStore::end(u32 id, bool commit) {
  const auto found = transactions_.find(id);
  if (found == transactions_.end()) return PVK_ENOENT;
  const Transaction transaction = std::move(found->second);
  transactions_.erase(found);
  if (!commit) return 0;
  for (const std::string& path : transaction.used) {
    const auto last = generation_.find(path);
    if (last != generation_.end() && last->second > transaction.since) return PVK_EAGAIN;
  }
  for (const auto& [path, value] : transaction.writes) {
    if (value.has_value()) {
      put(tree_, path, *value);
    } else {
      drop(tree_, path);
    }
    touched(path);
  }
  return 0;
}

}  // namespace pvk::fakes
