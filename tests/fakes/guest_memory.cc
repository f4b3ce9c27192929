// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "fakes/guest_memory.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#endif
#if defined(__SANITIZE_THREAD__)
#define PVK_FAKES_ONE_VIEW 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define PVK_FAKES_ONE_VIEW 1
#endif
#endif

namespace pvk::fakes {
namespace {

// Frame numbers of neighbouring pages are far apart: an odd factor makes a permutation of a power
// of two, so code that counts on consecutive frames fails here as it would in a PV guest.
constexpr u64 kFirstGfn = 0x10000;
constexpr u64 kSpread = 0x2f0b;
constexpr u64 kSpreadInverse = 0x24a3;  // kSpread * kSpreadInverse = 1 modulo kPages
constexpr auto kRelaxed = std::memory_order_relaxed;
constexpr u8 kFreedByte = 0xa5;

void* must_map(int memory, size_t bytes, int protection) {
  void* const at = mmap(nullptr, bytes, protection, MAP_SHARED, memory, 0);
  if (at == MAP_FAILED) {
    std::perror("mapping guest memory");
    std::abort();
  }
  return at;
}

void forbid([[maybe_unused]] u8* at, [[maybe_unused]] size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_poison_memory_region(at, bytes);
#endif
}

void allow([[maybe_unused]] u8* at, [[maybe_unused]] size_t bytes) {
#if defined(__SANITIZE_ADDRESS__)
  __asan_unpoison_memory_region(at, bytes);
#endif
}

}  // namespace

GuestMemory::GuestMemory(Violations& violations) : violations_(violations), pages_(kPages) {
  static_assert(((kSpread * kSpreadInverse) & (kPages - 1)) == 1);
  const size_t bytes = kPages * kPageSize;
  const int memory = memfd_create("pvkit-guest", MFD_CLOEXEC);
  if (memory < 0 || ftruncate(memory, static_cast<off_t>(bytes)) != 0) {
    std::perror("guest memory");
    std::abort();
  }
  guest_ = static_cast<u8*>(must_map(memory, bytes, PROT_READ | PROT_WRITE));
#if defined(PVK_FAKES_ONE_VIEW)
  backend_ = backend_readonly_ = guest_;
#else
  backend_ = static_cast<u8*>(must_map(memory, bytes, PROT_READ | PROT_WRITE));
  backend_readonly_ = static_cast<u8*>(must_map(memory, bytes, PROT_READ));
#endif
  close(memory);
  forbid(guest_, bytes);
}

GuestMemory::~GuestMemory() {
  const size_t bytes = kPages * kPageSize;
  allow(guest_, bytes);
  munmap(guest_, bytes);
  if (backend_ != guest_) {
    munmap(backend_, bytes);
    munmap(backend_readonly_, bytes);
  }
}

size_t GuestMemory::find_free(unsigned count) const {
  for (size_t tried = 0; tried < kPages; ++tried) {
    const size_t first = (cursor_ + tried) % kPages;
    size_t run = 0;
    while (run < count && first + run < kPages && pages_[first + run].owner == Owner::kNobody) {
      ++run;
    }
    if (run == count) return first;
  }
  return kPages;
}

void* GuestMemory::allocate(unsigned count, Owner owner) {
  const std::lock_guard lock(mutex_);
  if (count == 0) return nullptr;
  const size_t first = find_free(count);
  if (first == kPages) return nullptr;
  cursor_ = first + count;
  for (size_t i = first; i < first + count; ++i) pages_[i].owner.store(owner, kRelaxed);
  u8* const at = guest_ + first * kPageSize;
  allow(at, size_t{count} * kPageSize);
  std::memset(at, 0, size_t{count} * kPageSize);
  return at;
}

void GuestMemory::free(void* pages, unsigned count, Owner owner) {
  const std::lock_guard lock(mutex_);
  if (pages == nullptr) return;
  if (!contains(pages) || reinterpret_cast<uintptr_t>(pages) % kPageSize != 0) {
    violations_.add("memory: freeing what is no page");
    return;
  }
  const size_t first = index_of(pages);
  for (size_t i = first; i < first + count; ++i) {
    if (i >= kPages || pages_[i].owner != owner) {
      violations_.add("memory: freeing a page that the caller does not own");
      return;
    }
    if (pages_[i].pins.load(kRelaxed) != 0) {
      violations_.add("memory: page freed while a grant gives it to another domain");
    }
    pages_[i].owner.store(Owner::kNobody, kRelaxed);
  }
  std::memset(pages, kFreedByte, size_t{count} * kPageSize);
  forbid(static_cast<u8*>(pages), size_t{count} * kPageSize);
}

bool GuestMemory::contains(const void* address) const {
  const u8* const at = static_cast<const u8*>(address);
  return at >= guest_ && at < guest_ + kPages * kPageSize;
}

size_t GuestMemory::index_of(const void* address) const {
  return static_cast<size_t>(static_cast<const u8*>(address) - guest_) / kPageSize;
}

u64 GuestMemory::gfn_of(const void* address) const {
  if (!contains(address)) {
    violations_.add("memory: frame asked for an address that is not guest memory");
    return 0;
  }
  return kFirstGfn + ((index_of(address) * kSpread) & (kPages - 1));
}

GuestMemory::Page* GuestMemory::find(u64 gfn) {
  if (gfn < kFirstGfn || gfn >= kFirstGfn + kPages) return nullptr;
  return &pages_[((gfn - kFirstGfn) * kSpreadInverse) & (kPages - 1)];
}

u8* GuestMemory::backend_view(u64 gfn, bool writable) {
  Page* const page = find(gfn);
  if (page == nullptr || page->owner.load(kRelaxed) == Owner::kNobody) return nullptr;
  const size_t index = static_cast<size_t>(page - pages_.data());
  return (writable ? backend_ : backend_readonly_) + index * kPageSize;
}

Owner GuestMemory::owner_of(u64 gfn) {
  Page* const page = find(gfn);
  return page == nullptr ? Owner::kNobody : page->owner.load(kRelaxed);
}

void GuestMemory::pin(u64 gfn) {
  Page* const page = find(gfn);
  if (page == nullptr || page->owner.load(kRelaxed) == Owner::kNobody) {
    violations_.add("memory: grant of a frame that is not the guest's or is free");
  }
  if (page != nullptr) page->pins.fetch_add(1, kRelaxed);
}

void GuestMemory::unpin(u64 gfn) {
  Page* const page = find(gfn);
  if (page != nullptr) page->pins.fetch_sub(1, kRelaxed);
}

size_t GuestMemory::in_use(Owner owner) const {
  const std::lock_guard lock(mutex_);
  size_t count = 0;
  for (const Page& page : pages_) count += page.owner == owner ? 1 : 0;
  return count;
}

}  // namespace pvk::fakes
