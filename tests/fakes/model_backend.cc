// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/model_backend.h"

#include <xen/io/protocols.h>
#include <xen/io/xenbus.h>

#include <charconv>

namespace pvk::fakes {

ModelBackend::ModelBackend(Machine& machine, u32 virtual_device, u64 sectors)
    : machine_(machine), store_(machine.xenstore), disk_(sectors) {
  const std::string device = std::to_string(virtual_device);
  bus_.name = "vbd-" + device;
  bus_.frontend = "/local/domain/" + std::to_string(kGuest) + "/device/vbd/" + device;
  bus_.backend = "/local/domain/" + std::to_string(kBackend) + "/backend/vbd/" +
                 std::to_string(kGuest) + "/" + device;
  bus_.backend_domid = kBackend;
  store_.remove(bus_.frontend);  // of a device of that number that was there before
  store_.remove(bus_.backend);
  store_.write(bus_.frontend + "/backend", bus_.backend);
  store_.write(bus_.frontend + "/backend-id", std::to_string(kBackend));
  store_.write(bus_.frontend + "/virtual-device", device);
  store_.write(bus_.frontend + "/device-type", "disk");
  store_.write(bus_.frontend + "/state", "1");
  store_.write(bus_.backend + "/frontend", bus_.frontend);
  store_.write(bus_.backend + "/frontend-id", std::to_string(kGuest));
  store_.write(bus_.backend + "/online", "1");
  store_.write(bus_.backend + "/mode", "w");
  store_.write(bus_.backend + "/state", "1");
  offered.late = {{"sectors", std::to_string(sectors)},
                  {"sector-size", "512"},
                  {"physical-sector-size", "512"},
                  {"info", "0"}};
  machine_.add_actor(this, [this] { return store_.dispatch(); });
}

ModelBackend::~ModelBackend() {
  machine_.remove_actor(this);
  disconnect();
}

void ModelBackend::allow_persistent() {
  behaviour.persistent = true;
  offered.late["feature-persistent"] = "1";
}

void ModelBackend::allow_flush() {
  behaviour.flush = true;
  offered.late["feature-flush-cache"] = "1";
}

void ModelBackend::allow_barrier() {
  behaviour.barrier = true;
  offered.late["feature-barrier"] = "1";
}

void ModelBackend::allow_discard() {
  behaviour.discard = true;
  offered.late["feature-discard"] = "1";
}

void ModelBackend::allow_indirect(u32 segments) {
  behaviour.max_indirect_segments = segments;
  offered.late["feature-max-indirect-segments"] = std::to_string(segments);
}

void ModelBackend::allow_ring_order(u32 order) {
  offered.early["max-ring-page-order"] = std::to_string(order);
}

void ModelBackend::allow_queues(u32 queues) {
  offered.early["multi-queue-max-queues"] = std::to_string(queues);
}

void ModelBackend::wrong(const std::string& what) { machine_.violations.add("xenbus: " + what); }

void ModelBackend::write_all(const std::map<std::string, std::string>& keys) {
  for (const auto& [key, value] : keys) write(key, value);
}

void ModelBackend::write(const std::string& key, const std::string& value) {
  store_.write(bus_.backend + "/" + key, value);
}

void ModelBackend::set_state(int state) { write("state", std::to_string(state)); }

int ModelBackend::state() { return state_number(store_.read(bus_.backend + "/state").value); }

int ModelBackend::frontend_state() { return state_number(frontend_key("state")); }

std::string ModelBackend::frontend_key(const std::string& key) {
  return store_.read(bus_.frontend + "/" + key).value;
}

u64 ModelBackend::number(const std::string& key, u64 otherwise) {
  const XsReply reply = store_.read(bus_.frontend + "/" + key);
  if (reply.error != 0) return otherwise;
  u64 value = 0;
  const char* const end = reply.value.data() + reply.value.size();
  const auto parsed = std::from_chars(reply.value.data(), end, value);
  if (parsed.ec != std::errc() || parsed.ptr != end) {
    wrong("the frontend wrote '" + reply.value + "' as " + key);
    return otherwise;
  }
  return value;
}

// What was offered before InitWait; `otherwise` when nothing was, or nonsense.
u32 ModelBackend::offered_number(const std::string& key, u32 otherwise) const {
  const auto found = offered.early.find(key);
  if (found == offered.early.end()) return otherwise;
  const std::string& text = found->second;
  u32 value = otherwise;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

// In either of the two schemes of blkif.h.
u32 ModelBackend::ring_order_offered() const {
  return max(offered_number("max-ring-page-order", 0),
             floor_log2(max(offered_number("max-ring-pages", 1), 1u)));
}

void ModelBackend::offer() {
  write("online", "1");
  write_all(offered.early);
  set_state(XenbusStateInitWait);
  if (following_) return;
  following_ = true;
  store_.watch(bus_.frontend + "/state", [this](const std::string&) { frontend_changed(); });
}

void ModelBackend::frontend_changed() {
  switch (frontend_state()) {
    case XenbusStateInitialising:
      // A driver that was loaded again: begin anew.
      if (state() == XenbusStateClosed) offer();
      break;
    case XenbusStateInitialised:
    case XenbusStateConnected:
      if (state() != XenbusStateInitWait || connected()) break;
      if (!connect()) {
        disconnect();
        set_state(XenbusStateClosing);
        break;
      }
      write_all(offered.late);
      set_state(XenbusStateConnected);
      break;
    case XenbusStateClosing:
      disconnect();
      set_state(XenbusStateClosing);
      break;
    case XenbusStateClosed:
      disconnect();
      if (state() != 0) set_state(XenbusStateClosed);
      break;
    default: break;
  }
}

bool ModelBackend::connect() {
  const std::string protocol = frontend_key("protocol");
  if (protocol != XEN_IO_PROTO_ABI_X86_64) wrong("protocol '" + protocol + "'");
  behaviour.persistent = behaviour.persistent && number("feature-persistent", 0) == 1;
  const u64 count = number("multi-queue-num-queues", 1);
  if (count > offered_number("multi-queue-max-queues", 1)) {
    wrong("more queues than were offered");
    return false;
  }
  const u64 order = number("ring-page-order", 0);
  if (order > ring_order_offered()) {
    wrong("a larger ring than was offered");
    return false;
  }
  if (number("num-ring-pages", 1) != u64{1} << order) {
    wrong("the two ways to say the size of the ring disagree");
    return false;
  }
  for (u64 i = 0; i < count; ++i) {
    const std::string prefix = count == 1 ? "" : "queue-" + std::to_string(i) + "/";
    if (!connect_queue(prefix, static_cast<u32>(order))) return false;
  }
  return true;
}

bool ModelBackend::connect_queue(const std::string& prefix, u32 order) {
  std::vector<Mapping> pages;
  for (u32 i = 0; i < 1u << order; ++i) {
    const std::string key = prefix + "ring-ref" + (order != 0 ? std::to_string(i) : "");
    const Mapping page = machine_.grants.map(kBackend, static_cast<GrantRef>(number(key, 0)), true);
    if (!page.ok()) {
      wrong(key + " cannot be mapped");
      for (const Mapping& mapped : pages) machine_.grants.unmap(mapped);
      return false;
    }
    pages.push_back(page);
  }
  queues_.push_back(
      std::make_unique<ModelQueue>(machine_, disk_, behaviour, BackRing(std::move(pages))));
  if (queues_.back()->bind(static_cast<Port>(number(prefix + "event-channel", 0)))) return true;
  wrong(prefix + "event-channel cannot be bound");
  return false;
}

void ModelBackend::disconnect() { queues_.clear(); }

void ModelBackend::close() {
  write("online", "0");
  pause();
}

void ModelBackend::pause() { set_state(XenbusStateClosing); }

void ModelBackend::die() {
  disconnect();
  store_.remove(bus_.backend);
}

}  // namespace pvk::fakes
