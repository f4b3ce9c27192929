// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Event channels as Xen keeps them (xen/event_channel.h): ports of the guest, whose pending bits
// are in memory that the guest sees, 2-level or FIFO; and ports of other domains, which count what
// they were sent. Ports of both kinds are in one table by domain.
#pragma once

#include "fakes/xen_vcpus.h"

#include <xen/event_channel.h>

#include <functional>
#include <map>
#include <set>

#include "fakes/xen_fifo.h"

namespace pvk::fakes {

class XenEvents {
 public:
  XenEvents(Violations& violations, XenMemory& memory, XenVcpus& vcpus, DomId self)
      : violations_(violations), vcpus_(vcpus), fifo_(violations, memory, vcpus), self_(self) {}

  // event_channel_op, by the guest. A refusal is a violation, but for a full table.
  long operation(u64 operation, void* argument);

  // ---- other domains
  Port remote_alloc(DomId owner);                  // accepts a binding by the guest
  Port remote_bind(DomId owner, Port guest_port);  // 0 when the guest does not accept one
  void remote_send(DomId owner, Port port);
  void remote_close(DomId owner, Port port);
  u64 received(DomId owner, Port port) const;
  // Runs at each event that a domain gets; a backend that works in it answers at once.
  std::function<void(DomId owner, Port port)> on_receive;

  // ---- Xen
  // A virtual interrupt, for `vcpu` if it is of the kind that each vCPU has.
  void raise_virq(u32 virq, u32 vcpu = 0);
  bool is_pending(Port port);
  bool is_masked(Port port);
  bool any_pending(const Port* ports, u32 count);
  bool is_fifo() const { return fifo_.is_on(); }
  const XenFifo& fifo() const { return fifo_; }

  // ---- for accounts
  size_t open() const { return ports_.contains(self_) ? ports_.at(self_).size() : 0; }
  u32 state(Port port) const;  // EVTCHNSTAT_*
  u32 vcpu_of(Port port) const;
  // The guest can have so many ports.
  void limit(Port ports) { limit_ = ports; }
  // All ports are gone, and the FIFO with them.
  void restore();

  // The guest's ends of channels that a toolstack made: xenstore's and the console's.
  Port add_toolstack_port(DomId remote);

 private:
  struct Channel {
    u32 state = EVTCHNSTAT_closed;
    DomId remote = 0;
    Port remote_port = 0;
    u32 vcpu = 0;
    u32 virq = 0;
    u64 received = 0;
  };
  using Table = std::map<Port, Channel>;

  Channel* find(DomId domain, Port port);
  Port free_port(DomId domain);
  Port add(DomId domain, const Channel& channel);
  void close(DomId domain, Port port);
  // An event arrives at a port.
  void deliver(DomId domain, Port port);
  void set_pending(Port port, const Channel& channel);
  void clear_pending(Port port);
  long refuse(long error, const char* what);

  long alloc_unbound(evtchn_alloc_unbound& call);
  long bind_interdomain(evtchn_bind_interdomain& call);
  long bind_virq(evtchn_bind_virq& call);
  long bind_ipi(evtchn_bind_ipi& call);
  long send(const evtchn_send& call);
  long status(evtchn_status& call);
  long bind_vcpu(const evtchn_bind_vcpu& call);
  long unmask(const evtchn_unmask& call);
  long set_priority(const evtchn_set_priority& call);
  long init_control(evtchn_init_control& call);
  long expand_array(const evtchn_expand_array& call);

  Violations& violations_;
  XenVcpus& vcpus_;
  XenFifo fifo_;
  DomId self_;
  std::map<DomId, Table> ports_;
  Port limit_ = 0;
};

}  // namespace pvk::fakes
