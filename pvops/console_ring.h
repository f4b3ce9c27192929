// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The guest's end of the paravirtual console: two rings of characters in one page
// (xen/io/console.h) that a daemon in another domain serves. Its indexes are checked each time they
// are read, ours are kept here and only shown to it.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/io/console.h>

#include "pvkit/atomic.h"
#include "pvkit/result.h"
#include "pvkit/span.h"

namespace pvk {

// One producer (write, room, drained) and one consumer (read) at a time; the two may run at once.
class ConsoleRing {
 public:
  static constexpr u32 kInSize = sizeof(xencons_interface::in);
  static constexpr u32 kOutSize = sizeof(xencons_interface::out);

  // Goes on where the firmware, or who had the console before, stopped. Indexes that make no sense
  // are thrown away with what they pointed to. The daemon may be at work already.
  void attach(xencons_interface& page) {
    page_ = &page;
    out_produced_ = peek(page.out_prod);
    if (out_produced_ - peek(page.out_cons) > kOutSize) {
      out_produced_ = peek(page.out_cons);
      publish(page.out_prod, out_produced_);  // nothing is shown with it
    }
    seen_consumed_ = peek(page.out_cons);
    in_consumed_ = peek(page.in_cons);
    if (peek(page.in_prod) - in_consumed_ > kInSize) {
      in_consumed_ = peek(page.in_prod);
      publish(page.in_cons, in_consumed_);  // nothing was read
    }
  }

  // How many characters can be written now. kBackendProtocol: the daemon claims to have read what
  // was not written.
  Result<u32> room() const {
    return room_after(observe(page_->out_cons));  // it has read what we write over after it
  }

  // Whether the daemon has read anything since this was asked last: then somebody who found no room
  // may try again. How much room there is does not tell, as a daemon that reads all that was
  // written leaves as much as there was before.
  Result<bool> drained() {
    const u32 consumed = observe(page_->out_cons);
    const Result<u32> free = room_after(consumed);
    if (!free.ok()) return free.error();
    const bool moved = consumed != seen_consumed_;
    seen_consumed_ = consumed;
    return moved;
  }

  // Writes as many as there is room for, and returns how many. Notify the daemon if it is not 0.
  Result<u32> write(Span<const char> text) {
    const Result<u32> free = room();
    if (!free.ok()) return free;
    const u32 count = static_cast<u32>(min(u64{free.value()}, u64{text.size()}));
    for (u32 i = 0; i < count; ++i) page_->out[(out_produced_ + i) % kOutSize] = text[i];
    out_produced_ += count;
    publish(page_->out_prod, out_produced_);  // the characters are in place before it shows them
    return count;
  }

  // Takes as many as are there and fit, and returns how many. Notify the daemon if it is not 0.
  Result<u32> read(Span<char> buffer) {
    const u32 waiting = observe(page_->in_prod) - in_consumed_;  // the characters are read after it
    if (waiting > kInSize) return Error::kBackendProtocol;
    const u32 count = static_cast<u32>(min(u64{waiting}, u64{buffer.size()}));
    for (u32 i = 0; i < count; ++i) buffer[i] = peek(page_->in[(in_consumed_ + i) % kInSize]);
    in_consumed_ += count;
    publish(page_->in_cons, in_consumed_);  // we have read what the daemon may write over now
    return count;
  }

 private:
  Result<u32> room_after(u32 consumed) const {
    const u32 used = out_produced_ - consumed;
    if (used > kOutSize) return Error::kBackendProtocol;
    return kOutSize - used;
  }

  xencons_interface* page_ = nullptr;
  u32 out_produced_ = 0;
  u32 seen_consumed_ = 0;  // of the daemon, by drained()
  u32 in_consumed_ = 0;
};

static_assert((ConsoleRing::kInSize & (ConsoleRing::kInSize - 1)) == 0, "indexes wrap at 2^32");
static_assert((ConsoleRing::kOutSize & (ConsoleRing::kOutSize - 1)) == 0);

}  // namespace pvk
