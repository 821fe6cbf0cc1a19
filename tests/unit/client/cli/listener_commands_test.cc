#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"
#include "tests/unit/client/fake_daemon.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

class ListenerCommandsTest : public TlsctlTest {};

TEST_F(ListenerCommandsTest, ListensWithContextsByNameAndHooks) {
  v1::CreateListenerRequest seen;
  daemon_.on.create_listener = [&](const auto& request, auto& listener) {
    seen = request;
    listener = request.listener();
    listener.set_name("listeners/web");
    listener.set_context_count(request.contexts_size());
    return absl::OkStatus();
  };

  const Outcome outcome =
      Run("listen :0 -c own --context-for a.test=a "
          "--context-for *.test=secureContexts/b --strict-server-names "
          "--hook client-hello,timeout=2s,fail --hook verify-peer");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("listeners/web\n"),
                    HasSubstr("2 contexts; others are turned away\n"),
                    HasSubstr("client-hello,timeout=2s,fail\n"),
                    HasSubstr("verify-peer\n")));
  ASSERT_EQ(seen.contexts_size(), 2);
  EXPECT_EQ(seen.contexts(0).server_name(), "a.test");
  EXPECT_EQ(seen.contexts(0).secure_context(), "secureContexts/a");
  EXPECT_EQ(seen.contexts(1).server_name(), "*.test");
  EXPECT_EQ(seen.contexts(1).secure_context(), "secureContexts/b");
  EXPECT_TRUE(seen.listener().strict_server_names());
  ASSERT_EQ(seen.listener().hooks_size(), 2);
  EXPECT_EQ(seen.listener().hooks(0).type(), v1::DECISION_TYPE_CLIENT_HELLO);
  EXPECT_EQ(seen.listener().hooks(0).timeout().seconds(), 2);
}

TEST_F(ListenerCommandsTest, ListensWithoutThemUnlessTold) {
  v1::CreateListenerRequest seen;
  daemon_.on.create_listener = [&](const auto& request, auto&) {
    seen = request;
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("listen :0 -c own").code, ExitCode::kOk);

  EXPECT_EQ(seen.contexts_size(), 0);
  EXPECT_FALSE(seen.listener().strict_server_names());
  EXPECT_EQ(seen.listener().hooks_size(), 0);
}

TEST_F(ListenerCommandsTest, RefusesABadCommandLine) {
  for (const char* line : {"listen :0 -c own --context-for a.test",
                           "listen :0 -c own --context-for =a",
                           "listen :0 -c own --context-for a.test=",
                           "listen :0 -c own --hook nonsense", "listener",
                           "listener l", "listener add-context l a.test",
                           "listener remove-context l", "listener contexts"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(ListenerCommandsTest, AddsAContext) {
  v1::AddContextRequest seen;
  daemon_.on.add_context = [&](const auto& request, auto& listener) {
    seen = request;
    listener.set_name("listeners/l");
    listener.set_context_count(1);
    return absl::OkStatus();
  };

  const Outcome outcome = Run("listener add-context l *.test web");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("listeners/l\n"), HasSubstr("1 context\n")));
  EXPECT_EQ(seen.listener(), "listeners/l");
  EXPECT_EQ(seen.server_name(), "*.test");
  EXPECT_EQ(seen.secure_context(), "secureContexts/web");
  EXPECT_THAT(Run("listener add-context listeners/l *.test secureContexts/web "
                  "-o json")
                  .out,
              HasSubstr("\"contextCount\": 1"));
  EXPECT_EQ(seen.listener(), "listeners/l");
}

TEST_F(ListenerCommandsTest, RemovesAContext) {
  v1::RemoveContextRequest seen;
  daemon_.on.remove_context = [&](const auto& request, auto& listener) {
    seen = request;
    if (request.server_name() != "a.test") {
      return MakeError(Reason::kServerNameNotFound, "no such name");
    }
    listener.set_name("listeners/l");
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("listener remove-context l a.test").out,
              HasSubstr("listeners/l\n"));
  EXPECT_EQ(seen.listener(), "listeners/l");
  const Outcome unknown = Run("listener remove-context l b.test");
  EXPECT_EQ(unknown.code, ExitCode::kNotFound);
  EXPECT_THAT(unknown.err, HasSubstr("tlsctl listener contexts LISTENER"));
}

TEST_F(ListenerCommandsTest, ListsContextsOfAllPages) {
  daemon_.on.list_contexts = [](const auto& request, auto& page) {
    EXPECT_EQ(request.listener(), "listeners/l");
    const bool is_first = request.page_token().empty();
    auto& context = *page.add_contexts();
    context.set_server_name(is_first ? "a.test" : "b.test");
    context.set_secure_context("secureContexts/web");
    if (is_first) page.set_next_page_token("next");
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("listener contexts l").out,
            "SERVER NAME  CONTEXT\n"
            "a.test       web\n"
            "b.test       web\n");
  EXPECT_THAT(Run("listener contexts l -o json").out,
              AllOf(HasSubstr("\"serverName\": \"a.test\""),
                    HasSubstr("\"serverName\": \"b.test\"")));
}

TEST_F(ListenerCommandsTest, PrintsTheRequestsThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(Run("listener add-context l *.test web --print-grpc").out,
              AllOf(HasSubstr("tlsd.v1.ListenerService/AddContext"),
                    HasSubstr("'{\"listener\":\"listeners/l\",\"serverName\":"
                              "\"*.test\",\"secureContext\":"
                              "\"secureContexts/web\"}'")));
  EXPECT_THAT(Run("listener remove-context l a.test --print-grpc").out,
              AllOf(HasSubstr("tlsd.v1.ListenerService/RemoveContext"),
                    HasSubstr("'{\"listener\":\"listeners/l\",\"serverName\":"
                              "\"a.test\"}'")));
  EXPECT_THAT(Run("listener contexts l --print-grpc").out,
              HasSubstr("tlsd.v1.ListenerService/ListContexts"));
  EXPECT_THAT(
      Run("listen :0 -c own --context-for a.test=a --hook sign "
          "--print-grpc")
          .out,
      AllOf(HasSubstr("\"contexts\":[{\"serverName\":\"a.test\","
                      "\"secureContext\":\"secureContexts/a\"}]"),
            HasSubstr("\"hooks\":[{\"type\":\"DECISION_TYPE_SIGN\"}]")));
}

TEST_F(ListenerCommandsTest, OffersTheTypesOfHooksToComplete) {
  EXPECT_THAT(Run("completion bash").out,
              HasSubstr("--hook) words=\"client-hello ocsp-staple"));
}

}  // namespace
}  // namespace tlsd::client::cli
