// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The guest's side of xenstore: many requests at once over one page, their replies, and events.
//
// Nothing here waits, allocates or locks. Callers serialise all calls, submit requests, and call
// pump() afterwards and at each event of the store's channel; requests that are done and events
// that came are then taken out one by one. Time is the caller's: a request that takes too long is
// abandoned, and its late reply is swallowed; tick() says that a second went by.
#pragma once

#include "frontends/xenbus/xs_counters.h"
#include "frontends/xenbus/xs_ring.h"
#include "frontends/xenbus/xs_search.h"
#include "frontends/xenbus/xs_transactions.h"
#include "frontends/xenbus/xs_watches.h"
#include "pvkit/text.h"

namespace pvk::xs {

enum class State : u8 {
  kClosed,        // no page
  kConnected,     // requests and replies flow
  kReconnecting,  // the server was asked for a new connection and has not made it yet
  kProbing,       // the page is not new and the server makes no new connections: looking for where
                  // messages begin, both ways
  kBroken,        // the server broke the protocol; reconnect() goes on
};

class Client {
 public:
  // What a pump did, and what it asks for.
  struct Pumped {
    bool moved = false;  // bytes: notify the server, as docs/misc/xenstore-ring.txt of Xen wants it
    bool again = false;  // there may be more: pump again, but not before others had their turn
  };

  // `first_id`: hard to guess, so that what is left of an earlier owner's talk is not ours.
  explicit Client(u32 first_id) : next_id_(first_id) {}
  Client(const Client&) = delete;
  Client& operator=(const Client&) = delete;
  ~Client() = default;

  // ---- the connection; notify the server after each of these ---------------------------------

  // Begins on `page`, however an earlier owner left it.
  void start(Page* page);
  // Gives every request back as failed; watches stay in their list.
  void close();
  // Makes a new connection out of a broken, stuck or lost one.
  void reconnect();
  // Nothing is sent from now on but the rest of a message that was begun.
  void suspend() { suspended_ = true; }
  // No request is on the wire.
  bool quiet() const;
  // Every message that was begun is in the ring as a whole: somebody else may go on with the page.
  bool between_messages() const { return out_length_ == 0; }
  // After a suspend: the same stream goes on where the page says so, otherwise it is a new one.
  void resume(Page* page);
  State state() const { return state_; }
  // Once a second while it is wanted; pump() and notify afterwards. The client's own requests wait
  // for `patience` seconds.
  bool wants_ticks() const;
  void tick(u32 patience);

  // ---- requests ------------------------------------------------------------------------------

  void submit(Request& request);
  // The caller takes the request back, whatever state it is in. A reply is swallowed.
  void abandon(Request& request);
  Pumped pump();
  Request* take_done() { return done_.take_first(); }

  // ---- watches -------------------------------------------------------------------------------

  Watches& watches() { return watches_; }

  const Counters& counters() const { return counters_; }
  u32 open_transactions() const { return transactions_.count(); }

 private:
  // A request that the client makes for itself, one at a time.
  enum class Own : u8 { kNone, kProbe, kWatch, kEndTransaction };

  struct Abandoned {
    u32 id;
    u32 type;
  };
  static constexpr u32 kMostAbandoned = 64;
  static constexpr u32 kMostOrphans = Transactions::kMost + kMostAbandoned;
  static constexpr u32 kProbePatience = 2;  // ticks
  static constexpr u32 kRounds = 16;

  bool step();
  void break_off(Fault fault);
  void finish(Request& request, int error);

  // xs_client_send.cc
  bool send();
  bool compose();
  bool compose_probe();
  bool compose_zeros(u32 count);
  bool compose_own();
  bool compose_request();
  u32 compose(u32 type, u32 transaction, const Part* parts, u32 count);
  u32 take_id();
  void orphan(u32 number);

  // xs_client_receive.cc
  bool receive();
  bool have(u32 bytes, bool& moved);
  bool is_our_probe(const Header& header) const;
  void pass_over_one_byte(const Header& header);
  void take_message(const Header& header);
  void take_event(Span<const char> body);
  void take_reply(const Header& header, Span<const char> body);
  void take_own(const Header& header, Span<const char> body);
  bool take_abandoned(const Header& header, Span<const char> body);
  void complete(Request& request, const Header& header, Span<const char> body);
  int open_transaction(Span<const char>& body, Text<12>& handle);

  // xs_client_connect.cc
  void ask_for_connection();
  void connected();
  void lose_connection();
  void forget_stream();
  bool redo(Request& request);

  // xs_client_time.cc
  void look_further();

  Page* page_ = nullptr;
  Ring ring_;
  State state_ = State::kClosed;
  bool suspended_ = false;
  u32 reported_ = 0;      // faults that were logged, one bit each
  u32 server_error_ = 0;  // what the page said when the connection was made
  u32 next_id_;

  RequestList pending_;
  RequestList in_flight_;
  RequestList done_;
  Transactions transactions_;
  Watches watches_;
  Counters counters_;

  Own own_ = Own::kNone;
  u32 own_id_ = 0;
  u32 own_age_ = 0;  // in ticks
  Search search_;
  u32 orphans_[kMostOrphans] = {};  // transactions whose caller is gone, by the server's number
  u32 orphan_count_ = 0;
  Abandoned abandoned_[kMostAbandoned] = {};
  u32 abandoned_count_ = 0;

  u32 out_length_ = 0;  // 0: nothing is being sent
  u32 out_sent_ = 0;
  u32 in_length_ = 0;
  char out_[kMaxMessage];
  char in_[kMaxMessage];
};

}  // namespace pvk::xs
