// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Every function of platform.h, on the model. No call does more than the contract says.
#include "pvkit/platform.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "fakes/machine.h"

using pvk::fakes::AtomicContext;
using pvk::fakes::Call;
using pvk::fakes::kGuest;
using pvk::fakes::Machine;
using pvk::fakes::Owner;

struct pvk_event {
  pvk::Port port;
};

namespace {

Machine& machine() { return Machine::current(); }

Machine& sleeper(const char* call) {
  if (AtomicContext::active()) {
    machine().violations.add(std::string(call) + " may sleep and was called where nothing may");
  }
  return machine();
}

std::string path_of(const pvk_bus* bus, int side, const char* key) {
  return (side == PVK_BACKEND ? bus->backend : bus->frontend) + "/" + key;
}

}  // namespace

void* pvk_alloc(pvk_size bytes) {
  Machine& m = sleeper("pvk_alloc");
  return m.faults.check(Call::kAlloc) != 0 ? nullptr : m.allocate(bytes);
}

void pvk_free(void* memory) { machine().free(memory); }

void* pvk_pages_alloc(unsigned int count, int may_sleep) {
  Machine& m = may_sleep != 0 ? sleeper("pvk_pages_alloc") : machine();
  return m.faults.check(Call::kPagesAlloc) != 0 ? nullptr
                                                : m.memory.allocate(count, Owner::kRuntime);
}

void pvk_pages_free(void* pages, unsigned int count) {
  machine().memory.free(pages, count, Owner::kRuntime);
}

pvk_u64 pvk_gfn(const void* address) { return machine().memory.gfn_of(address); }

int pvk_grant_reserve(unsigned int count, pvk_u32* first) {
  Machine& m = sleeper("pvk_grant_reserve");
  const int error = m.faults.check(Call::kGrantReserve);
  return error != 0 ? -error : m.grants.reserve(count, first);
}

void pvk_grant_release(pvk_u32 first, unsigned int count) {
  machine().grants.release(first, count);
}

void pvk_grant_publish(pvk_u32 ref, pvk_u16 domid, pvk_u64 gfn, int readonly) {
  machine().grants.publish(ref, domid, gfn, readonly != 0);
}

int pvk_grant_revoke(pvk_u32 ref) {
  Machine& m = machine();
  const int error = m.faults.check(Call::kGrantRevoke);
  return error != 0 ? -error : m.grants.revoke(ref);
}

int pvk_grant_end(pvk_u32 ref) {
  const int error = pvk_grant_revoke(ref);
  if (error == 0) pvk_grant_release(ref, 1);
  return error;
}

void pvk_grant_park(pvk_u32 ref, void* page, int owned) { machine().park(ref, page, owned != 0); }

int pvk_event_open(pvk_bus* bus, pvk_upcall upcall, void* context, pvk_event** event) {
  Machine& m = sleeper("pvk_event_open");
  const int error = m.faults.check(Call::kEventOpen);
  if (error != 0) return -error;
  const auto port = m.events.alloc_unbound(kGuest, bus->backend_domid, [&m, upcall, context] {
    const AtomicContext interrupt;
    ++m.upcalls;
    if (upcall(context) == 0) ++m.upcalls_without_work;
  });
  *event = new pvk_event{*port};
  return 0;
}

void pvk_event_close(pvk_event* event) {
  sleeper("pvk_event_close").events.close(kGuest, event->port);
  delete event;
}

pvk_u32 pvk_event_port(const pvk_event* event) { return event->port; }

void pvk_event_notify(pvk_event* event) { machine().events.send(kGuest, event->port); }

int pvk_xs_read(pvk_bus* bus, int side, const char* key, char* buffer, pvk_size capacity) {
  Machine& m = sleeper("pvk_xs_read");
  const int error = m.faults.check(Call::kXsRead);
  if (error != 0) return -error;
  const pvk::fakes::XsReply reply = m.guest_xenstore.read(path_of(bus, side, key));
  if (reply.error != 0) return -reply.error;
  if (reply.value.size() > capacity) return -PVK_ERANGE;
  reply.value.copy(buffer, reply.value.size());  // without a NUL, as platform.h says
  return static_cast<int>(reply.value.size());
}

int pvk_xs_write(pvk_bus* bus, pvk_u32 transaction, const char* key, const char* value) {
  Machine& m = sleeper("pvk_xs_write");
  const int error = m.faults.check(Call::kXsWrite);
  if (error != 0) return -error;
  return -m.guest_xenstore.write(path_of(bus, PVK_FRONTEND, key), value, transaction);
}

int pvk_xs_remove(pvk_bus* bus, pvk_u32 transaction, const char* key) {
  Machine& m = sleeper("pvk_xs_remove");
  const int error = m.faults.check(Call::kXsRemove);
  if (error != 0) return -error;
  return -m.guest_xenstore.remove(path_of(bus, PVK_FRONTEND, key), transaction);
}

int pvk_xs_begin(pvk_bus* /*bus*/, pvk_u32* transaction) {
  Machine& m = sleeper("pvk_xs_begin");
  const int error = m.faults.check(Call::kXsBegin);
  return error != 0 ? -error : -m.guest_xenstore.begin(transaction);
}

int pvk_xs_end(pvk_bus* /*bus*/, pvk_u32 transaction, int commit) {
  Machine& m = sleeper("pvk_xs_end");
  const int error = m.faults.check(Call::kXsEnd);
  // Whatever becomes of it, a transaction that was ended is over.
  const int result = m.guest_xenstore.end(transaction, error == 0 && commit != 0);
  return error != 0 ? -error : -result;
}

int pvk_xs_set_state(pvk_bus* bus, int state) {
  Machine& m = sleeper("pvk_xs_set_state");
  const int error = m.faults.check(Call::kXsSetState);
  if (error != 0) return -error;
  return -m.guest_xenstore.write(bus->frontend + "/state", std::to_string(state));
}

pvk_u16 pvk_bus_backend_domid(const pvk_bus* bus) { return bus->backend_domid; }

const char* pvk_bus_name(const pvk_bus* bus) { return bus->name.c_str(); }

pvk_u64 pvk_time_ns(void) { return machine().now(); }

void pvk_log(int level, const char* device, const char* format, ...) {
  char text[512];
  va_list arguments;
  va_start(arguments, format);
  std::vsnprintf(text, sizeof(text), format, arguments);
  va_end(arguments);
  machine().log({level, device, text});
}

void pvk_panic(const char* why) {
  std::fprintf(stderr, "pvk_panic: %s\n", why);
  std::abort();
}
