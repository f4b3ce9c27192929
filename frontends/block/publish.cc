// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/publish.h"

#include <xen/io/protocols.h>

#include "pvkit/xenstore.h"

namespace pvk::block {
namespace {

// A conflict needs somebody who writes to our directory again and again, or a connection that goes
// as often.
constexpr u32 kMaxTries = 64;

// `prefix` is empty for a single queue, whose keys stand in the device's own directory.
Status write_queue(Transaction& transaction, const char* prefix, const Queue& queue, u32 order) {
  const SharedPages& pages = queue.ring_pages();
  for (u32 i = 0; i < pages.count(); ++i) {
    Key key = Key(prefix).add("ring-ref");
    if (order != 0) key.add(u64{i});
    PVK_TRY(transaction.write(key.c_str(), u64{pages.ref(i)}));
  }
  return transaction.write(Key(prefix).add("event-channel").c_str(), u64{queue.port()});
}

// Keys of a feature that is not used now may be left from an earlier connection.
Status write_or_remove(Transaction& transaction, const char* key, bool used, u64 value) {
  return used ? transaction.write(key, value) : transaction.remove(key);
}

Status write_all(Transaction& transaction, Span<Queue> queues, const RingPlan& plan,
                 const Params& params) {
  const u32 order = plan.ring_page_order;
  PVK_TRY(write_or_remove(transaction, "multi-queue-num-queues", queues.size() > 1, queues.size()));
  // Two schemes for the same, and a frontend speaks both (blkif.h, note 3).
  PVK_TRY(write_or_remove(transaction, "ring-page-order", order != 0, order));
  PVK_TRY(write_or_remove(transaction, "num-ring-pages", order != 0, u64{1} << order));
  if (queues.size() == 1) {
    PVK_TRY(write_queue(transaction, "", queues[0], order));
  } else {
    for (size_t i = 0; i < queues.size(); ++i) {
      const Key prefix = Key("queue-").add(u64{i}).add("/");
      PVK_TRY(write_queue(transaction, prefix.c_str(), queues[i], order));
    }
  }
  PVK_TRY(transaction.write("protocol", XEN_IO_PROTO_ABI_X86_64));
  return transaction.write("feature-persistent", u64{params.feature_persistent ? 1u : 0u});
}

Status publish_once(pvk_bus* bus, Span<Queue> queues, const RingPlan& plan, const Params& params) {
  Transaction transaction(bus);
  PVK_TRY(transaction.begin());
  PVK_TRY(write_all(transaction, queues, plan, params));
  return transaction.commit();
}

}  // namespace

Status publish_rings(pvk_bus* bus, Span<Queue> queues, const RingPlan& plan, const Params& params) {
  for (u32 tries = 0; tries < kMaxTries; ++tries) {
    const Status status = publish_once(bus, queues, plan, params);
    if (status.ok() || status.error() != Error::kBusy) return status;
  }
  return Error::kXenstore;
}

}  // namespace pvk::block
