// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a queue did, for the user to read. Each half has one writer; docs/block-frontend.md and
// docs/counters.md say what each means.
#pragma once

#include "pvkit/atomic.h"

namespace pvk::block {

using Counter = Atomic<u64>;

struct ProducerCounters {
  Counter requests;          // put into the ring
  Counter indirect;          // of these, with an indirect page
  Counter publishes;         // times req_prod moved
  Counter notifications;     // events sent to the backend
  Counter busy;              // requests that had to wait for pages or grants
  Counter grants_published;  // grant entries written
};

struct ConsumerCounters {
  Counter responses;
  Counter errors;          // responses with an error status
  Counter upcalls;         // events received
  Counter idle_upcalls;    // of these, with no response waiting
  Counter grants_revoked;  // grant entries cleared
  Counter parked;          // of these, refused: the backend kept the page
  // Responses that broke the protocol, by what was wrong.
  Counter bad_index;   // rsp_prod beyond the ring or backwards
  Counter bad_id;      // an id that no request can have
  Counter idle_id;     // the id of a request that is not in flight
  Counter bad_status;  // a status that the protocol does not know
};

}  // namespace pvk::block
