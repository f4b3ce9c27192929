// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What the OS asks of a block queue, and what the queue remembers of it while it is in flight.
#pragma once

#include "frontends/block/segment_pool.h"
#include "pvkit/atomic.h"

namespace pvk::block {

// As on the wire (blkif.h, BLKIF_OP_*), but for the last, which is a flag of a discard there.
enum class Operation : u8 {
  kRead = BLKIF_OP_READ,
  kWrite = BLKIF_OP_WRITE,
  kBarrierWrite = BLKIF_OP_WRITE_BARRIER,
  kFlush = BLKIF_OP_FLUSH_DISKCACHE,
  kDiscard = BLKIF_OP_DISCARD,
  kSecureDiscard,
};

struct Request {
  u32 tag = 0;  // below the queue's depth, not in flight: its id on the ring
  Operation operation = Operation::kRead;
  u64 sector = 0;        // of 512 bytes
  u64 sector_count = 0;  // kDiscard only
};

// A piece of a request's data: whole sectors, within one page.
struct Segment {
  void* address = nullptr;
  u32 length = 0;  // bytes
};

enum class Outcome : u8 { kDone, kFailed, kUnsupported };

// Written by the producer while in_flight is 0 and by the consumer while it is 1; in_flight itself
// hands the record over in both directions. Never in two cache lines.
struct alignas(32) Flight {
  Atomic<u8> in_flight;
  u8 afterwards = 0;                   // of these two, what a good answer leaves to be done
  static constexpr u8 kCopyBack = 1;   // a read whose data arrives in our pages
  static constexpr u8 kEndGrants = 2;  // the data was granted for this request alone
  u32 segments = 0;
  Chain data;
  Chain indirect;
};

}  // namespace pvk::block
