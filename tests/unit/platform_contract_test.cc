// SPDX-License-Identifier: MIT OR GPL-2.0-only
// platform.h is a contract: counted, and the model keeps it.
#include "pvkit/platform.h"

#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <regex>
#include <set>

#include "unit/machine_test.h"

namespace pvk::fakes {
namespace {

TEST(PlatformHeader, DeclaresAtMostThirtyFunctions) {
  std::ifstream file(PVK_PLATFORM_HEADER);
  ASSERT_TRUE(file.is_open());
  std::string text((std::istreambuf_iterator<char>(file)), {});
  text = std::regex_replace(text, std::regex(R"(/\*[^*]*\*+(?:[^/*][^*]*\*+)*/)"), " ");
  std::set<std::string> functions;
  const std::regex declaration(R"(\b(pvk_[a-z_]+)\()");
  for (std::sregex_iterator at(text.begin(), text.end(), declaration), end; at != end; ++at) {
    functions.insert((*at)[1]);
  }
  EXPECT_TRUE(functions.contains("pvk_pages_alloc"));
  EXPECT_TRUE(functions.contains("pvk_panic"));
  EXPECT_GE(functions.size(), 20u) << "the test no longer finds the declarations";
  EXPECT_LE(functions.size(), 30u);
}

class Platform : public MachineTest {
 protected:
  Platform() {
    bus.frontend = "/front";
    bus.backend = "/back";
    bus.backend_domid = kBackend;
  }
  pvk_bus bus;
};

TEST_F(Platform, MemoryComesZeroed) {
  for (int round = 0; round < 2; ++round) {
    auto* const block = static_cast<u8*>(pvk_alloc(100));
    auto* const pages = static_cast<u8*>(pvk_pages_alloc(2, 1));
    ASSERT_NE(block, nullptr);
    ASSERT_NE(pages, nullptr);
    EXPECT_EQ(reinterpret_cast<uintptr_t>(pages) % kPageSize, 0u);
    for (size_t i = 0; i < 100; ++i) EXPECT_EQ(block[i], 0);
    for (size_t i = 0; i < 2 * kPageSize; ++i) ASSERT_EQ(pages[i], 0);
    std::memset(block, 1, 100);
    std::memset(pages, 1, 2 * kPageSize);
    pvk_free(block);
    pvk_pages_free(pages, 2);
  }
}

TEST_F(Platform, FramesOfNeighboursAreNotNeighbours) {
  auto* const pages = static_cast<u8*>(pvk_pages_alloc(2, 1));
  EXPECT_EQ(pvk_gfn(pages), pvk_gfn(pages + kPageSize - 1));
  EXPECT_NE(pvk_gfn(pages) + 1, pvk_gfn(pages + kPageSize));
  pvk_pages_free(pages, 2);
}

TEST_F(Platform, AValueLongerThanTheBufferIsARangeError) {
  machine.xenstore.store().write("/back/key", "12345");
  char buffer[5];
  EXPECT_EQ(pvk_xs_read(&bus, PVK_BACKEND, "key", buffer, 5), 5);
  EXPECT_EQ(pvk_xs_read(&bus, PVK_BACKEND, "key", buffer, 4), -PVK_ERANGE);
  EXPECT_EQ(pvk_xs_read(&bus, PVK_BACKEND, "other", buffer, 4), -PVK_ENOENT);
  EXPECT_EQ(pvk_xs_read(&bus, PVK_FRONTEND, "key", buffer, 4), -PVK_ENOENT);
}

TEST_F(Platform, ACommitAfterAnotherWriterIsEagain) {
  pvk_u32 transaction = 0;
  ASSERT_EQ(pvk_xs_begin(&bus, &transaction), 0);
  ASSERT_EQ(pvk_xs_write(&bus, transaction, "key", "ours"), 0);
  machine.xenstore.store().write("/front/key", "theirs");
  EXPECT_EQ(pvk_xs_end(&bus, transaction, 1), -PVK_EAGAIN);
  EXPECT_EQ(machine.xenstore.store().read("/front/key"), "theirs");
  EXPECT_EQ(machine.xenstore.store().open_transactions(), 0u);
}

TEST_F(Platform, SleepingWhereNothingMayIsSeen) {
  void* block = nullptr;
  {
    const AtomicContext interrupt;
    block = pvk_alloc(8);
    pvk_pages_free(pvk_pages_alloc(1, 0), 1);
  }
  pvk_free(block);
  EXPECT_EQ(machine.violations.take().size(), 1u);
}

TEST_F(Platform, LeaksAreSeen) {
  void* const block = pvk_alloc(8);
  void* const page = pvk_pages_alloc(1, 1);
  pvk_u32 ref = 0;
  ASSERT_EQ(pvk_grant_reserve(1, &ref), 0);
  pvk_grant_publish(ref, kBackend, pvk_gfn(page), 0);
  pvk_event* event = nullptr;
  ASSERT_EQ(pvk_event_open(
                &bus, [](void*) { return 0; }, nullptr, &event),
            0);
  EXPECT_EQ(machine.leaks().size(), 5u);
  pvk_event_close(event);
  EXPECT_EQ(pvk_grant_revoke(ref), 0);
  pvk_grant_release(ref, 1);
  pvk_pages_free(page, 1);
  pvk_free(block);
}

TEST_F(Platform, AnyCallCanBeMadeToFail) {
  machine.faults.fail_nth(Call::kPagesAlloc, 2);
  void* const first = pvk_pages_alloc(1, 1);
  EXPECT_NE(first, nullptr);
  EXPECT_EQ(pvk_pages_alloc(1, 1), nullptr);
  EXPECT_TRUE(machine.faults.fired());
  pvk_pages_free(first, 1);

  machine.faults.clear();
  machine.faults.fail_any(2);
  pvk_u32 transaction = 0;
  EXPECT_EQ(pvk_xs_begin(&bus, &transaction), 0);
  EXPECT_EQ(pvk_xs_write(&bus, transaction, "key", "value"), -PVK_EIO);
  EXPECT_EQ(pvk_xs_end(&bus, transaction, 1), 0);
}

}  // namespace
}  // namespace pvk::fakes
