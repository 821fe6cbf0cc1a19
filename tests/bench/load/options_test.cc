#include "tests/bench/load/options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::bench::load {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using testing::IsOk;

std::string TextOf(const absl::Status& status) {
  return std::string(status.message());
}

TEST(OptionsTest, ReadsWhatItWrites) {
  for (const Mode mode :
       {Mode::kHandshakes, Mode::kPaced, Mode::kDown, Mode::kUp, Mode::kEcho,
        Mode::kRoundTrips, Mode::kIdle, Mode::kSequence, Mode::kMegabytes}) {
    ASSERT_OK_AND_ASSIGN(const Mode read, ParseMode(ModeName(mode)));
    EXPECT_EQ(read, mode);
  }
  for (const char* name : {"none", "1.2", "1.3"}) {
    ASSERT_OK_AND_ASSIGN(const uint16_t version, ParseVersion(name));
    EXPECT_EQ(VersionName(version), name);
  }
}

TEST(OptionsTest, SaysWhatWordsAreAllowed) {
  EXPECT_THAT(TextOf(ParseMode("sideways").status()),
              HasSubstr("--mode: got \"sideways\"; allowed: handshakes, "));
  EXPECT_THAT(TextOf(ParseVersion("1.1").status()), HasSubstr("1.2, 1.3"));
}

TEST(OptionsTest, ReadsNumbers) {
  ASSERT_OK_AND_ASSIGN(const std::vector<int> numbers,
                       ParseNumbers("--cpu", {"0", "17"}));

  EXPECT_THAT(numbers, ElementsAre(0, 17));
  for (const char* word : {"", "x", "-1", "1.5"}) {
    EXPECT_THAT(TextOf(ParseNumbers("--cpu", {"0", word}).status()),
                HasSubstr("--cpu: got"))
        << word;
  }
}

TEST(OptionsTest, HasConnectionsOfItsMode) {
  Options options = {.mode = Mode::kDown, .port = 1};

  EXPECT_THAT(Complete(options), IsOk());

  EXPECT_EQ(options.connections, 16);
}

TEST(OptionsTest, KeepsConnectionsThatAreAskedFor) {
  Options options = {.mode = Mode::kDown, .port = 1, .connections = 3};

  EXPECT_THAT(Complete(options), IsOk());

  EXPECT_EQ(options.connections, 3);
}

TEST(OptionsTest, RefusesWhatDoesNotFit) {
  struct {
    Options options;
    std::string text;
  } rows[] = {
      {{}, "--port: got 0"},
      {{.port = 65536}, "--port: got 65536"},
      {{.port = 1, .connections = -1}, "--connections: got -1"},
      {{.port = 1, .connections = 2, .threads = 3}, "--threads: got 3"},
      {{.mode = Mode::kPaced,
        .port = 1,
        .connections = 2,
        .threads = 2,
        .rate = 9},
       "--threads: got 2"},
      {{.mode = Mode::kPaced, .port = 1}, "--rate: got 0"},
      {{.mode = Mode::kUp, .port = 1}, "--report_port: got 0"},
      {{.mode = Mode::kMegabytes, .port = 1}, "--count: got 0"},
      {{.mode = Mode::kMegabytes, .port = 1, .count = 1, .is_up = true},
       "--report_port: got 0"},
      {{.mode = Mode::kSequence, .port = 1}, "--count: got 0"},
      {{.mode = Mode::kRoundTrips, .port = 1, .size = 0}, "--size: got 0"},
      {{.mode = Mode::kIdle, .port = 1, .cpu_of = {1}, .move = 1000000},
       "--move: got 1000000"},
      {{.mode = Mode::kIdle, .port = 1}, "--cpu_of"},
      {{.mode = Mode::kDown, .port = 1, .resume = true}, "--resume"},
      {{.port = 1, .version = kWithoutTls, .resume = true}, "--version=none"},
      {{.port = 1, .time = absl::ZeroDuration()}, "--time"},
      {{.port = 1, .warmup = -absl::Seconds(1)}, "--warmup"},
  };

  for (auto& row : rows) {
    EXPECT_THAT(TextOf(Complete(row.options)), HasSubstr(row.text));
  }
}

}  // namespace
}  // namespace tlsd::bench::load
