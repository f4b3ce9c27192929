// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The request side of the model backend's queue: decoding, checking, moving data (xen/io/blkif.h).
#include "fakes/model_queue.h"

namespace pvk::fakes {

ModelQueue::Pending ModelQueue::decode(const blkif_request& request) {
  Pending pending;
  pending.id = request.id;
  pending.operation = pending.effect = request.operation;
  pending.sector = request.sector_number;
  switch (request.operation) {
    case BLKIF_OP_READ:
    case BLKIF_OP_WRITE:
      if (request.nr_segments == 0) wrong("read or write without a segment");
      [[fallthrough]];
    case BLKIF_OP_WRITE_BARRIER:
    case BLKIF_OP_FLUSH_DISKCACHE: add_segments(pending, request.seg, request.nr_segments); break;
    case BLKIF_OP_DISCARD: {
      const auto& discard = reinterpret_cast<const blkif_request_discard&>(request);
      pending.sectors = discard.nr_sectors;
      pending.secure = (discard.flag & BLKIF_DISCARD_SECURE) != 0;
      break;
    }
    case BLKIF_OP_INDIRECT:
      decode_indirect(reinterpret_cast<const blkif_request_indirect&>(request), pending);
      break;
    default: wrong("unknown operation " + std::to_string(request.operation));
  }
  check(pending);
  return pending;
}

void ModelQueue::decode_indirect(const blkif_request_indirect& request, Pending& pending) {
  ++indirect_seen_;
  pending.effect = request.indirect_op;
  pending.sector = request.sector_number;
  if (request.indirect_op != BLKIF_OP_READ && request.indirect_op != BLKIF_OP_WRITE) {
    wrong("indirect request of something else than read or write");
  }
  if (request.nr_segments == 0 || request.nr_segments > behaviour_.max_indirect_segments) {
    wrong("indirect request of " + std::to_string(request.nr_segments) + " segments");
    pending.status = BLKIF_RSP_ERROR;
    return;
  }
  u32 left = request.nr_segments;
  for (u32 page = 0; left != 0; ++page) {
    blkif_request_segment segments[abi::kSegmentsPerIndirectPage];
    const u32 here = min(left, static_cast<u32>(abi::kSegmentsPerIndirectPage));
    // blkback maps pages of descriptors as it maps data: for good, and writable, when persistent.
    const Piece descriptors = map_segment({request.indirect_grefs[page], 0, 7}, false);
    if (!descriptors.mapping.ok()) {
      wrong("indirect page " + std::to_string(page) + " cannot be mapped");
      pending.status = BLKIF_RSP_ERROR;
      return;
    }
    std::memcpy(segments, descriptors.mapping.bytes, here * sizeof(segments[0]));
    if (descriptors.temporary) machine_.grants.unmap(descriptors.mapping);
    add_segments(pending, segments, here);
    left -= here;
  }
}

void ModelQueue::add_segments(Pending& pending, const blkif_request_segment* segments, u32 count) {
  if (pending.operation != BLKIF_OP_INDIRECT && count > BLKIF_MAX_SEGMENTS_PER_REQUEST) {
    wrong("more segments than a request has");
    pending.status = BLKIF_RSP_ERROR;
    return;
  }
  for (u32 i = 0; i < count; ++i) {
    Piece piece = map_segment(segments[i], pending.effect == BLKIF_OP_READ);
    if (!piece.mapping.ok()) {
      wrong("segment's grant " + std::to_string(segments[i].gref) + " cannot be mapped");
      pending.status = BLKIF_RSP_ERROR;
      continue;
    }
    if (piece.first > piece.last || piece.last >= abi::kSectorsPerPage) {
      wrong("segment from sector " + std::to_string(piece.first) + " to " +
            std::to_string(piece.last));
      pending.status = BLKIF_RSP_ERROR;
    } else {
      pending.sectors += piece.last - piece.first + 1;
    }
    pending.pieces.push_back(piece);
  }
}

ModelQueue::Piece ModelQueue::map_segment(const blkif_request_segment& segment, bool into_guest) {
  Piece piece;
  piece.first = segment.first_sect;
  piece.last = segment.last_sect;
  const auto known = persistent_.find(segment.gref);
  if (known != persistent_.end()) {
    piece.mapping = known->second;
    piece.temporary = false;
    return piece;
  }
  // A persistent grant serves reads and writes, so blkback maps it writable whatever it is for.
  const bool writable = into_guest || behaviour_.persistent;
  piece.mapping = machine_.grants.map(kBackend, segment.gref, writable);
  if (!piece.mapping.ok()) return piece;
  if (!writable && (machine_.grants.flags(segment.gref) & GTF_readonly) == 0) {
    wrong("data to be written is granted writable");
  }
  if (behaviour_.persistent && persistent_.size() < behaviour_.persistent_limit) {
    persistent_.emplace(segment.gref, piece.mapping);
    piece.temporary = false;
  }
  return piece;
}

void ModelQueue::check(Pending& pending) {
  const bool writes = pending.effect == BLKIF_OP_WRITE ||
                      pending.effect == BLKIF_OP_WRITE_BARRIER ||
                      pending.effect == BLKIF_OP_DISCARD;
  const bool offered = (pending.effect != BLKIF_OP_DISCARD || behaviour_.discard) &&
                       (pending.effect != BLKIF_OP_FLUSH_DISKCACHE || behaviour_.flush) &&
                       (pending.effect != BLKIF_OP_WRITE_BARRIER || behaviour_.barrier);
  if (!offered) pending.status = BLKIF_RSP_EOPNOTSUPP;
  if (writes && behaviour_.read_only) {
    wrong("write to a read-only disk");
    pending.status = BLKIF_RSP_ERROR;
  }
  if (pending.sectors != 0 && !disk_.holds(pending.sector, pending.sectors)) {
    pending.status = BLKIF_RSP_ERROR;
  }
}

void ModelQueue::execute(Pending& pending) {
  if (pending.status != BLKIF_RSP_OKAY) return;
  if (pending.effect == BLKIF_OP_DISCARD) {
    disk_.discard(pending.sector, pending.sectors);
    if (pending.secure) ++disk_.secure_discards;
    return;
  }
  if (pending.effect == BLKIF_OP_FLUSH_DISKCACHE || pending.effect == BLKIF_OP_WRITE_BARRIER) {
    ++disk_.flushes;
  }
  u64 sector = pending.sector;
  for (const Piece& piece : pending.pieces) {
    u8* const memory = piece.mapping.bytes + piece.first * size_t{abi::kSectorBytes};
    const size_t count = piece.last - piece.first + 1;
    if (pending.effect == BLKIF_OP_READ) {
      std::memcpy(memory, disk_.at(sector), count * abi::kSectorBytes);
    } else {
      std::memcpy(disk_.at(sector), memory, count * abi::kSectorBytes);
    }
    sector += count;
  }
}

void ModelQueue::unmap(Pending& pending) {
  for (const Piece& piece : pending.pieces) {
    if (!piece.temporary) continue;
    if (behaviour_.keep_grants) {
      kept_.push_back(piece.mapping);
    } else {
      machine_.grants.unmap(piece.mapping);
    }
  }
  pending.pieces.clear();
}

}  // namespace pvk::fakes
