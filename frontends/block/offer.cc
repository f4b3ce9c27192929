// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "frontends/block/offer.h"

namespace pvk::block {
namespace {

// A disk's size in bytes stays below 2^63.
constexpr u64 kMaxSectors = (u64{1} << 63) / abi::kSectorBytes - 1;
constexpr u64 kMaxU32 = ~u32{0};
constexpr u64 kMaxPhysicalSector = u64{1} << 20;
constexpr u64 kMaxInfo = 0xffff;

constexpr bool is_power_of_two(u64 value) { return value != 0 && (value & (value - 1)) == 0; }

Error refuse(pvk_bus* bus, const char* key, u64 value) {
  pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus), "xenstore key '%s' has the bad value '%llu'", key,
          static_cast<unsigned long long>(value));
  return Error::kBadValue;
}

template <class T>
Status assign(T& field, const Result<u64>& value) {
  if (!value.ok()) return value.error();
  field = static_cast<T>(value.value());
  return {};
}

Status assign(bool& field, const Result<bool>& value) {
  if (!value.ok()) return value.error();
  field = value.value();
  return {};
}

// `sectors` and `sector-size` have no default: without them there is no disk.
Result<u64> required(pvk_bus* bus, const XenstoreReader& backend, const char* key, u64 limit) {
  const Result<u64> value = backend.number(key, limit);
  if (!value.ok() && value.error() == Error::kMissing) {
    pvk_log(PVK_LOG_ERROR, pvk_bus_name(bus), "xenstore key '%s' is missing", key);
  }
  return value;
}

Status read_geometry(pvk_bus* bus, const XenstoreReader& backend, DiskOffer& offer) {
  PVK_TRY(assign(offer.sectors, required(bus, backend, "sectors", kMaxSectors)));
  PVK_TRY(assign(offer.sector_size, required(bus, backend, "sector-size", kPageSize)));
  if (!is_power_of_two(offer.sector_size) || offer.sector_size < abi::kSectorBytes) {
    return refuse(bus, "sector-size", offer.sector_size);
  }
  PVK_TRY(assign(offer.physical_sector_size,
                 backend.number_or("physical-sector-size", offer.sector_size, kMaxPhysicalSector)));
  if (!is_power_of_two(offer.physical_sector_size) ||
      offer.physical_sector_size < offer.sector_size) {
    return refuse(bus, "physical-sector-size", offer.physical_sector_size);
  }
  if (offer.sectors % (offer.sector_size / abi::kSectorBytes) != 0) {
    return refuse(bus, "sectors", offer.sectors);
  }
  u32 info = 0;
  PVK_TRY(assign(info, backend.number_or("info", 0, kMaxInfo)));
  offer.cdrom = (info & VDISK_CDROM) != 0;
  offer.removable = (info & VDISK_REMOVABLE) != 0;
  offer.read_only = (info & VDISK_READONLY) != 0;
  return {};
}

// The granularity and alignment are optional (blkif.h, note 4): a sector then.
Status read_discard(pvk_bus* bus, const XenstoreReader& backend, DiskOffer& offer) {
  PVK_TRY(assign(offer.discard, backend.flag("feature-discard")));
  if (!offer.discard) return {};
  PVK_TRY(assign(offer.secure_discard, backend.flag("discard-secure")));
  PVK_TRY(assign(offer.discard_granularity,
                 backend.number_or("discard-granularity", offer.physical_sector_size, kMaxU32)));
  PVK_TRY(assign(offer.discard_alignment, backend.number_or("discard-alignment", 0, kMaxU32)));
  if (offer.discard_granularity == 0) offer.discard_granularity = offer.physical_sector_size;
  if (offer.discard_granularity % offer.sector_size != 0) {
    return refuse(bus, "discard-granularity", offer.discard_granularity);
  }
  if (offer.discard_alignment % abi::kSectorBytes != 0) {
    return refuse(bus, "discard-alignment", offer.discard_alignment);
  }
  return {};
}

}  // namespace

Result<RingOffer> read_ring_offer(pvk_bus* bus) {
  const XenstoreReader backend(bus, Side::kBackend);
  RingOffer offer;
  // A backend may offer more than any frontend can use; what counts is that it is a number.
  PVK_TRY(assign(offer.max_ring_page_order, backend.number_or("max-ring-page-order", 0, kMaxU32)));
  u32 pages = 1;  // the other scheme for the same (blkif.h, note 3)
  PVK_TRY(assign(pages, backend.number_or("max-ring-pages", 1, kMaxU32)));
  if (pages == 0) return refuse(bus, "max-ring-pages", 0);
  offer.max_ring_page_order = max(offer.max_ring_page_order, floor_log2(pages));
  PVK_TRY(assign(offer.max_queues, backend.number_or("multi-queue-max-queues", 1, kMaxU32)));
  if (offer.max_queues == 0) return refuse(bus, "multi-queue-max-queues", 0);
  return offer;
}

Result<DiskOffer> read_disk_offer(pvk_bus* bus) {
  const XenstoreReader backend(bus, Side::kBackend);
  DiskOffer offer;
  PVK_TRY(read_geometry(bus, backend, offer));
  PVK_TRY(assign(offer.flush, backend.flag("feature-flush-cache")));
  PVK_TRY(assign(offer.barrier, backend.flag("feature-barrier")));
  PVK_TRY(assign(offer.persistent, backend.flag("feature-persistent")));
  PVK_TRY(assign(offer.max_indirect_segments,
                 backend.number_or("feature-max-indirect-segments", 0, kMaxU32)));
  PVK_TRY(read_discard(bus, backend, offer));
  return offer;
}

// It belongs into our own directory (blkif.h, "Frontend XenBus Nodes"), which no backend changes.
// Some toolstacks write it into both: the other one counts where ours has none.
Result<bool> is_cd(pvk_bus* bus) {
  const Result<bool> own = XenstoreReader(bus, Side::kFrontend).equals("device-type", "cdrom");
  if (own.ok() || own.error() == Error::kNoAnswer) return own;
  const Result<bool> backend = XenstoreReader(bus, Side::kBackend).equals("device-type", "cdrom");
  if (backend.ok() || backend.error() == Error::kNoAnswer) return backend;
  return false;
}

}  // namespace pvk::block
