// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/xen_memory.h"

#include "pvkit/abi/xen.h"

#include <sys/mman.h>
#include <unistd.h>

#include <xen/errno.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace pvk::fakes {
namespace {

void must(bool held, const char* what) {
  if (held) return;
  std::perror(what);
  std::abort();
}

u8* reserve(u64 pages) {
  void* const at = mmap(nullptr, pages * kPageSize, PROT_NONE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
  must(at != MAP_FAILED, "reserving addresses");
  return static_cast<u8*>(at);
}

}  // namespace

XenMemory::XenMemory(Violations& violations) : violations_(violations), behind_(kFrames) {
  file_ = memfd_create("pvkit-machine", MFD_CLOEXEC);
  must(file_ >= 0 && ftruncate(file_, kMachine * kPageSize) == 0, "machine memory");
  void* const all =
      mmap(nullptr, kMachine * kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED, file_, 0);
  must(all != MAP_FAILED, "mapping machine memory");
  machine_ = static_cast<u8*>(all);
  guest_ = reserve(kFrames);
  for (u64 mfn = kMachine; mfn > 0; --mfn) free_.push_back(mfn - 1);
  for (u64 gfn = 0; gfn < kRam; ++gfn) show(gfn, take_machine_page(), true);
}

XenMemory::~XenMemory() {
  munmap(guest_, kFrames * kPageSize);
  munmap(machine_, kMachine * kPageSize);
  close(file_);
}

bool XenMemory::contains(const void* address) const {
  const u8* const at = static_cast<const u8*>(address);
  return at >= guest_ && at < guest_ + kFrames * kPageSize;
}

u64 XenMemory::gfn_of(const void* address) const {
  return static_cast<u64>(static_cast<const u8*>(address) - guest_) / kPageSize;
}

void* XenMemory::allocate(unsigned count) {
  for (u64 first = 0; first + count <= kRam; ++first) {
    unsigned good = 0;
    while (good < count && is_ram(first + good) && !allocated_.contains(first + good)) ++good;
    if (good < count) continue;
    for (unsigned i = 0; i < count; ++i) allocated_.insert(first + i);
    std::memset(at(first), 0, size_t{count} * kPageSize);
    return at(first);
  }
  return nullptr;
}

void XenMemory::free(void* pages, unsigned count) {
  for (unsigned i = 0; i < count; ++i) {
    const u64 gfn = gfn_of(pages) + i;
    if (allocated_.erase(gfn) == 0) violations_.add("freed a page that is not allocated");
    if (!is_ram(gfn)) violations_.add("freed a page that has no memory behind it");
    if (pins_.contains(behind(gfn))) violations_.add("freed a page that another domain maps");
  }
}

u64 XenMemory::take_hole(u64 count) {
  const u64 first = next_hole_;
  must(first + count <= kFrames, "the model has no more empty frames");
  next_hole_ += count;
  return first;
}

u64 XenMemory::take_machine_page() {
  must(!free_.empty(), "the model has no more memory");
  const u64 mfn = free_.back();
  free_.pop_back();
  std::memset(own(mfn), 0, kPageSize);
  return mfn;
}

// A page that is mapped elsewhere stays out of use until it is not.
void XenMemory::put_machine_page(u64 mfn) {
  if (!pins_.contains(mfn)) free_.push_back(mfn);
}

u64 XenMemory::allocate_own() { return take_machine_page(); }
void XenMemory::free_own(u64 mfn) {
  const u64 gfn = find(mfn);
  if (gfn != kNothing) hide(gfn);
  put_machine_page(mfn);
}

u8* XenMemory::see(u64 gfn) const { return behind(gfn) == kNothing ? nullptr : own(behind(gfn)); }

u64 XenMemory::find(u64 mfn) const {
  for (u64 gfn = 0; gfn < kFrames; ++gfn) {
    if (behind_[gfn].mfn == mfn) return gfn;
  }
  return kNothing;
}

void XenMemory::show(u64 gfn, u64 mfn, bool ram) {
  void* const shown = mmap(at(gfn), kPageSize, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED,
                           file_, static_cast<off_t>(mfn * kPageSize));
  must(shown != MAP_FAILED, "mapping a frame");
  behind_[gfn] = {mfn, ram};
}

void XenMemory::hide(u64 gfn) {
  void* const hidden = mmap(at(gfn), kPageSize, PROT_NONE,
                            MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_FIXED, -1, 0);
  must(hidden != MAP_FAILED, "unmapping a frame");
  behind_[gfn] = {};
}

long XenMemory::map_own(u64 gfn, u64 mfn) {
  if (gfn >= kFrames) return -XEN_EINVAL;
  if (behind_[gfn].mfn == mfn) return 0;
  if (is_ram(gfn)) {
    if (pins_.contains(behind(gfn))) violations_.add("mapped over a page that is granted");
    put_machine_page(behind(gfn));
    --current;
  }
  // A page of Xen's own is at one place of the guest's only (Xen's p2m is one to one).
  if (const u64 before = find(mfn); before != kNothing) hide(before);
  show(gfn, mfn, false);
  return 0;
}

long XenMemory::unmap(u64 gfn) {
  if (behind(gfn) == kNothing) return -XEN_ENOENT;
  if (is_ram(gfn)) {
    violations_.add("removed RAM from the physical map: the page is lost until the domain ends");
  }
  hide(gfn);
  return 0;
}

long XenMemory::populate(u64 gfn) {
  if (gfn >= kFrames) return -XEN_EINVAL;
  if (current >= maximum) return -XEN_ENOMEM;
  if (behind(gfn) != kNothing) violations_.add("populated a frame that has something behind it");
  show(gfn, take_machine_page(), true);
  ++current;
  return 0;
}

long XenMemory::give_back(u64 gfn) {
  if (!is_ram(gfn)) return -XEN_EINVAL;
  if (pins_.contains(behind(gfn))) violations_.add("gave back a page that another domain maps");
  put_machine_page(behind(gfn));
  hide(gfn);
  --current;
  return 0;
}

void XenMemory::pin(u64 mfn) { pins_.insert(mfn); }
void XenMemory::unpin(u64 mfn) {
  const auto found = pins_.find(mfn);
  if (found != pins_.end()) pins_.erase(found);
}

void XenMemory::restore() {
  pins_.clear();
  for (u64 gfn = 0; gfn < kFrames; ++gfn) {
    if (behind_[gfn].mfn != kNothing && !behind_[gfn].ram) hide(gfn);
  }
}

}  // namespace pvk::fakes
