#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class ConnectionControlCommandsTest : public TlsctlTest {};

TEST_F(ConnectionControlCommandsTest, ChangesHowTheSocketIsTreated) {
  v1::SetSocketOptionsRequest seen;
  daemon_.on.set_socket_options = [&](const auto& request, auto& connection) {
    seen = request;
    connection.set_name(request.name());
    *connection.mutable_socket_options() = request.socket_options();
    return absl::OkStatus();
  };

  const Outcome outcome =
      Run("connection socket-options c --idle-timeout 5m --keep-alive 60s "
          "--delay-small-writes");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, HasSubstr("idle timeout 5m, keep-alive 1m"));
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.socket_options().keep_alive().seconds(), 60);
  EXPECT_TRUE(seen.socket_options().delay_small_writes());
  EXPECT_THAT(Run("connection socket-options c").out,
              Not(HasSubstr("idle timeout")));
  EXPECT_EQ(seen.socket_options().ByteSizeLong(), 0u);
}

TEST_F(ConnectionControlCommandsTest, LimitsTheRecordsThatAreSent) {
  daemon_.on.set_max_send_fragment = [](const auto& request, auto& connection) {
    EXPECT_EQ(request.name(), "connections/c");
    if (request.size() < 512) {
      return FieldError(Reason::kFieldInvalid, "size", "1", "512 to 16384");
    }
    connection.set_name(request.name());
    connection.set_max_send_fragment(request.size());
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("connection set-max-send-fragment c 512").out,
              HasSubstr("records sent  at most 512 B each\n"));
  EXPECT_EQ(Run("connection set-max-send-fragment c 1").code, ExitCode::kUsage);
}

TEST_F(ConnectionControlCommandsTest, ExportsKeyingMaterial) {
  v1::ExportKeyingMaterialRequest seen;
  daemon_.on.export_keying_material = [&](const auto& request, auto& response) {
    seen = request;
    response.set_keying_material("\x01\xff");
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("connection export c --label EXPORTER-x --length 2 "
                "--exporter-context here")
                .out,
            "01ff\n");
  EXPECT_EQ(seen.name(), "connections/c");
  EXPECT_EQ(seen.label(), "EXPORTER-x");
  EXPECT_EQ(seen.length(), 2);
  EXPECT_EQ(seen.context(), "here");
  EXPECT_FALSE(seen.without_context());

  const std::string path = folder_.path() + "/out";
  const Outcome outcome =
      Run("connection export c --label x --length 2 --without-context --out " +
          path);
  EXPECT_EQ(outcome.out, "");
  EXPECT_EQ(ContentOf(path), "\x01\xff");
  EXPECT_TRUE(IsOwnersAlone(path));
  EXPECT_TRUE(seen.without_context());
}

TEST_F(ConnectionControlCommandsTest, PrintsChannelBindings) {
  daemon_.on.get_channel_bindings = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c");
    response.set_tls_exporter("\x01\xff");
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("connection bindings c").out,
            "channel bindings of connections/c\n"
            "  tls-exporter  01ff\n");
  EXPECT_THAT(Run("connection bindings c -o json").out,
              HasSubstr("\"tlsExporter\": \"Af8=\""));
}

TEST_F(ConnectionControlCommandsTest, UpdatesKeys) {
  v1::UpdateKeysRequest seen;
  daemon_.on.update_keys = [&](const auto& request, auto& connection) {
    seen = request;
    if (request.name() == "connections/old") {
      return MakeError(Reason::kVersionMismatch, "it is TLSv1.2");
    }
    connection.set_name(request.name());
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("connection update-keys c").out,
            "updated the keys of connections/c\n");
  EXPECT_FALSE(seen.request_peer());
  EXPECT_EQ(Run("connection update-keys c --request-peer").code, ExitCode::kOk);
  EXPECT_TRUE(seen.request_peer());
  const Outcome old = Run("connection update-keys old");
  EXPECT_EQ(old.code, ExitCode::kOtherError);
  EXPECT_THAT(old.err, HasSubstr("VERSION_MISMATCH"));
}

TEST_F(ConnectionControlCommandsTest, SaysWhyItCannotRenegotiate) {
  daemon_.on.renegotiate = [](const auto& request, auto&) {
    EXPECT_EQ(request.name(), "connections/c");
    return MakeError(Reason::kRenegotiationUnsupported, "nobody can");
  };

  const Outcome outcome = Run("connection renegotiate c");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("RENEGOTIATION_UNSUPPORTED"),
                    HasSubstr("tlsctl connection update-keys ID")));
}

TEST_F(ConnectionControlCommandsTest, SaysHowAPlainConnectionGetsTls) {
  daemon_.on.get_channel_bindings = [](const auto&, auto&) {
    return MakeError(Reason::kProtectionMismatch, "it is plain");
  };

  EXPECT_THAT(Run("connection bindings c").err,
              HasSubstr("tlsctl connection upgrade ID"));
}

TEST_F(ConnectionControlCommandsTest, RefusesABadCommandLine) {
  for (const char* line :
       {"connection socket-options",
        "connection socket-options c --idle-timeout 5",
        "connection set-max-send-fragment c",
        "connection set-max-send-fragment c many", "connection export c",
        "connection export c --label x",
        "connection export c --label x --length 1 --without-context "
        "--exporter-context y",
        "connection bindings", "connection update-keys",
        "connection renegotiate"}) {
    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_NE(outcome.err, "") << line;
  }
}

TEST_F(ConnectionControlCommandsTest, PrintsTheRequestsThatItWouldSend) {
  daemon_.on = testing::Handlers();

  EXPECT_THAT(
      Run("connection socket-options c --keep-alive 60s --print-grpc").out,
      AllOf(HasSubstr("tlsd.v1.ConnectionService/SetSocketOptions"),
            HasSubstr("\"socketOptions\":{\"keepAlive\":\"60s\"}")));
  EXPECT_THAT(Run("connection set-max-send-fragment c 512 --print-grpc").out,
              HasSubstr("'{\"name\":\"connections/c\",\"size\":512}'"));
  EXPECT_THAT(
      Run("connection export c --label x --length 2 --out f --print-grpc").out,
      HasSubstr("'{\"name\":\"connections/c\",\"label\":\"x\","
                "\"length\":2}'"));
  EXPECT_THAT(Run("connection bindings c --print-grpc").out,
              HasSubstr("tlsd.v1.ConnectionService/GetChannelBindings"));
  EXPECT_THAT(Run("connection update-keys c --request-peer --print-grpc").out,
              HasSubstr("\"requestPeer\":true"));
  EXPECT_THAT(Run("connection renegotiate c --print-grpc").out,
              HasSubstr("tlsd.v1.ConnectionService/Renegotiate"));
}

TEST_F(ConnectionControlCommandsTest, AreOfferedToComplete) {
  EXPECT_THAT(Run("completion bash").out,
              AllOf(HasSubstr("session ticket attach read write upgrade pipe "
                              "socket-options set-max-send-fragment export "
                              "bindings update-keys renegotiate"),
                    HasSubstr("--send-proxy) words=\"v1 v2 v2-tls "
                              "v2-tls-certificate\"")));
}

}  // namespace
}  // namespace tlsd::client::cli
