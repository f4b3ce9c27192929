// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One queue on the least platform, and the least backend: it answers what is in the ring and looks
// at no data. Each stage can be run for the clock or step by step for the count.
#pragma once

#include <vector>

#include "bench/platform.h"
#include "bench/stepper.h"
#include "frontends/block/queue.h"

namespace pvk::bench {

struct Shape {
  block::DataMode mode = block::DataMode::kPersistent;
  block::Operation operation = block::Operation::kRead;
  u32 batch = 1;           // requests before a publish, and answers before an event
  u32 segments = 1;        // pages of a request
  GrantRef first_ref = 8;  // of the queue's reservations
  bool small_first =
      false;  // each tag has served a 4 KiB request before: its chain grew in two steps
};

// What one batch cost.
struct Cost {
  Steps submit, publish, next, rearm;
  PlatformCalls calls;
  u32 grant_lines = 0;  // cache lines of the grant table that one request wrote, the worst one

  Steps total() const;
};

class QueueRig {
 public:
  explicit QueueRig(const Shape& shape);
  QueueRig(const QueueRig&) = delete;
  QueueRig& operator=(const QueueRig&) = delete;
  ~QueueRig();

  // One batch at full speed, in its three stages.
  void produce();
  void answer();
  void consume();
  // The same, counted.
  Cost count();

 private:
  bool submit(u32 tag);

  Shape shape_;
  block::Queue queue_;
  std::vector<u8*> data_;  // a page for each segment of each request
  std::vector<block::Segment> segments_;
  u32 answered_ = 0;
};

// Cache lines of a version 1 grant table that these entries touch.
u32 grant_lines(const std::vector<GrantRef>& references);

}  // namespace pvk::bench
