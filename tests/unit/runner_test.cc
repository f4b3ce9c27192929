// SPDX-License-Identifier: MIT OR GPL-2.0-only
// The test of the tests: what main.cc tells Kyua is what happened.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <fstream>
#include <string>

#include "unit/atf_names.h"

namespace pvk::unit {
namespace {

// Cases for this program to run in another process of itself; harmless on their own.
TEST(Sample, Passes) { EXPECT_EQ(1 + 1, 2); }
TEST(Sample, FailsWhenTold) {
  if (std::getenv("PVKIT_SAMPLE_FAILS") != nullptr) FAIL() << "told\nto fail";
}
TEST(Sample, SkipsWhenTold) {
  if (std::getenv("PVKIT_SAMPLE_SKIPS") != nullptr) GTEST_SKIP() << "told to skip";
}
class SampleRange : public testing::TestWithParam<int> {};
TEST_P(SampleRange, IsSmall) { EXPECT_LT(GetParam(), 3); }
INSTANTIATE_TEST_SUITE_P(Few, SampleRange, testing::Values(1, 2));

struct Ran {
  int status;
  std::string output;
};

Ran run(const std::string& command) {
  Ran ran{-1, ""};
  FILE* const pipe = popen((command + " 2>&1").c_str(), "r");
  if (pipe == nullptr) return ran;
  std::array<char, 4096> buffer;
  while (const size_t got = fread(buffer.data(), 1, buffer.size(), pipe)) {
    ran.output.append(buffer.data(), got);
  }
  const int status = pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

std::string self() {
  std::array<char, 4096> path{};
  return readlink("/proc/self/exe", path.data(), path.size() - 1) > 0 ? path.data() : "";
}

std::string beside(const std::string& name) {
  const std::string path = self();
  return path.substr(0, path.rfind('/') + 1) + name;
}

class Runner : public testing::Test {
 protected:
  // What stands in the result file after running `name` as Kyua would.
  Ran run_case(const std::string& name, const std::string& settings = "") {
    Ran ran =
        run(settings + " " + self() + " -s . -v unprivileged-user=x -r " + file_ + " " + name);
    std::ifstream result(file_);
    std::string line;
    std::getline(result, line);
    ran.output = line;
    return ran;
  }
  void TearDown() override { std::remove(file_.c_str()); }

  const std::string file_ = testing::TempDir() + "pvkit-result-" + std::to_string(getpid());
};

TEST_F(Runner, ListsEveryCaseOnce) {
  const Ran ran = run(self() + " -l");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output.find("Content-Type: application/X-atf-tp; version=\"1\"\n\nident: "), 0u);
  const auto has = [&](const std::string& ident) {
    const std::string line = "\nident: " + ident + "\n";
    const size_t first = ran.output.find(line);
    return first != std::string::npos && ran.output.find(line, first + 1) == std::string::npos;
  };
  EXPECT_TRUE(has("Sample.Passes"));
  EXPECT_TRUE(has("Few-SampleRange.IsSmall-0"));
  EXPECT_TRUE(has("Few-SampleRange.IsSmall-1"));
}

TEST_F(Runner, ReportsAPass) {
  const Ran ran = run_case("Sample.Passes");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output, "passed");
}

TEST_F(Runner, RunsACaseWithAParameter) {
  EXPECT_EQ(run_case("Few-SampleRange.IsSmall-1").output, "passed");
}

TEST_F(Runner, ReportsAFailureOnOneLine) {
  const Ran ran = run_case("Sample.FailsWhenTold", "PVKIT_SAMPLE_FAILS=1");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.output.find("failed: "), 0u);
  EXPECT_NE(ran.output.find("told to fail"), std::string::npos);
}

TEST_F(Runner, ReportsASkip) {
  const Ran ran = run_case("Sample.SkipsWhenTold", "PVKIT_SAMPLE_SKIPS=1");
  EXPECT_EQ(ran.status, 0);
  EXPECT_EQ(ran.output.find("skipped: "), 0u);
}

TEST_F(Runner, FailsForACaseThatDoesNotExist) {
  const Ran ran = run_case("Sample.Missing");
  EXPECT_EQ(ran.status, 1);
  EXPECT_EQ(ran.output.find("failed: "), 0u);
}

TEST_F(Runner, FailsForAPatternOfSeveralCases) { EXPECT_EQ(run_case("'Sample.*'").status, 1); }

TEST_F(Runner, FailsWhenNothingMatchesAFilter) {
  EXPECT_NE(run(self() + " --gtest_filter=Nothing.*").status, 0);
}

TEST_F(Runner, FailsWhenTheResultCannotBeWritten) {
  EXPECT_NE(run(self() + " -r /nowhere/at/all Sample.Passes").status, 0);
}

TEST_F(Runner, AProgramWithoutTestsNeverSucceeds) {
  const std::string empty = beside("no_tests");
  ASSERT_EQ(access(empty.c_str(), X_OK), 0);
  EXPECT_EQ(run(empty).status, 1);
  EXPECT_EQ(run(empty + " -l").status, 1);
  EXPECT_EQ(run(empty + " -r " + file_ + " Sample.Passes").status, 1);
}

TEST_F(Runner, LeavesADeviceThatIsToTakeTheResultInPlace) {
  const std::string device = file_ + "-device";
  ASSERT_EQ(mkfifo(device.c_str(), 0600), 0);
  // Open for both directions in the shell, so that nobody waits for the other end.
  const std::string held = "exec 3<> " + device + "; ";
  EXPECT_EQ(run(held + self() + " -r " + device + " Sample.Passes").status, 0);
  struct stat now {};
  ASSERT_EQ(stat(device.c_str(), &now), 0);
  EXPECT_TRUE(S_ISFIFO(now.st_mode));
  std::remove(device.c_str());
}

TEST(AtfNames, MapBackToThemselves) {
  for (const char* name : {"Suite.Case", "All/Suite.Case/12", "A/B.C/D_e"}) {
    EXPECT_EQ(from_kyua(to_kyua(name)), name);
    EXPECT_EQ(to_kyua(name).find('/'), std::string::npos);
  }
}

}  // namespace
}  // namespace pvk::unit
