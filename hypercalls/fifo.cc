// SPDX-License-Identifier: MIT OR GPL-2.0-only
#include "hypercalls/fifo.h"

namespace pvk {

static_assert(FifoEvents::kPages == 128);
static_assert(sizeof(evtchn_fifo_control_block) == 72);

template class BasicFifo<SharedWords>;

Status FifoSetup::attach(Span<FifoView> views) {
  if (views.empty()) return Error::kBadValue;
  views_ = views;
  for (FifoView& view : views_) {
    view.control = nullptr;
    view.ready = 0;
    for (u32& head : view.heads) head = 0;
  }
  page_count_.set_release(0);
  return {};
}

Status FifoSetup::set_control(unsigned cpu, evtchn_fifo_control_block& control) {
  const uintptr_t address = reinterpret_cast<uintptr_t>(&control);
  // Xen refuses one that crosses a page or is not aligned to 8.
  if (cpu >= views_.size() || address % 8 != 0) return Error::kBadValue;
  if (address % kPageSize > kPageSize - sizeof(control)) return Error::kBadValue;
  if (views_[cpu].control != nullptr) return Error::kBusy;
  views_[cpu].control = &control;
  return {};
}

void FifoSetup::forget_control(unsigned cpu) {
  if (cpu < views_.size()) views_[cpu].control = nullptr;
}

bool FifoSetup::has_control(unsigned cpu) const {
  return cpu < views_.size() && views_[cpu].control != nullptr;
}

Status FifoSetup::add_page(void* page) {
  const u32 count = page_count_.relaxed();
  if (page == nullptr) return Error::kBadValue;
  if (count == kPages) return Error::kNoEvent;
  auto* const words = static_cast<event_word_t*>(page);
  for (u32 i = 0; i < kPortsPerPage; ++i) words[i] = fifo::kMasked;
  pages_[count] = words;
  page_count_.set_release(count + 1);  // scans see the page before Xen links anything in it
  return {};
}

void FifoSetup::remove_page() {
  if (const u32 count = page_count_.relaxed(); count != 0) page_count_.set_release(count - 1);
}

void FifoSetup::mask_all() {
  for (u32 page = 0; page < page_count(); ++page) {
    for (u32 i = 0; i < kPortsPerPage; ++i) {
      SharedWords::set_bit(pages_[page][i], EVTCHN_FIFO_MASKED);
    }
  }
}

Status FifoSetup::bind_vcpu(Port port, unsigned cpu) {
  if (port == 0 || !has_page(port) || !has_control(cpu)) return Error::kBadValue;
  return {};
}

}  // namespace pvk
