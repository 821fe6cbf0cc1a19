// OptionsTest parses a command line with one set of options, and has files to
// name in it.
//
// It runs no command and calls no daemon. It belongs to one test.
#ifndef TLSD_TESTS_UNIT_CLIENT_CLI_OPTIONS_FIXTURE_H_
#define TLSD_TESTS_UNIT_CLIENT_CLI_OPTIONS_FIXTURE_H_

#include <gtest/gtest.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <fstream>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {

template <typename Options>
class OptionsTest : public ::testing::Test {
 protected:
  // Parse reports whether `app_` takes the words.
  bool Parse(std::vector<std::string> words) {
    std::reverse(words.begin(), words.end());
    try {
      app_.parse(std::move(words));
    } catch (const CLI::ParseError&) {
      return false;
    }
    return true;
  }

  // File makes a file with its name as content, and returns its path.
  std::string File(const std::string& name) { return File(name, name); }

  std::string File(const std::string& name, const std::string& content) {
    const std::string path = absl::StrCat(folder_.path(), "/", name);
    std::ofstream(path) << content;
    return path;
  }

  testing::SocketFolder folder_;
  CLI::App app_;
  Options options_{app_};
};

}  // namespace tlsd::client::cli

#endif  // TLSD_TESTS_UNIT_CLIENT_CLI_OPTIONS_FIXTURE_H_
