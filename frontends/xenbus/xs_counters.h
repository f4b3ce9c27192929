// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What happened on the xenstore connection. docs/xenstore.md says what each one means.
#pragma once

#include "pvkit/types.h"

namespace pvk::xs {

// How a server can break the protocol, and end the connection.
enum class Fault : u8 {
  kRequestIndex,   // it took more than we wrote, or took something back
  kResponseIndex,  // it shows more than the ring holds, or less than before
  kLength,         // a message longer than XENSTORE_PAYLOAD_MAX
  kUnknownId,      // a reply to nothing, or a second one
  kWrongType,      // a reply of another type than its request
  kBadReply,       // a transaction that is no number
  kBadEvent,       // a watch event that has no path and token
  kServerError,    // the server itself says so in the page
  kSilent,         // more abandoned requests than are remembered, and no answer to one of them
};
constexpr u32 kFaults = 9;

const char* name_of(Fault fault);

struct Counters {
  u64 requests = 0;        // composed for the wire, those of the client's own included
  u64 replies = 0;         // that a request got
  u64 errors = 0;          // of these, XS_ERROR
  u64 cut = 0;             // replies that did not fit
  u64 abandoned = 0;       // requests given up by their callers
  u64 late = 0;            // replies to those
  u64 events = 0;          // watch events that came
  u64 events_unknown = 0;  // whose token nobody has
  u64 connections = 0;     // how often one was made
  u64 sent_again = 0;      // requests, because the connection went
  u64 failed = 0;          // requests that could not be sent again
  u64 not_watched = 0;     // watches that the server refused to take again
  u64 passed_over = 0;     // bytes thrown away while looking for where messages begin
  u64 faults[kFaults] = {};
};

}  // namespace pvk::xs
