// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What the client waits for on its own account: an answer that does not come must not keep it for
// ever. Its callers' requests are the callers' to abandon.
#include "frontends/xenbus/xs_client.h"

namespace pvk::xs {

bool Client::wants_ticks() const {
  switch (state_) {
    case State::kReconnecting:
    case State::kProbing: return true;
    case State::kConnected: return own_ != Own::kNone;
    case State::kClosed:
    case State::kBroken: break;
  }
  return false;
}

void Client::tick(u32 patience) {
  if (state_ == State::kProbing) {
    look_further();
  } else if (state_ == State::kConnected && own_ != Own::kNone && ++own_age_ > patience) {
    break_off(Fault::kSilent);
  }
}

// What was sent to find the beginning of a message was taken. Without an answer to the first zeros
// or to the probe, they became the rest of somebody's message.
void Client::look_further() {
  if (out_length_ != 0 || (search_.found() && own_ == Own::kNone)) return;  // more goes out first
  const Result<bool> taken = ring_.all_taken();
  if (!taken.ok()) return break_off(Fault::kRequestIndex);
  if (!taken.value()) return;  // the server does not act: nothing is to be learned
  if (own_ == Own::kProbe || search_.waits_for_first()) {
    if (++own_age_ <= kProbePatience) return;
    own_ = Own::kNone;  // a late answer is passed over
  }
  compose_zeros(search_.next());
}

}  // namespace pvk::xs
