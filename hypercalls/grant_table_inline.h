// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The members of GrantTable (grant_table.h), which are templates.
#pragma once

#include "hypercalls/grant_table.h"

namespace pvk {

template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::open(T& transport, P& port, const GrantGeometry& geometry, u8* window,
                              Span<u64> words) {
  if (words.size() < geometry.words()) return Error::kBadValue;
  transport_ = &transport;
  port_ = &port;
  geometry_ = geometry;
  most_ = geometry.max_frames;
  mapped_ = frames_ = foreign_ = 0;
  entries_.open(geometry.version, window, window + size_t{geometry.max_frames} * kPageSize);
  references_.open(words);
  PVK_TRY(map_next());
  adopt_next();
  return {};
}

template <HypercallTransport T, GrantPort P>
void GrantTable<T, P>::close() {
  while (mapped_ > 0) unmap_frame(--mapped_);
  frames_ = 0;
}

// Page `index` of the window shows Xen's page from now on; what fails leaves nothing.
template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::map_page(u32 index, u64 space_index) {
  const Result<u64> gfn = port_->frame(index);
  if (!gfn.ok()) return gfn.error();
  const Status shown =
      add_to_physmap(*transport_, XENMAPSPACE_grant_table, space_index, gfn.value());
  if (!shown.ok()) port_->release(index);
  return shown;
}

// A page that Xen does not let go of is not given back to the port: it shows the table still.
template <HypercallTransport T, GrantPort P>
void GrantTable<T, P>::unmap_page(u32 index) {
  const Result<u64> gfn = port_->frame(index);
  if (gfn.ok() && remove_from_physmap(*transport_, gfn.value()).ok()) port_->release(index);
}

template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::map_frame(u32 frame) {
  PVK_TRY(map_page(frame, frame));
  if (!begins_status(frame)) return {};
  const u32 number = status_number(frame);
  const Status mapped =
      map_page(geometry_.max_frames + number, u64{XENMAPIDX_grant_table_status} | number);
  if (!mapped.ok()) unmap_page(frame);
  return mapped;
}

template <HypercallTransport T, GrantPort P>
void GrantTable<T, P>::unmap_frame(u32 frame) {
  if (begins_status(frame)) unmap_page(geometry_.max_frames + status_number(frame));
  unmap_page(frame);
}

template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::map_next() {
  if (mapped_ >= most_) return Error::kNoGrant;
  PVK_TRY(map_frame(mapped_));
  ++mapped_;
  return {};
}

template <HypercallTransport T, GrantPort P>
void GrantTable<T, P>::adopt_next() {
  const u32 end = ++frames_ * geometry_.per_frame();
  for (GrantRef ref = references_.size(); ref < end; ++ref) {
    const bool reserved = ref < GNTTAB_NR_RESERVED_ENTRIES;
    const bool used = !reserved && entries_.is_used(ref);
    if (used) ++foreign_;
    references_.append(!reserved && !used);
  }
  // References that a smaller host left without a frame have one again.
  if (references_.usable() < end) references_.limit(end);
  entries_.limit(end);
}

// The old domain's frame is nowhere any more.
template <HypercallTransport T, GrantPort P>
void GrantTable<T, P>::forget_frame(u32 frame) {
  if (begins_status(frame)) port_->release(geometry_.max_frames + status_number(frame));
  port_->release(frame);
}

// As many of the first `count` frames as this host gives; the error with which it gave no more.
template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::map_again(u32 count) {
  // A new domain's table is of version 1.
  if (geometry_.version != 1) PVK_TRY(set_grant_version(*transport_, geometry_.version));
  const Result<GrantFrames> size = query_grant_size(*transport_);
  most_ = size.ok() ? min(size.value().max, geometry_.max_frames) : geometry_.max_frames;
  while (mapped_ < count) PVK_TRY(map_next());
  return {};
}

// The window's pages are where they were. Nobody publishes meanwhile.
template <HypercallTransport T, GrantPort P>
Status GrantTable<T, P>::resume() {
  const u32 before = mapped_;
  while (mapped_ > 0) forget_frame(--mapped_);
  const Status mapped = map_again(before);
  frames_ = mapped_;
  references_.limit(frames_ * geometry_.per_frame());
  entries_.limit(references_.usable());
  return frames_ != 0 ? Status{} : mapped;
}

}  // namespace pvk
