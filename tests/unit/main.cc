// SPDX-License-Identifier: MIT OR GPL-2.0-only
// Makes a GoogleTest program a Kyua test program of the ATF kind: `-l` lists the cases, and
// `-r resultfile case` runs one and writes how it went. So each case is a Kyua case with a process
// of its own. Without these options it is an ordinary GoogleTest program.
//
// A program that lists nothing or runs nothing reports failure: it is what a broken build does.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <string>
#include <vector>

#include "unit/atf_names.h"

namespace pvk::unit {
namespace {

struct Arguments {
  bool list = false;
  bool atf = false;
  std::string result_file;
  std::string name;
};

// -s and -v are Kyua's to give and ours to ignore: no case needs data or settings.
Arguments parse(int argc, char** argv) {
  Arguments arguments;
  for (int option; (option = getopt(argc, argv, "lr:s:v:")) != -1;) {
    if (option == '?') std::exit(2);
    arguments.atf = true;
    if (option == 'l') arguments.list = true;
    if (option == 'r') arguments.result_file = optarg;
  }
  if (optind < argc) {
    arguments.atf = true;
    arguments.name = argv[optind];
  }
  return arguments;
}

std::vector<std::string> all_cases() {
  std::vector<std::string> names;
  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  for (int i = 0; i < unit.total_test_suite_count(); ++i) {
    const testing::TestSuite& suite = *unit.GetTestSuite(i);
    for (int j = 0; j < suite.total_test_count(); ++j) {
      names.push_back(std::string(suite.name()) + "." + suite.GetTestInfo(j)->name());
    }
  }
  return names;
}

int list() {
  const std::vector<std::string> names = all_cases();
  if (names.empty()) {
    std::fputs("this program has no test\n", stderr);
    return 1;
  }
  std::fputs("Content-Type: application/X-atf-tp; version=\"1\"\n", stdout);
  for (const std::string& name : names) std::printf("\nident: %s\n", to_kyua(name).c_str());
  return std::fflush(stdout) == 0 ? 0 : 1;
}

// The first message of the case's failure or skip, on one line as the protocol wants it.
std::string reason(const testing::TestInfo& info) {
  const testing::TestResult& result = *info.result();
  for (int i = 0; i < result.total_part_count(); ++i) {
    if (result.GetTestPartResult(i).passed()) continue;
    std::string text = result.GetTestPartResult(i).message();
    for (char& character : text) {
      if (character == '\n') character = ' ';
    }
    return text;
  }
  return "no reason given";
}

const testing::TestInfo* the_one_that_ran() {
  const testing::UnitTest& unit = *testing::UnitTest::GetInstance();
  const testing::TestInfo* found = nullptr;
  for (int i = 0; i < unit.total_test_suite_count(); ++i) {
    for (int j = 0; j < unit.GetTestSuite(i)->total_test_count(); ++j) {
      const testing::TestInfo* const info = unit.GetTestSuite(i)->GetTestInfo(j);
      if (!info->should_run()) continue;
      if (found != nullptr) return nullptr;
      found = info;
    }
  }
  return found;
}

int run_one(const Arguments& arguments) {
  // Emptied, so that a case that dies leaves no verdict of an earlier one; never removed, because
  // the file may be a device.
  if (!arguments.result_file.empty()) std::ofstream(arguments.result_file, std::ios::trunc).close();
  testing::GTEST_FLAG(filter) = from_kyua(arguments.name);
  const bool passed = RUN_ALL_TESTS() == 0;
  const testing::TestInfo* const info = the_one_that_ran();
  std::string verdict = "passed";
  if (info == nullptr) {
    verdict = "failed: there is no such case, or it is disabled";
  } else if (!passed) {
    verdict = "failed: " + reason(*info);
  } else if (info->result()->Skipped()) {
    verdict = "skipped: " + reason(*info);
  }
  if (!arguments.result_file.empty()) {
    std::ofstream file(arguments.result_file);
    file << verdict << '\n';
    file.close();
    if (!file) return 1;
  }
  return verdict.starts_with("failed") ? 1 : 0;
}

}  // namespace
}  // namespace pvk::unit

int main(int argc, char** argv) {
  testing::InitGoogleTest(&argc, argv);  // takes its own options out
  const pvk::unit::Arguments arguments = pvk::unit::parse(argc, argv);
  if (arguments.list) return pvk::unit::list();
  if (arguments.atf) return pvk::unit::run_one(arguments);
  const int result = RUN_ALL_TESTS();
  if (testing::GTEST_FLAG(list_tests)) return result;
  return testing::UnitTest::GetInstance()->test_to_run_count() == 0 ? 1 : result;
}
