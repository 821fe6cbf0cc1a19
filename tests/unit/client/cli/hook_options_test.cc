#include "client/cli/hook_options.h"

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

// Parsed returns the hooks of a command line.
HookProtos Parsed(const std::vector<std::string>& words) {
  CLI::App app;
  HookProtos hooks;
  AddHookOption(app, hooks);
  std::vector<std::string> reversed(words.rbegin(), words.rend());
  app.parse(reversed);
  return hooks;
}

TEST(HookOptionsTest, ReadsATypeAlone) {
  const auto hook = ParseHook("verify-peer");

  ASSERT_TRUE(hook.ok()) << hook.status();
  EXPECT_EQ(hook->type(), v1::DECISION_TYPE_VERIFY_PEER);
  EXPECT_FALSE(hook->has_timeout());
  EXPECT_EQ(hook->without_answer(), v1::Hook::WITHOUT_ANSWER_UNSPECIFIED);
  EXPECT_FALSE(hook->skip_without_handler());
}

TEST(HookOptionsTest, ReadsEverythingInAnyOrder) {
  const auto fails = ParseHook("client-hello,timeout=1500ms,fail,skip");
  ASSERT_TRUE(fails.ok()) << fails.status();
  EXPECT_EQ(fails->timeout().seconds(), 1);
  EXPECT_EQ(fails->timeout().nanos(), 500'000'000);
  EXPECT_EQ(fails->without_answer(), v1::Hook::WITHOUT_ANSWER_FAIL);
  EXPECT_TRUE(fails->skip_without_handler());

  const auto goes_on = ParseHook("client-hello,skip,continue,timeout=2m");
  ASSERT_TRUE(goes_on.ok()) << goes_on.status();
  EXPECT_EQ(goes_on->timeout().seconds(), 120);
  EXPECT_EQ(goes_on->without_answer(), v1::Hook::WITHOUT_ANSWER_CONTINUE);
  EXPECT_TRUE(goes_on->skip_without_handler());
}

TEST(HookOptionsTest, KnowsEveryType) {
  for (int number = v1::DecisionType_MIN + 1; number <= v1::DecisionType_MAX;
       ++number) {
    HookProtos hooks;
    hooks.Add()->set_type(static_cast<v1::DecisionType>(number));
    const std::string text = HookTexts(hooks)[0];

    const auto hook = ParseHook(text);

    ASSERT_TRUE(hook.ok()) << text;
    EXPECT_EQ(hook->type(), number);
  }
}

TEST(HookOptionsTest, WritesWhatItReads) {
  for (const char* text :
       {"client-hello", "ocsp-staple,timeout=2s", "sign,timeout=1m30s,fail",
        "session-lookup,continue,skip", "session-store,skip"}) {
    const auto hook = ParseHook(text);
    ASSERT_TRUE(hook.ok()) << text;
    HookProtos hooks;
    *hooks.Add() = *hook;

    EXPECT_THAT(HookTexts(hooks), ElementsAre(text));
  }
}

TEST(HookOptionsTest, ShowsATypeOfANewerDaemon) {
  HookProtos hooks;
  hooks.Add()->set_type(static_cast<v1::DecisionType>(77));

  EXPECT_THAT(HookTexts(hooks), ElementsAre("type 77"));
}

TEST(HookOptionsTest, RefusesWhatIsNoHook) {
  for (const char* text :
       {"", "nonsense", "CLIENT-HELLO", "client-hello,", "client-hello,2s",
        "client-hello,timeout", "client-hello,timeout=2",
        "client-hello,timeout=1s,timeout=2s", "client-hello,fail,continue",
        "client-hello,fail,fail", "fail", "client-hello sign"}) {
    const auto hook = ParseHook(text);

    EXPECT_TRUE(HasReason(hook.status(), Reason::kFieldInvalid)) << text;
    EXPECT_THAT(std::string(hook.status().message()), HasSubstr("--hook"));
  }
}

TEST(HookOptionsTest, TakesSeveralOnACommandLine) {
  const HookProtos hooks =
      Parsed({"--hook", "client-hello,timeout=2s", "--hook", "sign"});

  EXPECT_THAT(HookTexts(hooks), ElementsAre("client-hello,timeout=2s", "sign"));
  EXPECT_TRUE(Parsed({}).empty());
}

TEST(HookOptionsTest, RefusesABadOneOnACommandLine) {
  EXPECT_THROW(Parsed({"--hook", "nonsense"}), CLI::ValidationError);
  EXPECT_THROW(Parsed({"--hook"}), CLI::ParseError);
}

}  // namespace
}  // namespace tlsd::client::cli
