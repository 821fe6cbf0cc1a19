#include "server/worker/key_log.h"

#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tlsd::worker {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

constexpr size_t kAll = 2 * KeyLog::kLineCountMax;

std::vector<std::string> LinesOf(const KeyLog::Batch& batch) {
  std::vector<std::string> lines;
  for (const auto& line : batch.lines) lines.push_back(line->line);
  return lines;
}

class KeyLogTest : public ::testing::Test {
 protected:
  int64_t Watch(const std::string& listener = "") {
    return log_.Subscribe(listener, [this] { ++call_count_; });
  }

  void Publish(const std::string& line, const std::string& listener = "") {
    log_.Publish({line, "connections/c", listener});
  }

  std::vector<std::string> Read(int64_t watch, size_t count_max = kAll) {
    return LinesOf(log_.Read(watch, count_max));
  }

  KeyLog log_;
  int call_count_ = 0;
};

TEST_F(KeyLogTest, BringsLinesInTheirOrder) {
  const int64_t watch = Watch();
  log_.Publish({"first", "connections/a", "listeners/l"});
  log_.Publish({"second", "connections/b", ""});

  const KeyLog::Batch batch = log_.Read(watch, kAll);

  EXPECT_EQ(batch.dropped_count, 0);
  ASSERT_THAT(LinesOf(batch), ElementsAre("first", "second"));
  EXPECT_EQ(batch.lines[0]->connection, "connections/a");
  EXPECT_EQ(batch.lines[0]->listener, "listeners/l");
  EXPECT_EQ(batch.lines[1]->connection, "connections/b");
}

TEST_F(KeyLogTest, GivesEachLineOnce) {
  const int64_t watch = Watch();
  Publish("1");
  Publish("2");
  Publish("3");

  EXPECT_THAT(Read(watch, 2), ElementsAre("1", "2"));
  EXPECT_THAT(Read(watch, 2), ElementsAre("3"));
  EXPECT_THAT(Read(watch, 2), IsEmpty());
}

TEST_F(KeyLogTest, BringsLinesToAllWhoWatch) {
  const int64_t one = Watch();
  const int64_t other = Watch();
  Publish("line");

  EXPECT_THAT(Read(one), ElementsAre("line"));
  EXPECT_THAT(Read(other), ElementsAre("line"));
}

TEST_F(KeyLogTest, FiltersByListener) {
  const int64_t watch = Watch("listeners/a");
  Publish("of a", "listeners/a");
  Publish("of b", "listeners/b");
  Publish("of a client");

  EXPECT_THAT(Read(watch), ElementsAre("of a"));
}

TEST_F(KeyLogTest, KeepsNothingThatNobodyWatches) {
  EXPECT_FALSE(log_.is_watched());
  Publish("before");
  const int64_t watch = Watch();
  EXPECT_TRUE(log_.is_watched());

  EXPECT_THAT(Read(watch), IsEmpty());
}

TEST_F(KeyLogTest, EndsAWatch) {
  const int64_t ended = Watch();
  const int64_t other = Watch();
  Publish("before");
  log_.Unsubscribe(ended);
  log_.Unsubscribe(ended);
  EXPECT_TRUE(log_.is_watched());
  call_count_ = 0;
  Publish("after");

  EXPECT_THAT(Read(ended), IsEmpty());
  EXPECT_THAT(Read(other), ElementsAre("before", "after"));
  EXPECT_EQ(call_count_, 0);
  log_.Unsubscribe(other);
  EXPECT_FALSE(log_.is_watched());
}

TEST_F(KeyLogTest, CallsWhenThereIsSomethingAfterNothing) {
  const int64_t watch = Watch("listeners/a");
  Publish("of b", "listeners/b");
  EXPECT_EQ(call_count_, 0);
  Publish("1", "listeners/a");
  Publish("2", "listeners/a");
  EXPECT_EQ(call_count_, 1);

  Read(watch, 1);
  Publish("3", "listeners/a");
  EXPECT_EQ(call_count_, 1) << "there was a line left";
  Read(watch);
  Publish("4", "listeners/a");
  EXPECT_EQ(call_count_, 2);
}

TEST_F(KeyLogTest, DropsTheOldestLinesOfOneWhoFallsBehind) {
  const int64_t slow = Watch();
  const int64_t other = Watch("listeners/other");
  for (size_t i = 1; i <= KeyLog::kLineCountMax; ++i) {
    Publish(absl::StrCat(i));
  }
  KeyLog::Batch batch = log_.Read(slow, 1);
  EXPECT_EQ(batch.dropped_count, 0) << "at the bound";
  EXPECT_THAT(LinesOf(batch), ElementsAre("1"));

  for (int i = 0; i < 3; ++i) Publish("more");
  batch = log_.Read(slow, kAll);
  EXPECT_EQ(batch.dropped_count, 2);
  ASSERT_EQ(batch.lines.size(), KeyLog::kLineCountMax);
  EXPECT_EQ(batch.lines.front()->line, "4");
  EXPECT_EQ(batch.lines.back()->line, "more");

  Publish("again");
  EXPECT_EQ(log_.Read(slow, kAll).dropped_count, 0) << "told once";
  EXPECT_EQ(log_.Read(other, kAll).dropped_count, 0);
}

TEST_F(KeyLogTest, LetsGoOfLinesThatAllHaveRead) {
  const int64_t one = Watch();
  const int64_t other = Watch();
  Publish("line");
  std::weak_ptr<const KeyLogLine> line = log_.Read(one, 1).lines[0];
  EXPECT_FALSE(line.expired()) << "the other has not read it";

  Read(other);

  EXPECT_TRUE(line.expired());
}

TEST_F(KeyLogTest, LetsGoOfLinesWithTheLastWhoWatches) {
  const int64_t one = Watch();
  const int64_t other = Watch();
  Publish("line");
  std::weak_ptr<const KeyLogLine> line = log_.Read(one, 1).lines[0];

  log_.Unsubscribe(other);

  EXPECT_TRUE(line.expired());
}

// The memory of a line is the test's own, so that it can look at it afterwards.
TEST_F(KeyLogTest, WipesALineThatGoes) {
  alignas(KeyLogLine) unsigned char memory[sizeof(KeyLogLine)];
  // Short enough to be in the string itself.
  auto* line = new (memory) KeyLogLine{"secret", "", ""};
  const auto* text = reinterpret_cast<const unsigned char*>(line->line.data());
  ASSERT_GE(text, memory);
  ASSERT_LT(text, memory + sizeof(memory));
  const volatile unsigned char* const seen = text;
  ASSERT_EQ(seen[0], 's');

  line->~KeyLogLine();

  for (int i = 0; i < 6; ++i) EXPECT_EQ(seen[i], 0) << i;
}

TEST_F(KeyLogTest, TakesLinesFromManyThreads) {
  const int64_t watch = Watch();
  std::vector<std::thread> threads;
  for (int t = 0; t < 4; ++t) {
    threads.emplace_back([this, t] {
      const int64_t own = log_.Subscribe("listeners/none", [] {});
      for (int i = 0; i < 500; ++i) Publish(absl::StrCat(t, "-", i));
      log_.Unsubscribe(own);
    });
  }
  size_t read_count = 0;
  while (read_count < 2000) read_count += Read(watch, 7).size();
  for (std::thread& thread : threads) thread.join();

  EXPECT_EQ(read_count, 2000u);
  EXPECT_THAT(Read(watch), IsEmpty());
}

}  // namespace
}  // namespace tlsd::worker
