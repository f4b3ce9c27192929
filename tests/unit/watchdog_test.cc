// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The domain's watchdog over a transport that keeps two of them, as Xen does.
#include "pvops/watchdog.h"

#include <gtest/gtest.h>

namespace pvk {
namespace {

struct Xen {
  u32 timeouts[2] = {};
  bool in_use[2] = {};
  long fails = 0;  // returned for every call, unless 0
  int calls = 0;

  long call(u64 number, u64 operation, u64 argument, u64, u64, u64) {
    ++calls;
    EXPECT_EQ(number, u64{__HYPERVISOR_sched_op});
    EXPECT_EQ(operation, u64{SCHEDOP_watchdog});
    if (fails != 0) return fails;
    const auto& wish = *reinterpret_cast<const sched_watchdog*>(argument);
    return wish.id == 0 ? start(wish.timeout) : set(wish.id, wish.timeout);
  }
  long start(u32 timeout) {
    if (timeout == 0) return -XEN_EINVAL;
    for (u32 i = 0; i < 2; ++i) {
      if (in_use[i]) continue;
      in_use[i] = true;
      timeouts[i] = timeout;
      return i + 1;
    }
    return -XEN_ENOSPC;
  }
  long set(u32 id, u32 timeout) {
    if (id > 2 || !in_use[id - 1]) return -XEN_EINVAL;
    in_use[id - 1] = timeout != 0;
    timeouts[id - 1] = timeout;
    return 0;
  }
};

TEST(Watchdog, IsStartedOnceAndThenFed) {
  Xen xen;
  Watchdog dog;
  EXPECT_FALSE(dog.is_running());
  EXPECT_TRUE(dog.feed(xen, 30).ok());
  EXPECT_TRUE(dog.is_running());
  EXPECT_TRUE(dog.feed(xen, 45).ok());
  EXPECT_EQ(xen.timeouts[0], 45u);
  EXPECT_FALSE(xen.in_use[1]);
}

TEST(Watchdog, StopsAndStartsAgain) {
  Xen xen;
  Watchdog dog;
  EXPECT_TRUE(dog.stop(xen).ok());
  EXPECT_EQ(xen.calls, 0) << "there is nothing to stop";
  EXPECT_TRUE(dog.feed(xen, 30).ok());
  EXPECT_TRUE(dog.stop(xen).ok());
  EXPECT_FALSE(dog.is_running());
  EXPECT_FALSE(xen.in_use[0]);
  EXPECT_TRUE(dog.feed(xen, 30).ok());
  EXPECT_TRUE(xen.in_use[0]);
}

TEST(Watchdog, ARestoredDomainGetsANewOne) {
  Xen old_host;
  Watchdog other;
  ASSERT_TRUE(other.feed(old_host, 1).ok());
  Watchdog dog;
  ASSERT_TRUE(dog.feed(old_host, 30).ok());  // number 2
  Xen new_host;
  EXPECT_TRUE(dog.feed(new_host, 30).ok());
  EXPECT_EQ(new_host.timeouts[0], 30u);
  EXPECT_TRUE(dog.stop(new_host).ok());
  EXPECT_FALSE(new_host.in_use[0]);
}

TEST(Watchdog, ANewOwnerStopsWhatItFinds) {
  Xen xen;
  Watchdog former[2];
  ASSERT_TRUE(former[0].feed(xen, 60).ok());
  ASSERT_TRUE(former[1].feed(xen, 60).ok());
  Watchdog dog;
  dog.take_over(xen);
  EXPECT_FALSE(xen.in_use[0]) << "nobody feeds it any more";
  EXPECT_FALSE(xen.in_use[1]);
  EXPECT_FALSE(dog.is_running());
  ASSERT_TRUE(dog.feed(xen, 30).ok());
  EXPECT_EQ(xen.timeouts[0], 30u);
  EXPECT_FALSE(xen.in_use[1]);
}

TEST(Watchdog, ANewOwnerThatFindsNoneOrIsRefusedGoesOn) {
  Xen xen;
  Watchdog dog;
  dog.take_over(xen);
  EXPECT_EQ(xen.calls, int{Watchdog::kTimers});
  EXPECT_FALSE(xen.in_use[0] || xen.in_use[1]);
  xen.fails = -XEN_ENOSYS;
  dog.take_over(xen);
  xen.fails = 0;
  EXPECT_TRUE(dog.feed(xen, 30).ok());
}

TEST(Watchdog, OneThatXenForgotIsStopped) {
  Xen xen;
  Watchdog dog;
  ASSERT_TRUE(dog.feed(xen, 30).ok());
  xen.in_use[0] = false;
  EXPECT_TRUE(dog.stop(xen).ok());
  EXPECT_FALSE(dog.is_running());
}

TEST(Watchdog, NoneIsLeftOrTheCallIsRefused) {
  Xen xen;
  Watchdog dogs[3];
  EXPECT_TRUE(dogs[0].feed(xen, 5).ok());
  EXPECT_TRUE(dogs[1].feed(xen, 5).ok());
  EXPECT_FALSE(dogs[2].feed(xen, 5).ok());
  EXPECT_FALSE(dogs[2].is_running());
  xen.fails = -XEN_EPERM;
  EXPECT_EQ(dogs[0].feed(xen, 5).error(), Error::kNotAllowed);
  EXPECT_TRUE(dogs[0].is_running()) << "Xen still counts";
  EXPECT_FALSE(dogs[0].stop(xen).ok());
  EXPECT_TRUE(dogs[0].is_running());
}

TEST(Watchdog, FeedingForNoTimeIsNotStopping) {
  Xen xen;
  Watchdog dog;
  ASSERT_TRUE(dog.feed(xen, 30).ok());
  EXPECT_EQ(dog.feed(xen, 0).error(), Error::kBadValue);
  EXPECT_TRUE(xen.in_use[0]);
}

}  // namespace
}  // namespace pvk
