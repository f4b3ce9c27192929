// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "bench/platform.h"

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "bench/stepper.h"

using pvk::bench::platform;

struct pvk_event {};

namespace pvk::bench {
namespace {

constexpr size_t kAlignment = 64;  // what pvk_alloc promises

void* zeroed(size_t alignment, size_t bytes) {
  const size_t rounded = (bytes + alignment - 1) / alignment * alignment;
  void* const memory = std::aligned_alloc(alignment, rounded);
  if (memory != nullptr) std::memset(memory, 0, rounded);
  return memory;
}

}  // namespace

Platform& platform() {
  static Platform instance;
  return instance;
}

}  // namespace pvk::bench

void* pvk_alloc(pvk_size bytes) { return pvk::bench::zeroed(pvk::bench::kAlignment, bytes); }
void pvk_free(void* memory) { std::free(memory); }

void* pvk_pages_alloc(unsigned int count, int /*may_sleep*/) {
  return pvk::bench::zeroed(PVK_PAGE_SIZE, size_t{count} * PVK_PAGE_SIZE);
}

// Only single pages are freed while the program runs; a larger block ends with it.
void pvk_pages_free(void* pages, unsigned int count) {
  if (count == 1) std::free(pages);
}

pvk_u64 pvk_gfn(const void* address) {
  ++platform().calls.frames_looked_up;
  return reinterpret_cast<uintptr_t>(address) / PVK_PAGE_SIZE;
}

int pvk_grant_reserve(unsigned int count, pvk_u32* first) {
  *first = platform().next_ref;
  platform().next_ref += count;
  return 0;
}

void pvk_grant_release(pvk_u32 /*first*/, unsigned int /*count*/) {}

void pvk_grant_publish(pvk_u32 ref, pvk_u16 /*domid*/, pvk_u64 /*gfn*/, int /*readonly*/) {
  ++platform().calls.published;
  platform().references.push_back(ref);
}

int pvk_grant_revoke(pvk_u32 /*ref*/) {
  ++platform().calls.revoked;
  return 0;
}

int pvk_grant_end(pvk_u32 /*ref*/) { return 0; }

void pvk_grant_park(pvk_u32 /*ref*/, void* /*page*/, int /*owned*/) {}

int pvk_event_open(pvk_bus* /*bus*/, pvk_upcall /*upcall*/, void* /*context*/, pvk_event** event) {
  static pvk_event the_event;
  *event = &the_event;
  return 0;
}

void pvk_event_close(pvk_event* /*event*/) {}
pvk_u32 pvk_event_port(const pvk_event* /*event*/) { return 1; }
void pvk_event_notify(pvk_event* /*event*/) { ++platform().calls.notified; }

pvk_u16 pvk_bus_backend_domid(const pvk_bus* /*bus*/) { return 0; }
const char* pvk_bus_name(const pvk_bus* /*bus*/) { return "bench"; }

void pvk_log(int /*level*/, const char* device, const char* format, ...) {
  va_list arguments;
  va_start(arguments, format);
  std::fprintf(stderr, "%s: ", device);
  std::vfprintf(stderr, format, arguments);
  std::fputc('\n', stderr);
  va_end(arguments);
}

void pvk_panic(const char* why) {
  std::fprintf(stderr, "pvk_panic: %s\n", why);
  std::abort();
}

// bench.mk makes the core call this instead of memcpy, so that a copy is one counted event.
extern "C" void* pvk_bench_copy(void* to, const void* from, size_t bytes) {
  const pvk::bench::Unstepped full_speed;
  ++platform().calls.copies;
  platform().calls.copied_bytes += bytes;
  return std::memcpy(to, from, bytes);
}
