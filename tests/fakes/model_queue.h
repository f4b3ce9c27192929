// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One ring of a block backend: takes requests, moves the data, answers. It does what blkback does
// in the order that the test asks for, and writes down whatever the frontend does wrong.
#pragma once

#include <functional>
#include <map>
#include <random>
#include <vector>

#include "fakes/back_ring.h"
#include "fakes/disk.h"
#include "fakes/machine.h"

namespace pvk::fakes {

enum class Order : u8 { kInOrder, kReversed, kRandom };

// How a backend serves. Set it before requests arrive; nothing locks it.
struct Behaviour {
  // What was negotiated.
  bool persistent = false;
  bool flush = false;
  bool barrier = false;
  bool discard = false;
  bool read_only = false;
  u32 max_indirect_segments = 0;
  // blkback's module parameter max_persistent_grants.
  size_t persistent_limit = 1056;

  Order order = Order::kInOrder;
  u64 seed = 1;
  bool hold = false;         // answers only when complete_held() is called
  u32 batch = 0;             // responses shown at once; 0: all there are
  bool keep_grants = false;  // never unmaps a page before the device is closed
  // May change a response before the frontend can see it; false drops it.
  std::function<bool(blkif_response&)> tamper;
};

class ModelQueue {
 public:
  ModelQueue(Machine& machine, Disk& disk, const Behaviour& behaviour, BackRing ring);
  ~ModelQueue();
  ModelQueue(const ModelQueue&) = delete;
  ModelQueue& operator=(const ModelQueue&) = delete;

  // Binds the frontend's channel; false when there is no such port.
  bool bind(Port frontend_port);

  // Takes and, unless they are held, answers all requests; then asks for the next event. What the
  // event handler does; a test may call it without an event, as a polling backend would.
  void process();
  // Answers up to `count` held requests.
  void complete_held(size_t count = ~size_t{0});
  size_t held() const { return pending_.size(); }

  // ---- for lies: a response that nobody asked for, an index that is not so.
  void push_raw(const blkif_response& response);
  void show_index(u32 rsp_prod) { ring_.set_rsp_prod(rsp_prod); }
  void notify() { machine_.events.send(kBackend, port_); }
  // Both sides' indexes begin at `index`, as after that many requests. Before the first one.
  void start_at(u32 index);
  u32 produced() const { return rsp_produced_; }
  const BackRing& ring() const { return ring_; }

  u64 requests_seen() const { return requests_seen_; }
  u64 indirect_seen() const { return indirect_seen_; }
  size_t persistent_mappings() const { return persistent_.size(); }
  // Ids of requests as they arrived.
  const std::vector<u64>& ids() const { return ids_; }

 private:
  struct Piece {
    Mapping mapping;
    bool temporary = true;
    u32 first = 0;  // sectors of the page, both included
    u32 last = 0;
  };
  struct Pending {
    u64 id = 0;
    u8 operation = 0;  // as the request has it
    u8 effect = 0;     // for an indirect request, what it wraps
    u64 sector = 0;
    u64 sectors = 0;
    bool secure = false;
    i16 status = BLKIF_RSP_OKAY;
    std::vector<Piece> pieces;
  };

  bool take_all();
  Pending decode(const blkif_request& request);
  void decode_indirect(const blkif_request_indirect& request, Pending& pending);
  void add_segments(Pending& pending, const blkif_request_segment* segments, u32 count);
  Piece map_segment(const blkif_request_segment& segment, bool into_guest);
  void check(Pending& pending);
  void execute(Pending& pending);
  void unmap(Pending& pending);
  size_t pick();
  void show_responses();
  void wrong(const std::string& what);

  Machine& machine_;
  Disk& disk_;
  const Behaviour& behaviour_;
  BackRing ring_;
  Port port_ = 0;
  u32 req_consumed_ = 0;
  u32 rsp_produced_ = 0;
  u32 rsp_shown_ = 0;
  std::vector<Pending> pending_;
  std::map<GrantRef, Mapping> persistent_;
  std::vector<Mapping> kept_;
  std::mt19937_64 random_;
  std::vector<u64> ids_;
  u64 requests_seen_ = 0;
  u64 indirect_seen_ = 0;
};

}  // namespace pvk::fakes
