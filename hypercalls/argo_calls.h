// SPDX-License-Identifier: MIT OR GPL-2.0-only
// argo_op (xen/argo.h): messages between domains, copied by Xen. kNotSupported where Xen is built
// or booted without it.
#pragma once

#include "hypercalls/calls.h"

#include <xen/argo.h>

namespace pvk {

struct ArgoRing {
  u32 port = 0;
  DomId partner = 0;  // who may send, or XEN_ARGO_DOMID_ANY
};

// Gives Xen a ring of `bytes` in these frames. kExists when there is one; `replace` takes its
// place instead, as after a restore.
template <HypercallTransport T>
Status register_argo_ring(T& transport, const ArgoRing& ring, Span<u64> gfns, u32 bytes,
                          bool replace) {
  xen_argo_register_ring_t argument{};
  argument.aport = ring.port;
  argument.partner_id = ring.partner;
  argument.len = bytes;
  const u64 flags = replace ? 0 : XEN_ARGO_REGISTER_FLAG_FAIL_EXIST;
  return to_status(transport.call(__HYPERVISOR_argo_op, XEN_ARGO_OP_register_ring,
                                  address_of(argument), address_of(gfns), gfns.size(), flags));
}

template <HypercallTransport T>
Status unregister_argo_ring(T& transport, const ArgoRing& ring) {
  xen_argo_unregister_ring_t argument{};
  argument.aport = ring.port;
  argument.partner_id = ring.partner;
  return to_status(transport.call(__HYPERVISOR_argo_op, XEN_ARGO_OP_unregister_ring,
                                  address_of(argument), 0, 0, 0));
}

// Sends the pieces as one message and returns its length. kBusy: no room in the ring now, VIRQ_ARGO
// will say when there is. kMissing: nobody has such a ring.
template <HypercallTransport T>
Result<u32> argo_send(T& transport, const xen_argo_send_addr_t& address,
                      Span<xen_argo_iov_t> pieces, u32 message_type) {
  return to_number<u32>(transport.call(__HYPERVISOR_argo_op, XEN_ARGO_OP_sendv, address_of(address),
                                       address_of(pieces), pieces.size(), message_type));
}

// Asks about other rings: `data.nent` entries of `data.data` get XEN_ARGO_RING_* flags. nullptr
// only has our own rings looked at for who waits to send.
template <HypercallTransport T>
Status argo_notify(T& transport, xen_argo_ring_data_t* data) {
  return to_status(transport.call(__HYPERVISOR_argo_op, XEN_ARGO_OP_notify,
                                  reinterpret_cast<uintptr_t>(data), 0, 0, 0));
}

}  // namespace pvk
