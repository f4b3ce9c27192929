// SPDX-License-Identifier: MIT OR GPL-2.0-only
// What a hypervisor does to send an event and to unmask a port, by both ABIs, one access to shared
// memory at a time (xen/xen.h, struct shared_info; xen/event_channel.h). `Turn` says what happens
// between two accesses: NoTurns or Turns of upcall_steps.h.
#pragma once

#include "pvkit/abi/xen.h"

#include <xen/event_channel.h>
#include <xen/xen.h>

#include <functional>
#include <map>
#include <utility>

#include "fakes/upcall_steps.h"

namespace pvk::fakes {

template <class Turn>
class UpcallXen {
 public:
  explicit UpcallXen(shared_info& shared) : shared_(shared) {}
  virtual ~UpcallXen() = default;

  // For the vCPU to which the port is bound now: it is looked up before anything else, so that an
  // event which is under way while the port moves is marked for the old one.
  void send(Port port) {
    ++sending_;
    send_to(port, look_up(port));
    --sending_;
  }
  bool is_sending() const { return sending_ != 0; }
  virtual void unmask(Port port) = 0;  // EVTCHNOP_unmask
  void bind_vcpu(Port port, unsigned cpu) {
    Turn::step();
    set_vcpu(port, cpu);
  }
  void set_vcpu(Port port, unsigned cpu) { vcpu_of_[port] = cpu; }
  unsigned vcpu_of(Port port) const {
    const auto found = vcpu_of_.find(port);
    return found == vcpu_of_.end() ? 0 : found->second;
  }
  // An upcall that was raised and not yet taken. A second one joins it, as in a local APIC.
  bool has_upcall(unsigned cpu) const { return raised_[cpu]; }
  bool take_upcall(unsigned cpu) { return std::exchange(raised_[cpu], false); }

  // In the same step as the pending bit.
  std::function<void(Port)> on_sent;

  // What Xen remembers, as a number.
  virtual u64 memory() const {
    u64 hash = sending_;
    for (const auto& [port, cpu] : vcpu_of_) hash = mix(mix(hash, port), cpu);
    for (const bool raised : raised_) hash = mix(hash, raised ? 1 : 0);
    return hash;
  }

 protected:
  virtual void send_to(Port port, unsigned cpu) = 0;
  unsigned look_up(Port port) const {
    const unsigned cpu = vcpu_of(port);
    Turn::note(cpu);
    return cpu;
  }
  template <class T>
  static bool test_and_set(T& word, u32 bit) {
    Turn::step();
    const bool was = (word >> bit & 1) != 0;
    word = static_cast<T>(word | T{1} << bit);
    Turn::note(was ? 1 : 0);
    return was;
  }
  template <class T>
  static T load(const T& word) {
    Turn::step();
    Turn::note(word);
    return word;
  }
  template <class T>
  static bool test(const T& word, u32 bit) {
    return (load(word) >> bit & 1) != 0;
  }
  template <class T>
  static bool test_and_clear(T& word, u32 bit) {
    Turn::step();
    const bool was = (word >> bit & 1) != 0;
    word = static_cast<T>(word & ~(T{1} << bit));
    Turn::note(was ? 1 : 0);
    return was;
  }
  bool set_pending(auto& word, u32 bit, Port port) {
    const bool was = test_and_set(word, bit);
    if (on_sent) on_sent(port);
    return was;
  }
  // Only the step from 0 to 1 raises an upcall.
  void mark_pending(unsigned cpu) {
    if (!test_and_set(shared_.vcpu_info[cpu].evtchn_upcall_pending, 0)) raised_[cpu] = true;
  }

  shared_info& shared_;

 private:
  std::map<Port, unsigned> vcpu_of_;
  u32 sending_ = 0;
  bool raised_[XEN_LEGACY_MAX_VCPUS] = {};
};

template <class Turn>
class TwoLevelXen : public UpcallXen<Turn> {
  using Xen = UpcallXen<Turn>;

 public:
  using Xen::Xen;

  void unmask(Port port) override {
    if (!Xen::test_and_clear(this->shared_.evtchn_mask[port / 64], port % 64)) return;
    if (Xen::test(this->shared_.evtchn_pending[port / 64], port % 64)) {
      select(port, Xen::look_up(port));
    }
  }

 private:
  void send_to(Port port, unsigned cpu) override {
    if (Xen::set_pending(this->shared_.evtchn_pending[port / 64], port % 64, port)) return;
    if (!Xen::test(this->shared_.evtchn_mask[port / 64], port % 64)) select(port, cpu);
  }
  void select(Port port, unsigned cpu) {
    auto& selector = this->shared_.vcpu_info[cpu].evtchn_pending_sel;
    if (!Xen::test_and_set(selector, port / 64)) Xen::mark_pending(cpu);
  }
};

// The event words of one page, and each vCPU's control block.
template <class Turn>
class FifoXen : public UpcallXen<Turn> {
  using Xen = UpcallXen<Turn>;

 public:
  FifoXen(shared_info& shared, event_word_t* words, evtchn_fifo_control_block* controls)
      : Xen(shared), words_(words), controls_(controls) {}

  void set_priority(Port port, u32 priority) { priority_[port] = priority; }
  void unmask(Port port) override {
    Xen::test_and_clear(words_[port], EVTCHN_FIFO_MASKED);
    if (!Xen::test(words_[port], EVTCHN_FIFO_PENDING)) return;
    if (!Xen::test(words_[port], EVTCHN_FIFO_MASKED)) link(port, Xen::look_up(port));
  }
  u64 memory() const override {
    u64 hash = mix(Xen::memory(), locked_ ? 1 : 0);
    for (const auto& [queue, tail] : tails_) hash = mix(mix(hash, queue.first), tail);
    return hash;
  }

 private:
  void send_to(Port port, unsigned cpu) override {
    Xen::set_pending(words_[port], EVTCHN_FIFO_PENDING, port);
    if (!Xen::test(words_[port], EVTCHN_FIFO_MASKED)) link(port, cpu);
  }
  using Queue = std::pair<unsigned, u32>;  // vCPU, priority

  // Under a lock of the hypervisor's: senders of one queue wait for each other.
  void link(Port port, unsigned cpu) {
    if (Xen::test(words_[port], EVTCHN_FIFO_LINKED)) return;
    if constexpr (SameAs<Turn, Turns>) {
      const std::function<bool()> free = [this] { return !locked_; };
      while (locked_ && Interleaver::wait_until(free)) {
      }
    }
    locked_ = true;
    const Queue queue{cpu, priority_of(port)};
    const bool wake = !Xen::test_and_set(words_[port], EVTCHN_FIFO_LINKED) && append(port, queue);
    locked_ = false;
    if (!wake) return;
    if (!Xen::test_and_set(controls_[queue.first].ready, queue.second)) {
      Xen::mark_pending(queue.first);
    }
  }
  // Whether the queue was empty, so that the vCPU has to be told.
  bool append(Port port, const Queue& queue) {
    for (auto& [each, tail] : tails_) {
      if (tail == port) tail = 0;  // it has left the queue at whose end it was
    }
    Port& tail = tails_[queue];
    const Port last = std::exchange(tail, port);
    if (last != 0 && set_link(words_[last], port)) return false;
    Turn::step();
    controls_[queue.first].head[queue.second] = port;
    return true;
  }
  // False when the tail was taken out of its queue meanwhile.
  static bool set_link(event_word_t& word, Port port) {
    for (bool busy = false;; busy = true) {
      if (busy) Xen::test_and_set(word, EVTCHN_FIFO_BUSY);
      const event_word_t seen = load(word);
      if ((seen & 1u << EVTCHN_FIFO_LINKED) == 0) {
        if (busy) Xen::test_and_clear(word, EVTCHN_FIFO_BUSY);
        return false;
      }
      Turn::step();
      const bool same = word == seen;
      if (same) word = (seen & ~(u32{EVTCHN_FIFO_LINK_MASK} | 1u << EVTCHN_FIFO_BUSY)) | port;
      Turn::note(same ? 1 : 0);
      if (same) return true;
    }
  }
  static event_word_t load(const event_word_t& word) { return Xen::load(word); }
  u32 priority_of(Port port) const {
    const auto found = priority_.find(port);
    return found == priority_.end() ? u32{EVTCHN_FIFO_PRIORITY_DEFAULT} : found->second;
  }

  event_word_t* words_;
  evtchn_fifo_control_block* controls_;
  std::map<Port, u32> priority_;
  std::map<Queue, Port> tails_;
  bool locked_ = false;
};

}  // namespace pvk::fakes
