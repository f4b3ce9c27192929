// SPDX-License-Identifier: MIT OR GPL-2.0-only
// All that a disk goes through, in one function: for tests that disturb it at every point.
#pragma once

#include <xen/io/xenbus.h>

#include <utility>

#include "unit/hostile_test.h"

namespace pvk::fakes {

// A disk with everything that can be negotiated: two queues, rings of two pages, all operations.
inline void offer_everything(Life& life, block::DataMode mode) {
  life.mode(mode);
  life.backend.allow_queues(2);
  life.backend.allow_ring_order(1);
  life.backend.allow_indirect(32);
  life.backend.allow_flush();
  life.backend.allow_discard();
  life.backend.offered.late["discard-granularity"] = "4096";
  life.backend.offered.late["discard-alignment"] = "0";
  life.backend.offered.late["discard-secure"] = "1";
  life.params.max_ring_page_order = 1;
  life.params.max_indirect_segments = 32;
  life.cpus = 2;
}

// As much of it as can be started now.
inline void traffic_of_every_kind(Life& life) {
  using block::Operation;
  if (life.disk->up()) life.submit(Operation::kWrite, 0, 3 * kPageSize);
  if (life.disk->up()) life.submit(Operation::kRead, 0, 512);
  if (life.disk->up()) life.submit(Operation::kWrite, 64, 20 * kPageSize);
  if (life.disk->up())
    life.submit(Operation::kRead, 64, 20 * kPageSize, life.disk->os_queues() - 1);
  if (life.disk->up()) life.submit(Operation::kFlush, 0, 0);
  for (const bool secure : {false, true}) {
    if (!life.disk->up()) return;
    if (auto io = life.disk->discard(256, 8, secure)) life.ios.push_back(std::move(io));
  }
}

inline void resize(Life& life, const std::string& sectors) {
  life.backend.write("sectors", sectors);
  life.backend.set_state(XenbusStateConnected);
  life.machine.settle();
}

// The backend is killed with requests in flight and comes back, with a single small ring: what is
// not used any more is removed from xenstore.
inline void restart(Life& life) {
  life.backend.behaviour.hold = true;
  if (life.disk->up()) life.submit(block::Operation::kWrite, 8, 15 * kPageSize);
  life.backend.disconnect();
  for (const auto& key : std::exchange(life.backend.offered.early, {})) {
    life.machine.xenstore.store().remove(life.backend.bus().backend + "/" + key.first);
  }
  life.backend.behaviour.hold = false;
  life.backend.offer();
  life.machine.settle();
}

inline void live_through_everything(Life& life) {
  life.connect();
  traffic_of_every_kind(life);
  resize(life, "8192");
  traffic_of_every_kind(life);
  restart(life);
  traffic_of_every_kind(life);
  life.disk->remove();
  life.machine.settle();
}

}  // namespace pvk::fakes
