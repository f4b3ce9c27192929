// SPDX-License-Identifier: MIT OR GPL-2.0-only
// A backend that writes nonsense into xenstore, at the worst moment: at each single read of each
// phase, and with nodes that vanish. bad_input_test has the values of each key.
#include <gtest/gtest.h>

#include <cctype>
#include <optional>

#include "unit/whole_life.h"

namespace pvk::fakes {
namespace {

using block::DataMode;
using block::Operation;
using block::Outcome;

enum class Stage : u8 { kConnect, kResize, kRestart };

class HostileXenstore : public HostileTest {
 protected:
  void TearDown() override {
    machine.xenstore.tamper_with({});
    machine.xenstore.before_each({});
    HostileTest::TearDown();
  }

  // The n-th value that the guest reads of the victim's backend, its state apart, becomes `value`,
  // or is missing. The key is noted.
  void spoil(Life& life, size_t n, const std::optional<std::string>& value) {
    spoilt.clear();
    const std::string directory = life.backend.bus().backend + "/";
    const auto tamper = [=, this, seen = size_t{0}](const XsMessage& request,
                                                    XsMessage& reply) mutable {
      const std::string path = request.body.c_str();
      if (request.header.type != XS_READ || !path.starts_with(directory)) return;
      const std::string key = path.substr(directory.size());
      if (key == "state" || key == "online" || ++seen != n) return;
      spoilt = key;
      reply.header.type = value.has_value() ? XS_READ : XS_ERROR;
      reply.body = value.value_or(std::string("ENOENT\0", 7));
      reply.header.len = static_cast<u32>(reply.body.size());
    };
    machine.xenstore.tamper_with(tamper);
  }

  // Brings a disk to `stage` with everything on offer and requests in flight, and spoils it there.
  void play(Life& life, Stage stage, size_t n, const std::optional<std::string>& value) {
    offer_everything(life, DataMode::kDirect);
    if (stage == Stage::kConnect) {
      spoil(life, n, value);
      life.connect();
      return;
    }
    ASSERT_TRUE(life.connect());
    life.backend.behaviour.hold = true;
    life.submit(Operation::kWrite, 0, 20 * kPageSize);
    spoil(life, n, value);
    if (stage == Stage::kResize) {
      resize(life, "8192");
    } else {
      restart(life);
    }
  }

  void expect_verdict(Life& life, bool missing) {
    const bool required = spoilt == "sectors" || spoilt == "sector-size";
    if (missing && !required) {
      EXPECT_TRUE(life.disk->up()) << spoilt << " has a default";
      EXPECT_EQ(life.lines("'" + spoilt + "'"), 0u);
    } else {
      expect_given_up(life, "'" + spoilt + "'");
    }
    for (const LogLine& line : machine.log_lines()) {
      for (const char c : line.text) EXPECT_TRUE(std::isprint(c)) << line.text;
    }
  }

  std::string spoilt;
};

class EveryRead : public HostileXenstore, public testing::WithParamInterface<Stage> {
 protected:
  size_t spoil_each(const std::optional<std::string>& value) {
    for (size_t n = 1;; ++n) {
      Life life(machine);
      play(life, GetParam(), n, value);
      machine.xenstore.tamper_with({});
      if (spoilt.empty()) return n - 1;
      SCOPED_TRACE(spoilt + ", read " + std::to_string(n));
      expect_verdict(life, !value.has_value());
      life.end();
      expect_no_trace();
    }
  }
};
std::string name_of(const testing::TestParamInfo<Stage>& stage) {
  const char* const names[] = {"Connect", "Resize", "Restart"};
  return names[static_cast<size_t>(stage.param)];
}
INSTANTIATE_TEST_SUITE_P(At, EveryRead,
                         testing::Values(Stage::kConnect, Stage::kResize, Stage::kRestart),
                         name_of);

TEST_P(EveryRead, OfNothingTakesTheDefaultOrNamesTheKey) {
  EXPECT_GE(spoil_each(std::nullopt), GetParam() == Stage::kResize ? 1u : 14u);
}
TEST_P(EveryRead, OfNonsenseNamesTheKey) {
  const std::string nonsense[] = {"",
                                  " ",
                                  "-1",
                                  "-9223372036854775808",
                                  "18446744073709551616",
                                  "0x10",
                                  "1 1",
                                  "one",
                                  "\n",
                                  "\xff\xfe",
                                  "%s%n%p",
                                  std::string("1\0", 2),
                                  std::string(65, '1'),
                                  std::string(4000, '9')};
  for (const std::string& value : nonsense) spoil_each(value);
}

// xenstore itself refuses: no permission, no room. What only comes late: late_xenstore_test.
TEST_F(HostileXenstore, AReadThatFailsForAnotherReasonIsNotADefault) {
  for (const int error : {EPERM, EACCES, EINVAL, ENOSPC, EROFS}) {
    for (u64 n = 1;; ++n) {
      SCOPED_TRACE("error " + std::to_string(error) + " at read " + std::to_string(n));
      Life life(machine);
      offer_everything(life, DataMode::kDirect);
      machine.faults.fail_nth(Call::kXsRead, n, error);
      life.connect();
      const bool fired = machine.faults.fired();
      machine.faults.clear();
      if (fired) expect_given_up(life, "cannot be read");
      life.end();
      expect_no_trace();
      if (!fired) break;
    }
  }
}

// A whole directory vanishes, at each single message of a disk's life; the device stays as harmless
// as one that was unplugged, and comes back when the toolstack makes it again.
class Vanishing : public HostileXenstore {
 protected:
  bool vanish_at(size_t n, const std::string& directory, Life& life) {
    bool gone = false;
    machine.xenstore.before_each([=, this, &gone, seen = size_t{0}](const XsMessage&) mutable {
      if (++seen != n) return;
      gone = true;
      machine.xenstore.store().remove(directory);
    });
    live_through_everything(life);
    machine.xenstore.before_each({});
    life.end();
    forget_complaints_of_the_liar();
    return gone;
  }
};

TEST_F(Vanishing, TheBackendsDirectoryMayGoAtAnyMoment) {
  size_t n = 1;
  for (bool gone = true; gone; ++n) {
    SCOPED_TRACE(n);
    {
      Life life(machine);
      offer_everything(life, DataMode::kPersistent);
      gone = vanish_at(n, life.backend.bus().backend, life);
    }
    expect_no_trace();
  }
  EXPECT_GT(n, 120u) << "the sweep reached few messages";
  Life again(machine);
  EXPECT_TRUE(again.connect());
}

TEST_F(Vanishing, OurOwnDirectoryMayGoAtAnyMoment) {
  size_t n = 1;
  for (bool gone = true; gone; ++n) {
    SCOPED_TRACE(n);
    {
      Life life(machine);
      offer_everything(life, DataMode::kDirect);
      gone = vanish_at(n, life.backend.bus().frontend, life);
    }
    expect_no_trace();
  }
  EXPECT_GT(n, 120u) << "the sweep reached few messages";
  Life again(machine);
  EXPECT_TRUE(again.connect());
}

// Linux 6.12 scans sector-size as a long into 16 bits and so writes over its neighbours.
TEST_F(HostileXenstore, AWideNumberOverwritesNoNeighbour) {
  for (const char* size : {"4294967808", "65536", "1099511628288", "18446744073709551104"}) {
    Life life(machine);
    life.backend.offered.late["sector-size"] = size;
    life.backend.offered.late["physical-sector-size"] = "4096";
    EXPECT_FALSE(life.connect());
    expect_given_up(life, "'sector-size'");
    EXPECT_EQ(life.lines(size), 1u);
    life.end();
    expect_no_trace();
  }
}

// "allow discard-* nodes to be optional" (Linux, 2021): each alone, none and all.
TEST_F(HostileXenstore, DiscardNodesAreOptional) {
  const char* const nodes[][2] = {
      {"discard-granularity", "8192"}, {"discard-alignment", "512"}, {"discard-secure", "1"}};
  for (unsigned set = 0; set < 8; ++set) {
    Life life(machine);
    life.backend.allow_discard();
    for (unsigned i = 0; i < 3; ++i) {
      if ((set & 1u << i) != 0) life.backend.offered.late[nodes[i][0]] = nodes[i][1];
    }
    ASSERT_TRUE(life.connect()) << set;
    const block::DiskOffer& offer = life.disk->device().offer();
    EXPECT_EQ(offer.discard_granularity, (set & 1) != 0 ? 8192u : 512u);
    EXPECT_EQ(offer.discard_alignment, (set & 2) != 0 ? 512u : 0u);
    EXPECT_EQ(offer.secure_discard, (set & 4) != 0);
    EXPECT_EQ(life.disk->discard(0, 8)->outcome, Outcome::kDone);
    life.end();
    expect_no_trace();
  }
}

// The largest disk that is believed, and none at all: arithmetic at the edges harms nothing.
TEST_F(HostileXenstore, AbsurdSizesThatAreNumbersCostOnlyErrors) {
  for (const char* sectors : {"0", "1", "18014398509481983"}) {
    Life life(machine);
    life.backend.offered.late["sectors"] = sectors;
    ASSERT_TRUE(life.connect());
    const u64 last = std::stoull(sectors);
    for (const u64 sector : {last, last - 1, ~u64{0}, u64{1} << 55}) {
      const auto io = life.submit(Operation::kRead, sector, kPageSize);
      ASSERT_TRUE(io != nullptr && io->finished);
    }
    EXPECT_TRUE(life.disk->up());
    life.end();
    expect_no_trace();
  }
}

// Only the size may change under a connected disk; what else changes waits for the next connection.
TEST_F(HostileXenstore, AResizeTakesTheSizeAndNothingElse) {
  Life life(machine);
  ASSERT_TRUE(life.connect());
  for (const char* key : {"feature-persistent", "feature-discard", "feature-flush-cache"}) {
    life.backend.write(key, "1");
  }
  life.backend.write("sector-size", "4096");
  life.backend.write("physical-sector-size", "4096");
  life.backend.write("info", "4");
  resize(life, "8192");
  EXPECT_EQ(life.disk->resized_to, 8192u);
  const block::DiskOffer& offer = life.disk->device().offer();
  EXPECT_EQ(offer.sector_size, 512u);
  EXPECT_FALSE(offer.read_only || offer.persistent || offer.discard || offer.flush);
  EXPECT_EQ(life.disk->plan().data_mode, DataMode::kDirect);
  EXPECT_EQ(life.submit(Operation::kWrite, 3, 512)->outcome, Outcome::kDone);
  life.end();
  expect_no_trace();
}

// A backend may come back as quite another one, while requests of the old kind are in flight.
TEST_F(HostileXenstore, WhatIsOfferedMayChangeAtEveryRestart) {
  Life life(machine, {}, 2);
  offer_everything(life, DataMode::kPersistent);
  ASSERT_TRUE(life.connect());
  for (unsigned kind = 0; kind < 32; ++kind) {
    SCOPED_TRACE(kind);
    life.backend.behaviour.hold = true;
    life.submit(Operation::kWrite, 64, life.disk->plan().max_segments * kPageSize);
    life.backend.disconnect();
    life.backend.behaviour = {};
    life.backend.offered.early.clear();
    for (const char* key : {"max-ring-page-order", "multi-queue-max-queues"}) {
      machine.xenstore.store().remove(life.backend.bus().backend + "/" + key);
    }
    life.backend.behaviour.persistent = (kind & 1) != 0;
    life.backend.offered.late["feature-persistent"] = (kind & 1) != 0 ? "1" : "0";
    life.backend.allow_indirect((kind & 2) != 0 ? 32 : 0);
    if ((kind & 4) != 0) life.backend.allow_queues(2);
    if ((kind & 8) != 0) life.backend.allow_ring_order(1);
    life.backend.behaviour.flush = (kind & 16) != 0;
    life.backend.offered.late["feature-flush-cache"] = (kind & 16) != 0 ? "1" : "0";
    life.backend.offer();
    machine.settle();
    ASSERT_TRUE(life.disk->up());
    EXPECT_EQ(life.submit(Operation::kRead, 0, 11 * kPageSize)->outcome, Outcome::kDone);
  }
  life.end();
  expect_no_trace();
}

}  // namespace
}  // namespace pvk::fakes
