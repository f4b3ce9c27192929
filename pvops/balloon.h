// SPDX-License-Identifier: MIT OR GPL-2.0-only
// How much memory to give back to Xen, or to take again, and when. All numbers are pages unless
// they say KiB. The port allocates and frees; nothing here touches memory.
//
// What is given up is counted, not what is left: a guest does not see all of what Xen counts as its
// memory (video memory, firmware), but a page that it gave up is one page for both.
#pragma once

#include "hypercalls/memory_calls.h"

namespace pvk {

constexpr u64 kPagesPerMiB = 256;
// One step: a page full of frame numbers, and short enough for others to get the CPU in between.
constexpr u64 kBalloonBatch = 512;

// What the toolstack says in xenstore's memory/, in KiB. Guests with populate-on-demand memory
// start with less than their most and must give the difference up before they have touched it.
struct BalloonOrder {
  u64 static_max = 0;
  u64 video_ram = 0;  // counted within static_max and never part of a target
  u64 target = 0;
};

// How many pages are to be given up.
constexpr u64 pages_to_give_up(const BalloonOrder& order) {
  const u64 most = order.static_max - min(order.static_max, order.video_ram);
  return (most - min(most, order.target)) / (kPageSize / 1024);
}

// What the guest has. `total`: what it would have with nothing given up.
struct BalloonView {
  u64 total = 0;
  u64 given = 0;
  u64 available = 0;  // can be had without hurting anybody (MemAvailable in Linux)
};

// A kernel needs memory to describe memory (1/64 of it in Linux), and programs need some to run at
// all: no target makes the guest smaller than this.
constexpr u64 smallest_guest(u64 total) { return 24 * kPagesPerMiB + total / 16; }

// What stays available while memory is given up, so that the next allocation of somebody else does
// not end in the arms of the OOM killer.
constexpr u64 kept_available(u64 total) {
  return min(16 * kPagesPerMiB + total / 64, 256 * kPagesPerMiB);
}

// At most this many pages more may be given up now.
constexpr u64 room_to_give(const BalloonView& view) {
  const u64 left = view.total - min(view.total, view.given);
  const u64 above_smallest = left - min(left, smallest_guest(view.total));
  const u64 spare = view.available - min(view.available, kept_available(view.total));
  return min(above_smallest, spare);
}

struct BalloonStep {
  enum class Kind : u8 { kRest, kGive, kTake };
  Kind kind = Kind::kRest;
  u64 pages = 0;
};

// The way to the target, step by step.
class Balloon {
 public:
  static constexpr u32 kFirstDelay = 1000;  // milliseconds
  static constexpr u32 kLongestDelay = 32'000;
  static constexpr u32 kAfterPressure = 10'000;
  // At the target, or as near as it will get without being told anew.
  static constexpr u32 kDone = ~u32{0};

  // A new order is tried at once, whatever failed before.
  void set_wanted(u64 pages) {
    wanted_ = pages;
    delay_ = 0;
  }
  u64 wanted() const { return wanted_; }

  BalloonStep next(const BalloonView& view) const;

  // How it went: milliseconds until the next step is worth while, or kDone.
  u32 finished(const BalloonStep& step, u64 pages_done, const BalloonView& view);

  // The system ran out of memory: how many pages to take back for it at once. Nothing is given up
  // for a while then, see finished().
  u64 pressed(const BalloonView& view) {
    under_pressure_ = true;
    return min(view.given, kBalloonBatch);
  }

 private:
  u32 back_off();

  u64 wanted_ = 0;
  u32 delay_ = 0;
  bool under_pressure_ = false;
};

// What a port writes into its record of a page that it gave up, and where this owner finds those of
// one before it, which left without getting them back. Such a page counts as given: without that
// they would be given up once more, and so at each load of a module. The mark is the page's own,
// so nothing that another part of the OS keeps in that place is taken for it.
constexpr u64 given_up_mark(u64 gfn) { return 0x7076'6b69'7462'616c ^ gfn; }
constexpr bool is_given_up(u64 gfn, u64 word) { return word == given_up_mark(gfn); }

// Gives the memory behind these frames to Xen: returns how many, from the first on. The rest still
// have theirs.
template <HypercallTransport T>
u64 give_up_frames(T& transport, Span<u64> gfns) {
  return min(decrease_reservation(transport, gfns).value_or(0), u64{gfns.size()});
}

// Puts memory behind these frames again: returns how many, from the first on. The rest must not be
// touched.
template <HypercallTransport T>
u64 take_back_frames(T& transport, Span<u64> gfns) {
  return min(populate_physmap(transport, gfns).value_or(0), u64{gfns.size()});
}

}  // namespace pvk
