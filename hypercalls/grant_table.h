// SPDX-License-Identifier: MIT OR GPL-2.0-only
// This domain's grant table: its frames, mapped where the port has room for them, and which
// references are free. docs/hypercalls.md has the whole story.
//
// The port serialises: open, map_next, resume and close exclude each other (they make hypercalls
// and may sleep); take, give_back and adopt_next exclude each other (they are short and may be
// called under a spinlock). entries() needs neither.
#pragma once

#include "hypercalls/grant_calls.h"
#include "hypercalls/grant_entries.h"
#include "hypercalls/grant_references.h"
#include "hypercalls/memory_calls.h"

namespace pvk {

// How large the table may become. The port prepares a window of max_frames + status_frames pages
// with consecutive addresses, and zeroed words for the references.
struct GrantGeometry {
  static constexpr u32 kMostFrames = 256;  // of the window: a megabyte, 131,072 references
  static constexpr u32 kStatusPerFrame = kPageSize / sizeof(grant_status_t);

  u32 version = 1;
  u32 max_frames = 0;

  constexpr u32 per_frame() const {
    return kPageSize /
           static_cast<u32>(version == 1 ? sizeof(grant_entry_v1) : sizeof(grant_entry_v2));
  }
  constexpr u32 status_frames() const { return version == 1 ? 0 : status_frames_for(max_frames); }
  constexpr u32 status_frames_for(u32 frames) const {
    return (frames * per_frame() + kStatusPerFrame - 1) / kStatusPerFrame;
  }
  constexpr u32 window() const { return max_frames + status_frames(); }
  constexpr u32 words() const { return max_frames * per_frame() / GrantReferences::kBitsPerWord; }
};

// The version that is in use from now on: 1, whose entries are half as large and need one store,
// unless this domain has frames whose numbers it cannot hold. `wanted`: 1 or 2, or 0 for that
// choice; a 1 that cannot hold them is not believed. Xen may refuse to change, because entries are
// in use or its administrator allows one version only: then the present one does if it can.
template <HypercallTransport T>
Result<u32> settle_grant_version(T& transport, u32 wanted) {
  const bool first_suffices = maximum_gfn(transport).value_or(0) >> 32 == 0;
  if (wanted == 0 || !first_suffices) wanted = first_suffices ? 1 : 2;
  // A Xen that cannot be asked has version 1 alone.
  const u32 present = grant_version(transport).value_or(1);
  if (present == wanted) return present;
  const Status changed = set_grant_version(transport, wanted);
  if (changed.ok()) return wanted;
  const bool present_suffices = present == 2 || (present == 1 && first_suffices);
  if (!present_suffices) return changed.error();
  return present;
}

template <HypercallTransport T>
Result<GrantGeometry> settle_grant_geometry(T& transport, u32 wanted = 0) {
  GrantGeometry geometry;
  const auto size = query_grant_size(transport);
  if (!size.ok()) return size.error();
  geometry.max_frames = min(size.value().max, GrantGeometry::kMostFrames);
  if (geometry.max_frames == 0) return Error::kNoGrant;
  const Result<u32> version = settle_grant_version(transport, wanted);
  if (!version.ok()) return version.error();
  geometry.version = version.value();
  return geometry;
}

// Where the window's pages are: frame(index) gives the frame number of page `index`, where nothing
// of the guest's is needed, and release(index) takes it back when nothing is mapped there.
template <class P>
concept GrantPort = requires(P& port, u32 index) {
  { port.frame(index) } -> SameAs<Result<u64>>;
  port.release(index);
};

template <HypercallTransport T, GrantPort P>
class GrantTable {
 public:
  constexpr GrantTable() = default;
  GrantTable(const GrantTable&) = delete;
  GrantTable& operator=(const GrantTable&) = delete;
  ~GrantTable() = default;

  // Maps the first frame. What is published in it by others stays theirs, as the reserved entries.
  Status open(T& transport, P& port, const GrantGeometry& geometry, u8* window, Span<u64> words);
  // Takes the frames out of the guest's memory. What is published stays so.
  void close();

  const GrantEntries& entries() const { return entries_; }

  // `count` consecutive references. kNoGrant: none among the present ones; grow, and try again.
  Result<GrantRef> take(u32 count) { return references_.take(count); }
  Status give_back(GrantRef first, u32 count) { return references_.give_back(first, count); }

  // Whether growth can give `count` at all.
  bool could_take(u32 count) const {
    return references_.would_fit(count, (most_ - frames_) * geometry_.per_frame());
  }
  // One frame more: mapped by the first, in use from the second on. kNoGrant when there is none.
  Status map_next();
  void adopt_next();

  // The domain was restored: the table is a new one, and empty. Reservations stay; whoever
  // published publishes again. A host that allows fewer frames than there were gives what it has:
  // references of the others stay with their holders, but publish nothing.
  Status resume();

  // ---- for the curious
  u32 version() const { return geometry_.version; }
  u32 frames() const { return frames_; }
  u32 max_frames() const { return most_; }
  u32 free() const { return references_.free(); }
  u32 size() const { return references_.usable(); }
  // References that are held and have no frame.
  u32 lost() const { return references_.held_beyond(); }
  // References that somebody before us, such as firmware, left published.
  u32 foreign() const { return foreign_; }

 private:
  // Xen's page of status for the shared frame `frame`, which begins one in version 2.
  u32 status_number(u32 frame) const { return geometry_.status_frames_for(frame + 1) - 1; }
  bool begins_status(u32 frame) const {
    return geometry_.version == 2 &&
           frame % (GrantGeometry::kStatusPerFrame / geometry_.per_frame()) == 0;
  }
  Status map_page(u32 index, u64 space_index);
  void unmap_page(u32 index);
  Status map_frame(u32 frame);
  void unmap_frame(u32 frame);
  void forget_frame(u32 frame);
  Status map_again(u32 count);

  // Read for each grant, so not on one cache line with what each reservation writes.
  GrantEntries entries_;
  alignas(64) GrantReferences references_;
  GrantGeometry geometry_;
  T* transport_ = nullptr;
  P* port_ = nullptr;
  u32 most_ = 0;    // frames that this host allows and the window has room for
  u32 mapped_ = 0;  // frames that are mapped
  u32 frames_ = 0;  // and in use
  u32 foreign_ = 0;
};

}  // namespace pvk

#include "hypercalls/grant_table_inline.h"
