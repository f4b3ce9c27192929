// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A guest's grant table as Xen keeps it (xen/grant_table.h): frames that the guest maps where it
// likes, in version 1 or 2, and what Xen does with the entries when other domains map or copy.
// Entries are read and changed with atomics and no lock, as in reality.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/grant_table.h>

#include <functional>
#include <map>
#include <vector>

#include "fakes/xen_memory.h"

namespace pvk::fakes {

// A granted frame as another domain has it mapped.
struct XenMapping {
  i16 status = GNTST_general_error;
  u8* bytes = nullptr;
  GrantRef ref = 0;
  bool writable = false;
  u64 mfn = 0;
  u64 era = 0;  // which life of the domain it belongs to

  bool ok() const { return status == GNTST_okay; }
};

class XenGrants {
 public:
  XenGrants(Violations& violations, XenMemory& memory, DomId self);

  // grant_table_op, by the guest.
  long operation(u64 operation, void* arguments, u64 count);
  // The page of XENMAPSPACE_grant_table `index`, which grows the table when need be.
  long page(u64 index, u64* mfn);

  // ---- for domain `who`: Xen's part of mapping a grant, in three steps that others come between
  struct Attempt {
    DomId who = 0;
    GrantRef ref = 0;
    bool writable = false;
    enum class At : u8 { kCheck, kMark, kRecheck, kFrame, kDone } at = At::kCheck;
    u32 seen = 0;  // flags and domid
    XenMapping result;
    bool done() const { return at == At::kDone; }
  };
  void step(Attempt& attempt);
  XenMapping map(DomId who, GrantRef ref, bool writable);
  void unmap(const XenMapping& mapping);

  u32 version() const { return version_; }
  u32 frames() const { return static_cast<u32>(shared_.size()); }
  u32 max_frames = 64;
  u32 max_version = 2;
  size_t mapped() const;
  // An entry, as Xen sees it.
  u16 flags(GrantRef ref) const;
  u64 frame(GrantRef ref) const;
  DomId domid(GrantRef ref) const;
  u32 entries() const;
  size_t published() const;

  // What a toolstack or firmware leaves in an entry.
  void seed(GrantRef ref, DomId domid, u64 gfn);
  // As for a restored domain: version 1, one frame, the reserved entries alone.
  void restore();

 private:
  struct Pins {
    unsigned readers = 0;
    unsigned writers = 0;
  };
  u32 per_frame() const;
  u8* entry(GrantRef ref) const;
  u32* head(GrantRef ref) const { return reinterpret_cast<u32*>(entry(ref)); }
  u16* status(GrantRef ref) const;
  bool may(const Attempt& attempt, u32 head) const;
  void mark(Attempt& attempt);
  void recheck(Attempt& attempt);
  void take_frame(Attempt& attempt);
  void unpin(GrantRef ref, bool writable);
  long refuse(long error, const char* what);

  bool grow(u32 frames);
  long query_size(gnttab_query_size& call);
  long setup_table(gnttab_setup_table& call);
  long set_version(gnttab_set_version& call);
  long get_version(gnttab_get_version& call);
  long status_frames(gnttab_get_status_frames& call);
  void copy(gnttab_copy& call);
  u8* side(const gnttab_copy::gnttab_copy_ptr& pointer, bool by_ref, bool writable,
           XenMapping* mapping, i16* status);
  void change_version(u32 version);

  Violations& violations_;
  XenMemory& memory_;
  DomId self_;
  u32 version_ = 1;
  u64 era_ = 0;
  std::vector<u64> shared_;
  std::vector<u64> status_;
  std::map<GrantRef, Pins> pins_;
};

}  // namespace pvk::fakes
