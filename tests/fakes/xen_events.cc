// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_events.h"

#include <xen/errno.h>

#include <string>

namespace pvk::fakes {
namespace {

bool test_bit(const u8* bits, Port port) {
  return (__atomic_load_n(bits + port / 8, __ATOMIC_SEQ_CST) >> port % 8 & 1) != 0;
}
// Both say whether the bit was set before.
bool set_bit(u8* bits, Port port) {
  const u8 bit = static_cast<u8>(1 << port % 8);
  return (__atomic_fetch_or(bits + port / 8, bit, __ATOMIC_SEQ_CST) & bit) != 0;
}
bool clear_bit(u8* bits, Port port) {
  const u8 bit = static_cast<u8>(1 << port % 8);
  return (__atomic_fetch_and(bits + port / 8, static_cast<u8>(~bit), __ATOMIC_SEQ_CST) & bit) != 0;
}

// Those that each vCPU has for itself (xen/xen.h, "V." in the list of VIRQs).
bool is_per_vcpu(u32 virq) {
  return virq == VIRQ_TIMER || virq == VIRQ_DEBUG || virq == VIRQ_XENOPROF || virq == VIRQ_XENPMU;
}

template <class Call>
Call& as(void* argument) {
  return *static_cast<Call*>(argument);
}

}  // namespace

long XenEvents::refuse(long error, const char* what) {
  violations_.add(std::string("event_channel_op: ") + what);
  return -error;
}

long XenEvents::operation(u64 operation, void* argument) {
  switch (operation) {
    case EVTCHNOP_alloc_unbound: return alloc_unbound(as<evtchn_alloc_unbound>(argument));
    case EVTCHNOP_bind_interdomain: return bind_interdomain(as<evtchn_bind_interdomain>(argument));
    case EVTCHNOP_bind_virq: return bind_virq(as<evtchn_bind_virq>(argument));
    case EVTCHNOP_bind_ipi: return bind_ipi(as<evtchn_bind_ipi>(argument));
    case EVTCHNOP_close: {
      const Port port = as<evtchn_close>(argument).port;
      if (find(self_, port) == nullptr) return refuse(XEN_EINVAL, "close of a port that is closed");
      close(self_, port);
      return 0;
    }
    case EVTCHNOP_send: return send(as<evtchn_send>(argument));
    case EVTCHNOP_status: return status(as<evtchn_status>(argument));
    case EVTCHNOP_bind_vcpu: return bind_vcpu(as<evtchn_bind_vcpu>(argument));
    case EVTCHNOP_unmask: return unmask(as<evtchn_unmask>(argument));
    case EVTCHNOP_set_priority: return set_priority(as<evtchn_set_priority>(argument));
    case EVTCHNOP_init_control: return init_control(as<evtchn_init_control>(argument));
    case EVTCHNOP_expand_array: return expand_array(as<evtchn_expand_array>(argument));
    case EVTCHNOP_reset:
      if (as<evtchn_reset>(argument).dom != DOMID_SELF) return refuse(XEN_EPERM, "reset of others");
      while (open() != 0) close(self_, ports_[self_].begin()->first);
      fifo_.reset();
      return 0;
    case EVTCHNOP_bind_pirq: return refuse(XEN_EINVAL, "no such physical interrupt");
    default: return refuse(XEN_ENOSYS, "unknown operation");
  }
}

XenEvents::Channel* XenEvents::find(DomId domain, Port port) {
  const auto found = ports_[domain].find(port);
  return found == ports_[domain].end() ? nullptr : &found->second;
}

Port XenEvents::free_port(DomId domain) {
  const Port ports = fifo_.is_on() ? EVTCHN_FIFO_NR_CHANNELS : vcpus_.ports();
  const Port end = limit_ != 0 && domain == self_ ? limit_ + 1 : ports;
  for (Port port = 1; port < end; ++port) {
    if (ports_[domain].contains(port)) continue;
    if (domain != self_ || !fifo_.is_busy(port)) return port;
  }
  return 0;
}

Port XenEvents::add(DomId domain, const Channel& channel) {
  const Port port = free_port(domain);
  if (port == 0) return 0;
  ports_[domain][port] = channel;
  if (domain == self_) {
    clear_pending(port);
    fifo_.add_port(port);
  }
  return port;
}

// The other end is unbound again and waits for a new connection.
void XenEvents::close(DomId domain, Port port) {
  Channel* const channel = find(domain, port);
  if (channel->state == EVTCHNSTAT_interdomain) {
    if (Channel* const other = find(channel->remote, channel->remote_port); other != nullptr) {
      other->state = EVTCHNSTAT_unbound;
      other->remote = domain;
      other->remote_port = 0;
    }
  }
  ports_[domain].erase(port);
  if (domain == self_) clear_pending(port);
}

void XenEvents::clear_pending(Port port) {
  if (fifo_.is_on()) {
    fifo_.clear_pending(port);
  } else {
    clear_bit(vcpus_.pending_bits(), port);
  }
}

void XenEvents::set_pending(Port port, const Channel& channel) {
  if (fifo_.is_on()) {
    fifo_.set_pending(port, channel.vcpu);
    return;
  }
  if (port >= vcpus_.ports() || set_bit(vcpus_.pending_bits(), port)) return;
  if (!test_bit(vcpus_.mask_bits(), port)) vcpus_.select(channel.vcpu, port / vcpus_.word_bits());
}

void XenEvents::deliver(DomId domain, Port port) {
  Channel* const channel = find(domain, port);
  if (channel == nullptr) return;
  ++channel->received;
  if (domain == self_) {
    set_pending(port, *channel);
  } else if (on_receive) {
    on_receive(domain, port);
  }
}

long XenEvents::alloc_unbound(evtchn_alloc_unbound& call) {
  if (call.dom != DOMID_SELF) return refuse(XEN_EPERM, "a port for another domain");
  Channel channel;
  channel.state = EVTCHNSTAT_unbound;
  channel.remote = call.remote_dom == DOMID_SELF ? self_ : call.remote_dom;
  call.port = add(self_, channel);
  return call.port != 0 ? 0 : -XEN_ENOSPC;
}

long XenEvents::bind_interdomain(evtchn_bind_interdomain& call) {
  const DomId remote = call.remote_dom == DOMID_SELF ? self_ : call.remote_dom;
  if (!ports_.contains(remote)) return refuse(XEN_ESRCH, "no such domain");
  Channel* const other = find(remote, call.remote_port);
  if (other == nullptr || other->state != EVTCHNSTAT_unbound || other->remote != self_) {
    return refuse(XEN_EINVAL, "the remote port does not accept a binding");
  }
  Channel channel;
  channel.state = EVTCHNSTAT_interdomain;
  channel.remote = remote;
  channel.remote_port = call.remote_port;
  call.local_port = add(self_, channel);
  if (call.local_port == 0) return -XEN_ENOSPC;
  other->state = EVTCHNSTAT_interdomain;
  other->remote_port = call.local_port;
  deliver(self_, call.local_port);  // somebody may have sent before (event_channel.h)
  return 0;
}

long XenEvents::bind_virq(evtchn_bind_virq& call) {
  if (call.virq >= NR_VIRQS) return refuse(XEN_EINVAL, "no such VIRQ");
  if (!vcpus_.exists(call.vcpu)) return refuse(XEN_ENOENT, "VIRQ on a vCPU that is not there");
  if (!is_per_vcpu(call.virq) && call.vcpu != 0) {
    return refuse(XEN_EINVAL, "a global VIRQ is bound on vCPU 0");
  }
  for (const auto& [port, channel] : ports_[self_]) {
    if (channel.state == EVTCHNSTAT_virq && channel.virq == call.virq &&
        (channel.vcpu == call.vcpu || !is_per_vcpu(call.virq))) {
      return refuse(XEN_EEXIST, "the VIRQ is bound already");
    }
  }
  Channel channel;
  channel.state = EVTCHNSTAT_virq;
  channel.virq = call.virq;
  channel.vcpu = call.vcpu;
  call.port = add(self_, channel);
  return call.port != 0 ? 0 : -XEN_ENOSPC;
}

long XenEvents::bind_ipi(evtchn_bind_ipi& call) {
  if (!vcpus_.exists(call.vcpu)) return refuse(XEN_ENOENT, "IPI on a vCPU that is not there");
  Channel channel;
  channel.state = EVTCHNSTAT_ipi;
  channel.vcpu = call.vcpu;
  call.port = add(self_, channel);
  return call.port != 0 ? 0 : -XEN_ENOSPC;
}

long XenEvents::send(const evtchn_send& call) {
  const Channel* const channel = find(self_, call.port);
  if (channel == nullptr) return refuse(XEN_EINVAL, "send on a port that is closed");
  switch (channel->state) {
    case EVTCHNSTAT_interdomain: deliver(channel->remote, channel->remote_port); return 0;
    case EVTCHNSTAT_ipi: deliver(self_, call.port); return 0;
    case EVTCHNSTAT_unbound: return 0;  // dropped: the other end is not there yet, or no longer
    default: return refuse(XEN_EINVAL, "send on a port of an interrupt");
  }
}

long XenEvents::status(evtchn_status& call) {
  if (call.dom != DOMID_SELF) return refuse(XEN_EPERM, "status of another domain's port");
  const Port port = call.port;
  const Channel* const channel = find(self_, port);
  call = {};
  call.dom = DOMID_SELF;
  call.port = port;
  if (channel == nullptr) return 0;
  call.status = channel->state;
  call.vcpu = channel->vcpu;
  if (channel->state == EVTCHNSTAT_unbound) call.u.unbound.dom = channel->remote;
  if (channel->state == EVTCHNSTAT_virq) call.u.virq = channel->virq;
  if (channel->state == EVTCHNSTAT_interdomain) {
    call.u.interdomain.dom = channel->remote;
    call.u.interdomain.port = channel->remote_port;
  }
  return 0;
}

long XenEvents::bind_vcpu(const evtchn_bind_vcpu& call) {
  Channel* const channel = find(self_, call.port);
  if (!vcpus_.exists(call.vcpu)) return refuse(XEN_ENOENT, "binding to a vCPU that is not there");
  if (channel == nullptr) return refuse(XEN_EINVAL, "binding a port that is closed");
  if (channel->state == EVTCHNSTAT_ipi ||
      (channel->state == EVTCHNSTAT_virq && is_per_vcpu(channel->virq))) {
    return refuse(XEN_EINVAL, "the port is its vCPU's own");
  }
  channel->vcpu = call.vcpu;
  return 0;
}

long XenEvents::unmask(const evtchn_unmask& call) {
  const Channel* const channel = find(self_, call.port);
  if (channel == nullptr) return refuse(XEN_EINVAL, "unmask of a port that is closed");
  if (fifo_.is_on()) {
    fifo_.unmask(call.port, channel->vcpu);
    return 0;
  }
  // Only of a port that it finds masked does Xen think that nobody was told of the event.
  if (!clear_bit(vcpus_.mask_bits(), call.port)) return 0;
  if (test_bit(vcpus_.pending_bits(), call.port)) {
    vcpus_.select(channel->vcpu, call.port / vcpus_.word_bits());
  }
  return 0;
}

long XenEvents::set_priority(const evtchn_set_priority& call) {
  if (find(self_, call.port) == nullptr) return refuse(XEN_EINVAL, "priority of a closed port");
  const long result = fifo_.set_priority(call.port, call.priority);
  return result == 0 ? 0 : refuse(-result, "priority that cannot be");
}

long XenEvents::init_control(evtchn_init_control& call) {
  std::set<Port> pending;
  if (!fifo_.is_on()) {
    for (const auto& [port, channel] : ports_[self_]) {
      if (test_bit(vcpus_.pending_bits(), port)) pending.insert(port);
    }
  }
  const bool first = !fifo_.is_on();
  const long result = fifo_.init_control(call, pending);
  if (result != 0) return refuse(-result, "control block");
  if (first) {
    for (const auto& [port, channel] : ports_[self_]) fifo_.add_port(port);
  }
  return 0;
}

long XenEvents::expand_array(const evtchn_expand_array& call) {
  const long result = fifo_.expand_array(call.array_gfn);
  return result == 0 ? 0 : refuse(-result, "array page");
}

Port XenEvents::remote_alloc(DomId owner) {
  Channel channel;
  channel.state = EVTCHNSTAT_unbound;
  channel.remote = self_;
  return add(owner, channel);
}

Port XenEvents::remote_bind(DomId owner, Port guest_port) {
  Channel* const guest = find(self_, guest_port);
  if (guest == nullptr || guest->state != EVTCHNSTAT_unbound || guest->remote != owner) return 0;
  Channel channel;
  channel.state = EVTCHNSTAT_interdomain;
  channel.remote = self_;
  channel.remote_port = guest_port;
  const Port port = add(owner, channel);
  guest->state = EVTCHNSTAT_interdomain;
  guest->remote_port = port;
  return port;
}

void XenEvents::remote_send(DomId owner, Port port) {
  const Channel* const channel = find(owner, port);
  if (channel != nullptr && channel->state == EVTCHNSTAT_interdomain) {
    deliver(channel->remote, channel->remote_port);
  }
}

void XenEvents::remote_close(DomId owner, Port port) {
  if (find(owner, port) != nullptr) close(owner, port);
}

u64 XenEvents::received(DomId owner, Port port) const {
  const auto domain = ports_.find(owner);
  if (domain == ports_.end() || !domain->second.contains(port)) return 0;
  return domain->second.at(port).received;
}

void XenEvents::raise_virq(u32 virq, u32 vcpu) {
  for (const auto& [port, channel] : ports_[self_]) {
    if (channel.state != EVTCHNSTAT_virq || channel.virq != virq) continue;
    if (is_per_vcpu(virq) && channel.vcpu != vcpu) continue;
    deliver(self_, port);
    return;
  }
}

bool XenEvents::is_pending(Port port) {
  if (!fifo_.is_on()) return test_bit(vcpus_.pending_bits(), port);
  const u32* const word = fifo_.word(port);
  return word != nullptr && (*word >> EVTCHN_FIFO_PENDING & 1) != 0;
}

bool XenEvents::is_masked(Port port) {
  if (!fifo_.is_on()) return test_bit(vcpus_.mask_bits(), port);
  const u32* const word = fifo_.word(port);
  return word == nullptr || (*word >> EVTCHN_FIFO_MASKED & 1) != 0;
}

bool XenEvents::any_pending(const Port* ports, u32 count) {
  for (u32 i = 0; i < count; ++i) {
    if (is_pending(ports[i])) return true;
  }
  return false;
}

u32 XenEvents::state(Port port) const {
  const auto mine = ports_.find(self_);
  if (mine == ports_.end() || !mine->second.contains(port)) return EVTCHNSTAT_closed;
  return mine->second.at(port).state;
}

u32 XenEvents::vcpu_of(Port port) const { return ports_.at(self_).at(port).vcpu; }

Port XenEvents::add_toolstack_port(DomId remote) {
  const Port theirs = remote_alloc(remote);
  Channel channel;
  channel.state = EVTCHNSTAT_interdomain;
  channel.remote = remote;
  channel.remote_port = theirs;
  const Port port = add(self_, channel);
  Channel* const other = find(remote, theirs);
  other->state = EVTCHNSTAT_interdomain;
  other->remote_port = port;
  return port;
}

void XenEvents::restore() {
  ports_.clear();
  fifo_.reset();
}

}  // namespace pvk::fakes
