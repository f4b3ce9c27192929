// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A block backend on xenbus (xen/io/blkif.h, xen/io/xenbus.h): offers what the test says in
// xenstore, reads the frontend's keys as blkback does, maps its rings and serves them.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "fakes/model_queue.h"

namespace pvk::fakes {

// What the backend writes into its directory. Any key can be added, changed or taken out, so that
// bad input is one assignment in a test.
struct Offer {
  std::map<std::string, std::string> early;  // before InitWait
  std::map<std::string, std::string> late;   // before Connected
};

class ModelBackend {
 public:
  // Makes both directories, as the toolstack does, and waits: see offer().
  ModelBackend(Machine& machine, u32 virtual_device, u64 sectors);
  ~ModelBackend();
  ModelBackend(const ModelBackend&) = delete;
  ModelBackend& operator=(const ModelBackend&) = delete;

  pvk_bus& bus() { return bus_; }
  Disk& disk() { return disk_; }

  // ---- before offer(): what it has
  Offer offered;
  Behaviour behaviour;
  // Sets key and behaviour together.
  void allow_persistent();
  void allow_flush();
  void allow_barrier();
  void allow_discard();
  void allow_indirect(u32 segments);
  void allow_ring_order(u32 order);
  void allow_queues(u32 queues);

  // ---- its life
  void offer();  // InitWait; from here on it follows the frontend
  void close();  // asks the frontend to go, as a toolstack does that detaches the disk
  void pause();  // the same by itself: `online` says that it will be back
  void die();    // gone without a word: unmaps all, removes its directory
  void set_state(int state);
  int state();
  int frontend_state();
  bool connected() const { return !queues_.empty(); }
  // Forgets rings and mappings, as a backend that is killed does. Its state stays what it was.
  void disconnect();
  // Writes a key of its own, as for a new size.
  void write(const std::string& key, const std::string& value);
  std::string frontend_key(const std::string& key);

  std::vector<std::unique_ptr<ModelQueue>>& queues() { return queues_; }
  ModelQueue& queue(size_t index = 0) { return *queues_.at(index); }

 private:
  void frontend_changed();
  void write_all(const std::map<std::string, std::string>& keys);
  u32 offered_number(const std::string& key, u32 otherwise) const;
  u32 ring_order_offered() const;
  bool connect();
  bool connect_queue(const std::string& prefix, u32 order);
  u64 number(const std::string& key, u64 otherwise);
  void wrong(const std::string& what);

  Machine& machine_;
  XsClient store_;
  Disk disk_;
  pvk_bus bus_;
  std::vector<std::unique_ptr<ModelQueue>> queues_;
  bool following_ = false;
};

}  // namespace pvk::fakes
