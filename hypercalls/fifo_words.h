// SPDX-License-Identifier: MIT OR GPL-2.0-only
// One event word of the FIFO ABI (xen/event_channel.h): PENDING, MASKED, LINKED, BUSY and the port
// that follows in the queue. Xen writes to the word at the same time, so each change is one locked
// compare and exchange.
//
// Xen changes a word only a few times between two changes of ours: PENDING once, the link once,
// BUSY on and off. Who has lost more often than kTries is not playing with Xen.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/event_channel.h>

#include "hypercalls/shared_words.h"

namespace pvk::fifo {

constexpr u32 kTries = 16;
constexpr event_word_t kPending = 1u << EVTCHN_FIFO_PENDING;
constexpr event_word_t kMasked = 1u << EVTCHN_FIFO_MASKED;
constexpr event_word_t kLinked = 1u << EVTCHN_FIFO_LINKED;
constexpr event_word_t kBusy = 1u << EVTCHN_FIFO_BUSY;

// An event that is to be delivered: pending, and not masked.
constexpr bool is_event(event_word_t word) { return (word & (kPending | kMasked)) == kPending; }

// Takes the word out of its queue and, if the port is not masked, the event with it, in one step:
// a new event of the port is linked anew. `taken` is what stood there. False when the word is in no
// queue.
template <class Words>
bool take(event_word_t& word, event_word_t& taken) {
  taken = Words::read(word);
  for (u32 i = 0; i < kTries && (taken & kLinked) != 0; ++i) {
    event_word_t left = taken & ~(kLinked | event_word_t{EVTCHN_FIFO_LINK_MASK});
    if (is_event(taken)) left &= ~kPending;
    // Locked: the handler looks after the event is gone, so one that is sent later comes again.
    if (Words::replace(word, taken, left)) return true;
  }
  return false;
}

// Clears MASKED, unless an event waits: that one only Xen can link, so nothing is changed then and
// the answer is false. The same while Xen holds the word (BUSY), whose wish it is that we wait.
template <class Words>
bool unmask_idle(event_word_t& word) {
  event_word_t seen = Words::read(word);
  for (u32 i = 0; i < kTries; ++i) {
    if ((seen & kMasked) == 0) return true;
    if ((seen & (kPending | kBusy)) != 0) return false;
    // Xen's PENDING comes before this, and is seen, or after, and then it links the port itself.
    if (Words::replace(word, seen, seen & ~kMasked)) return true;
  }
  return false;
}

}  // namespace pvk::fifo
