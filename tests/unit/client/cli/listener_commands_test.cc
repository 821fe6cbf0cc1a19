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

class ListenTransportTest : public TlsctlTest {
 protected:
  ListenTransportTest() {
    daemon_.on.create_listener = [this](const auto& request, auto& listener) {
      seen_ = request.listener();
      listener = request.listener();
      listener.set_name("listeners/l");
      return absl::OkStatus();
    };
  }

  v1::Listener seen_;
};

TEST_F(ListenTransportTest, ListensWithoutTlsAndWithoutAContext) {
  const Outcome outcome =
      Run("listen :25 --plain --idle-timeout 5m --keep-alive 60s "
          "--delay-small-writes --backlog 7 --ipv6-only --accept-proxy");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("none: connections are plain\n"));
  EXPECT_EQ(seen_.protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(seen_.secure_context(), "");
  EXPECT_EQ(seen_.socket_options().idle_timeout().seconds(), 300);
  EXPECT_EQ(seen_.socket_options().keep_alive().seconds(), 60);
  EXPECT_TRUE(seen_.socket_options().delay_small_writes());
  EXPECT_EQ(seen_.backlog(), 7);
  EXPECT_TRUE(seen_.ipv6_only());
  EXPECT_TRUE(seen_.accept_proxy_header());
}

TEST_F(ListenTransportTest, ListensForTlsUnlessTold) {
  EXPECT_EQ(Run("listen :25 -c web").code, ExitCode::kOk);
  EXPECT_EQ(seen_.protection(), v1::PROTECTION_UNSPECIFIED);
  EXPECT_FALSE(seen_.has_socket_options());
  EXPECT_FALSE(seen_.has_forward());
  EXPECT_FALSE(seen_.accept_proxy_header());

  EXPECT_EQ(Run("listen :25 -c web --detect").code, ExitCode::kOk);
  EXPECT_EQ(seen_.protection(), v1::PROTECTION_DETECT);
}

TEST_F(ListenTransportTest, PassesConnectionsOn) {
  const Outcome outcome =
      Run("listen :443 -c web --forward 127.0.0.1:8080 --forward-plain "
          "--send-proxy v2-tls");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("forward\n"),
                    HasSubstr("127.0.0.1:8080, plain, PROXY v2 with TLS\n")));
  EXPECT_EQ(seen_.forward().upstream().protection(), v1::PROTECTION_NONE);
  EXPECT_EQ(seen_.forward().send_proxy_header(),
            v1::PROXY_HEADER_VERSION_2_TLS);

  EXPECT_EQ(Run("listen :443 -c web --forward h:1 --forward-context up "
                "--forward-server-name a.test")
                .code,
            ExitCode::kOk);
  EXPECT_EQ(seen_.forward().upstream().secure_context(), "secureContexts/up");
  EXPECT_EQ(seen_.forward().upstream().server_name(), "a.test");
}

TEST_F(ListenTransportTest, RefusesABadCommandLine) {
  for (const char* line :
       {"listen :0", "listen :0 --detect", "listen :0 --plain --detect",
        "listen :0 -c web --echo --forward h:1", "listen :0 -c web --backlog 0",
        "listen :0 -c web --forward-plain", "listen :0 -c web --send-proxy v1",
        "listen :0 -c web --forward h:1 --send-proxy v3",
        "listen :0 -c web --keep-alive 5"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(ListenTransportTest, PrintsTheRequestThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(Run("listen :0 --plain --forward unix:/s --forward-plain "
                  "--print-grpc")
                  .out,
              HasSubstr("\"protection\":\"PROTECTION_NONE\""));
  EXPECT_THAT(Run("listen :0 -c web --forward h:1 --forward-ech-config-list "
                  "none --print-grpc")
                  .out,
              HasSubstr("cat none | base64"));
}

}  // namespace
}  // namespace tlsd::client::cli
