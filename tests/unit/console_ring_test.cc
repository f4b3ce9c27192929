// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The console's rings against a daemon of the test's, honest or not.
#include "pvops/console_ring.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>
#include <thread>

namespace pvk {
namespace {

constexpr u32 kIn = ConsoleRing::kInSize;
constexpr u32 kOut = ConsoleRing::kOutSize;

TEST(ConsoleAbi, IsTheHeaders) {
  EXPECT_EQ(kIn, 1024u);
  EXPECT_EQ(kOut, 2048u);
  EXPECT_EQ(offsetof(xencons_interface, in_cons), 3072u);
  EXPECT_EQ(sizeof(xencons_interface), 3088u);
}

// Every test at indexes that wrap and at such that do not.
class Console : public testing::TestWithParam<u32> {
 protected:
  Console() {
    page->in_cons = page->in_prod = page->out_cons = page->out_prod = GetParam();
    ring.attach(*page);
  }
  u32 write(const std::string& text) { return ring.write({text.data(), text.size()}).value(); }
  std::string read(size_t most = 4096) {
    std::string buffer(most, '?');
    buffer.resize(ring.read({buffer.data(), buffer.size()}).value());
    return buffer;
  }
  void daemon_types(const std::string& text) {
    for (const char character : text) page->in[page->in_prod++ % kIn] = character;
  }
  std::string daemon_reads() {
    std::string text;
    while (page->out_cons != page->out_prod) text += page->out[page->out_cons++ % kOut];
    return text;
  }
  std::unique_ptr<xencons_interface> page = std::make_unique<xencons_interface>();
  ConsoleRing ring;
};
INSTANTIATE_TEST_SUITE_P(From, Console, testing::Values(0u, 1000u, ~u32{0} - 5, ~u32{0}));

std::string alphabet(size_t length) {
  std::string text;
  for (size_t i = 0; i < length; ++i) text += static_cast<char>('a' + i % 26);
  return text;
}

TEST_P(Console, TextGoesOutAndComesIn) {
  EXPECT_EQ(write("hello"), 5u);
  EXPECT_EQ(page->out_prod, GetParam() + 5);
  EXPECT_EQ(daemon_reads(), "hello");
  EXPECT_EQ(read(), "");
  daemon_types("reply");
  EXPECT_EQ(read(), "reply");
  EXPECT_EQ(page->in_cons, GetParam() + 5);
  EXPECT_EQ(read(), "");
}

TEST_P(Console, TakesWhatThereIsRoomFor) {
  const std::string text = alphabet(kOut + 100);
  EXPECT_EQ(write(text), kOut);
  EXPECT_EQ(ring.room().value(), 0u);
  EXPECT_EQ(write("more"), 0u);
  EXPECT_EQ(daemon_reads(), text.substr(0, kOut));
  EXPECT_EQ(ring.room().value(), kOut);
  EXPECT_EQ(write("more"), 4u);
}

TEST_P(Console, ADaemonThatTakesEverythingMakesRoom) {
  EXPECT_FALSE(ring.drained().value()) << "nothing was written";
  for (int i = 0; i < 3; ++i) {
    EXPECT_EQ(write(alphabet(kOut + 1)), kOut);
    EXPECT_FALSE(ring.drained().value()) << "nothing was read";
    EXPECT_EQ(daemon_reads().size(), kOut);
    EXPECT_TRUE(ring.drained().value()) << "as much room as the time before, but another's";
    EXPECT_FALSE(ring.drained().value()) << "said once";
  }
}

TEST_P(Console, ADaemonThatReadWhatIsWrittenMeanwhileMadeRoom) {
  write("abcd");
  page->out_cons += 2;
  write("ef");  // the room is what it was
  EXPECT_TRUE(ring.drained().value());
  EXPECT_EQ(daemon_reads(), "cdef");
  EXPECT_TRUE(ring.drained().value());
}

TEST_P(Console, WhatWasReadBeforeIsNoNews) {
  write("abc");
  daemon_reads();
  ConsoleRing next;
  next.attach(*page);
  EXPECT_FALSE(next.drained().value());
}

TEST_P(Console, ReadsInPieces) {
  daemon_types(alphabet(kIn));
  EXPECT_EQ(read(10), alphabet(10));
  EXPECT_EQ(read(0), "");
  EXPECT_EQ(read().size(), kIn - 10);
}

TEST_P(Console, ADaemonThatReadWhatWasNotWritten) {
  write("abc");
  for (const u32 lie :
       {page->out_prod + 1, page->out_prod - kOut - 1, page->out_prod + (1u << 31)}) {
    page->out_cons = lie;
    EXPECT_EQ(ring.room().error(), Error::kBackendProtocol);
    EXPECT_EQ(ring.drained().error(), Error::kBackendProtocol);
    EXPECT_EQ(ring.write({"x", 1}).error(), Error::kBackendProtocol);
    EXPECT_EQ(page->out_prod, GetParam() + 3) << "nothing moved";
  }
}

TEST_P(Console, ADaemonThatTypesMoreThanThereIsRoomFor) {
  char buffer[16];
  for (const u32 lie : {kIn + 1, 1u << 31, ~u32{0}}) {
    page->in_prod = GetParam() + lie;
    EXPECT_EQ(ring.read(Span<char>(buffer)).error(), Error::kBackendProtocol) << lie;
    EXPECT_EQ(page->in_cons, GetParam());
  }
}

TEST_P(Console, OurOwnIndexesAreNotReadBack) {
  write("abc");
  page->out_prod = 77;  // the daemon can write here
  page->in_cons = 99;
  EXPECT_EQ(write("def"), 3u);
  EXPECT_EQ(page->out_prod, GetParam() + 6);
  daemon_types("x");
  EXPECT_EQ(read(), "x");
  EXPECT_EQ(page->in_cons, GetParam() + 1);
}

TEST_P(Console, GoesOnWhereAnotherStopped) {
  write("firmware");
  daemon_types("keys");
  ConsoleRing next;
  next.attach(*page);
  EXPECT_EQ(next.write({"!", 1}).value(), 1u);
  EXPECT_EQ(daemon_reads(), "firmware!");
  char buffer[16];
  EXPECT_EQ(next.read(Span<char>(buffer)).value(), 4u);
}

TEST_P(Console, NonsenseFromBeforeIsThrownAway) {
  page->out_prod = page->out_cons + kOut + 1;
  page->in_prod = page->in_cons + kIn + 1;
  ConsoleRing next;
  next.attach(*page);
  EXPECT_EQ(page->out_prod, page->out_cons);
  EXPECT_EQ(page->in_cons, page->in_prod);
  EXPECT_EQ(next.room().value(), kOut);
  char buffer[16];
  EXPECT_EQ(next.read(Span<char>(buffer)).value(), 0u);
}

// The daemon on another thread: what goes in comes out, whole and in order.
TEST(ConsoleThreads, ALongTextArrivesWhole) {
  const auto page = std::make_unique<xencons_interface>();
  ConsoleRing ring;
  ring.attach(*page);
  const std::string text = alphabet(100'000);
  std::string got;
  std::thread daemon([&] {
    u32 consumed = 0;
    while (got.size() < text.size()) {
      const u32 produced = observe(page->out_prod);
      while (consumed != produced) got += page->out[consumed++ % kOut];
      publish(page->out_cons, consumed);
      std::this_thread::yield();
    }
  });
  size_t sent = 0;
  while (sent < text.size()) {
    const Result<u32> count = ring.write({text.data() + sent, text.size() - sent});
    EXPECT_TRUE(count.ok());
    sent += count.value_or(0);
    if (count.value_or(0) == 0) std::this_thread::yield();
  }
  daemon.join();
  EXPECT_EQ(got, text);
}

// As a terminal's writer does it: who finds no room sleeps until an event says that some was made.
TEST(ConsoleThreads, AWriterThatSleepsIsWoken) {
  const auto page = std::make_unique<xencons_interface>();
  ConsoleRing ring;
  ring.attach(*page);
  const std::string text = alphabet(20'000);
  std::string got;
  std::mutex lock;  // the port's, for the producer's side
  std::condition_variable woken;
  u32 wakes = 0;
  std::atomic<bool> asleep_for_good = false;
  std::thread daemon([&] {
    u32 consumed = 0;
    while (got.size() < text.size() && !asleep_for_good) {
      const u32 produced = observe(page->out_prod);
      if (produced == consumed) std::this_thread::yield();
      if (produced == consumed) continue;
      while (consumed != produced) got += page->out[consumed++ % kOut];  // all in one go
      publish(page->out_cons, consumed);
      const std::lock_guard guard(lock);  // the event
      if (!ring.drained().value_or(false)) continue;
      ++wakes;
      woken.notify_one();
    }
  });
  size_t sent = 0;
  while (sent < text.size() && !asleep_for_good) {
    std::unique_lock guard(lock);
    const u32 count = ring.write({text.data() + sent, text.size() - sent}).value_or(0);
    sent += count;
    if (count != 0) continue;
    const auto again = [&, before = wakes] { return wakes != before; };
    asleep_for_good = !woken.wait_for(guard, std::chrono::seconds(20), again);
  }
  daemon.join();
  EXPECT_FALSE(asleep_for_good);
  EXPECT_EQ(got, text);
}

}  // namespace
}  // namespace pvk
