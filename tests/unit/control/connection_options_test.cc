#include "server/control/connection_options.h"

#include <google/protobuf/text_format.h>

#include <map>
#include <memory>
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/error.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/unit/worker/data_plane.h"
#include "tlsd/v1/secure_pair_service.pb.h"

namespace tlsd::control {
namespace {

using testing::FailsWith;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using testing::IsOk;
using ::testing::Not;

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message))
      << text;
  return message;
}

v1::ConnectRequest Request(const std::string& text) {
  return Parse<v1::ConnectRequest>(text);
}

std::string FieldOf(const absl::Status& status) {
  const auto detail = GetErrorDetail(status);
  if (!detail.has_value() || !detail->metadata.contains("field")) return "";
  return detail->metadata.at("field");
}

class ConnectionOptionsTest : public ::testing::Test {
 protected:
  ConnectionOptionsTest() {
    Add("web", testing::ServerOptions(tls::TlsVersion::kTls13));
    Add("client", testing::ClientOptions(tls::TlsVersion::kTls13));
  }

  void Add(const std::string& id, const tls::SecureContextOptions& options) {
    EXPECT_THAT(contexts_.Add(id, {options, testing::MakeContext(options)}),
                IsOk());
  }

  // A request that cannot be read, and the field that is to blame.
  struct Bad {
    std::string text;
    Reason reason;
    std::string field;
  };

  worker::DataPlane plane_{1};
  worker::ContextTable contexts_;
  std::shared_ptr<const tls::SecureContext> default_context_ =
      testing::MakeContext(testing::ClientOptions(tls::TlsVersion::kTls13));
  ConnectionOptionReader reader_{contexts_, default_context_};
};

TEST_F(ConnectionOptionsTest, ReadsDefaults) {
  const auto options = reader_.ReadConnect(Request("address: 'a.test:443'"));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->endpoint.host, "a.test");
  EXPECT_EQ(options->local_address.family, net::SocketAddress::Family::kNone);
  EXPECT_THAT(options->session_key, IsEmpty());
  const conn::ConnectionOptions& connection = options->connection;
  EXPECT_EQ(connection.protection, conn::Protection::kTls);
  EXPECT_EQ(connection.secure_context, default_context_);
  EXPECT_EQ(connection.engine.server_name, "a.test");
  EXPECT_EQ(connection.engine.verification, tls::PeerVerification::kRequire);
  EXPECT_EQ(connection.handshake_timeout, absl::Seconds(30));
  EXPECT_EQ(connection.renegotiation_limit.count, 3);
  EXPECT_EQ(connection.renegotiation_limit.window, absl::Seconds(600));
  EXPECT_EQ(connection.socket_options, conn::SocketOptions());
}

TEST_F(ConnectionOptionsTest, ReadsEverything) {
  const auto options = reader_.ReadConnect(Request(R"pb(
    address: "192.0.2.1:443"
    secure_context: "secureContexts/client"
    server_name: "b.test"
    expected_name: "c.test"
    verification: PEER_VERIFICATION_REPORT
    request_ocsp: true
    session: "session"
    timeout { seconds: 7 }
    local_address: "192.0.2.9"
    socket_options {
      idle_timeout { seconds: 5 }
      keep_alive { seconds: 60 }
      delay_small_writes: true
    }
    renegotiation_limit {
      count: 0
      window { seconds: 9 }
    }
    early_data: "early"
    ech_config_list: "list"
  )pb"));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->local_address.ip(), "192.0.2.9");
  const conn::ConnectionOptions& connection = options->connection;
  EXPECT_EQ(connection.secure_context_name, "secureContexts/client");
  EXPECT_EQ(connection.engine.server_name, "b.test");
  EXPECT_EQ(connection.engine.expected_name, "c.test");
  EXPECT_EQ(connection.engine.verification, tls::PeerVerification::kReport);
  EXPECT_TRUE(connection.engine.request_ocsp);
  EXPECT_EQ(connection.engine.session, "session");
  EXPECT_EQ(connection.engine.early_data, "early");
  EXPECT_EQ(connection.engine.ech_config_list, "list");
  EXPECT_EQ(connection.handshake_timeout, absl::Seconds(7));
  EXPECT_EQ(connection.renegotiation_limit.count, 0);
  EXPECT_EQ(connection.renegotiation_limit.window, absl::Seconds(9));
  EXPECT_EQ(connection.socket_options.idle_timeout, absl::Seconds(5));
  EXPECT_EQ(connection.socket_options.socket.keep_alive, absl::Seconds(60));
  EXPECT_TRUE(connection.socket_options.socket.delay_small_writes);
}

TEST_F(ConnectionOptionsTest, ReadsAPlainConnection) {
  const auto options = reader_.ReadConnect(
      Request("address: 'unix:/a' protection: PROTECTION_NONE"));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->connection.protection, conn::Protection::kNone);
  EXPECT_EQ(options->connection.secure_context, nullptr);
}

TEST_F(ConnectionOptionsTest, KeepsSessionsOfAContextThatHasChangedApart) {
  const v1::ConnectRequest request = Request(
      "address: 'a.test:443' secure_context: 'secureContexts/client' "
      "use_session_cache: true");
  const auto before = reader_.ReadConnect(request);
  ASSERT_THAT(before, IsOk());
  EXPECT_THAT(before->session_key, Not(IsEmpty()));
  EXPECT_EQ(before->session_key, reader_.ReadConnect(request)->session_key);
  ASSERT_THAT(contexts_.Remove("secureContexts/client", "", false), IsOk());
  Add("client", testing::ClientOptions(tls::TlsVersion::kTls13));
  EXPECT_NE(before->session_key, reader_.ReadConnect(request)->session_key);
}

TEST_F(ConnectionOptionsTest, RefusesWhatConnectCannotDo) {
  const std::string address = "address: 'a.test:443' ";
  const std::string plain = address + "protection: PROTECTION_NONE ";
  const Bad bads[] = {
      {"", Reason::kFieldRequired, "address"},
      {"address: 'a.test'", Reason::kAddressInvalid, "address"},
      {"address: 'a.test:0'", Reason::kAddressInvalid, "address"},
      {"address: ':443'", Reason::kAddressInvalid, "address"},
      {address + "secure_context: 'web'", Reason::kNameInvalid,
       "secure_context"},
      {address + "secure_context: 'secureContexts/none'",
       Reason::kContextNotFound, ""},
      {address + "protection: PROTECTION_DETECT", Reason::kFieldInvalid,
       "protection"},
      {address + "local_address: 'localhost'", Reason::kAddressInvalid,
       "local_address"},
      {address + "timeout { nanos: 1 }", Reason::kFieldInvalid, "timeout"},
      {address + "timeout { seconds: 3601 }", Reason::kFieldInvalid, "timeout"},
      {address + "use_session_cache: true session: 'x'",
       Reason::kFieldsConflict, "use_session_cache"},
      {address + "renegotiation_limit { count: -1 }", Reason::kFieldInvalid,
       "renegotiation_limit.count"},
      {address + "renegotiation_limit { count: 1001 }", Reason::kFieldInvalid,
       "renegotiation_limit.count"},
      {address + "renegotiation_limit { window {} }", Reason::kFieldInvalid,
       "renegotiation_limit.window"},
      {address + "socket_options { idle_timeout { nanos: 1 } }",
       Reason::kFieldInvalid, "socket_options.idle_timeout"},
      {address + "socket_options { idle_timeout { seconds: 604801 } }",
       Reason::kFieldInvalid, "socket_options.idle_timeout"},
      {address + "socket_options { keep_alive { seconds: 1 nanos: 5 } }",
       Reason::kFieldInvalid, "socket_options.keep_alive"},
      {address + "socket_options { keep_alive { seconds: 32401 } }",
       Reason::kFieldInvalid, "socket_options.keep_alive"},
      {plain + "server_name: 'a.test'", Reason::kFieldsConflict, "server_name"},
      {plain + "secure_context: 'secureContexts/client'",
       Reason::kFieldsConflict, "secure_context"},
      {plain + "skip_name_check: true", Reason::kFieldsConflict,
       "skip_name_check"},
      {plain + "verification: PEER_VERIFICATION_REPORT",
       Reason::kFieldsConflict, "verification"},
      {plain + "hooks { type: DECISION_TYPE_SIGN }", Reason::kFieldsConflict,
       "hooks"},
      {plain + "session: 'x'", Reason::kFieldsConflict, "session"},
      {plain + "early_data: 'x'", Reason::kFieldsConflict, "early_data"},
      {plain + "renegotiation_limit {}", Reason::kFieldsConflict,
       "renegotiation_limit"},
  };
  for (const Bad& bad : bads) {
    const auto options = reader_.ReadConnect(Request(bad.text));
    EXPECT_THAT(options, FailsWith(bad.reason)) << bad.text;
    EXPECT_EQ(FieldOf(options.status()), bad.field) << bad.text;
  }
}

TEST_F(ConnectionOptionsTest, ReadsAClientWithoutASocket) {
  const auto options = reader_.ReadClient(Request("server_name: 'a.test'"));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->role, tls::Role::kClient);
  EXPECT_EQ(options->engine.server_name, "a.test");
  EXPECT_EQ(options->secure_context, default_context_);
  for (const auto& [text, field] : std::map<std::string, std::string>{
           {"address: 'a.test:1'", "address"},
           {"protection: PROTECTION_NONE", "protection"},
           {"local_address: '::1'", "local_address"},
           {"use_session_cache: true", "use_session_cache"}}) {
    const auto bad = reader_.ReadClient(Request(text));
    EXPECT_THAT(bad, FailsWith(Reason::kFieldsConflict)) << text;
    EXPECT_EQ(FieldOf(bad.status()), field);
  }
}

TEST_F(ConnectionOptionsTest, ReadsAServer) {
  const auto options = reader_.ReadServer(
      Parse<v1::ServerOptions>(R"pb(
        secure_context: "secureContexts/web"
        handshake_timeout { seconds: 4 }
        client_certificate_mode: CLIENT_CERTIFICATE_MODE_REQUEST
        socket_options { idle_timeout { seconds: 8 } }
      )pb"),
      plane_.listeners());
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->role, tls::Role::kServer);
  EXPECT_EQ(options->secure_context_name, "secureContexts/web");
  EXPECT_EQ(options->handshake_timeout, absl::Seconds(4));
  EXPECT_EQ(options->socket_options.idle_timeout, absl::Seconds(8));
  EXPECT_EQ(options->engine.client_certificate_mode,
            tls::ClientCertificateMode::kRequest);
}

TEST_F(ConnectionOptionsTest, ReadsAServerThatTakesAListenersOptions) {
  const worker::ListenerFacts listener =
      plane_.Listen("l1", worker::Handler::kEcho);
  const auto options = reader_.ReadServer(
      Parse<v1::ServerOptions>("listener: 'listeners/l1'"), plane_.listeners());
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->listener, "listeners/l1");
  EXPECT_EQ(options->secure_context_name, listener.secure_context);
  EXPECT_NE(options->engine.contexts, nullptr);
  EXPECT_EQ(options->engine.client_certificate_mode, std::nullopt);
}

TEST_F(ConnectionOptionsTest, RefusesWhatNoServerCanUse) {
  const Bad bads[] = {
      {"", Reason::kFieldRequired, "secure_context"},
      {"secure_context: 'secureContexts/none'", Reason::kContextNotFound, ""},
      {"secure_context: 'secureContexts/client'", Reason::kCredentialsRequired,
       "secure_context"},
      {"listener: 'listeners/none'", Reason::kListenerNotFound, ""},
      {"listener: 'listeners/l1' secure_context: 'secureContexts/web'",
       Reason::kFieldsConflict, "secure_context"},
      {"secure_context: 'secureContexts/web' handshake_timeout {}",
       Reason::kFieldInvalid, "handshake_timeout"},
  };
  for (const Bad& bad : bads) {
    const auto options = reader_.ReadServer(Parse<v1::ServerOptions>(bad.text),
                                            plane_.listeners());
    EXPECT_THAT(options, FailsWith(bad.reason)) << bad.text;
    EXPECT_EQ(FieldOf(options.status()), bad.field) << bad.text;
  }
  v1::ServerOptions unknown =
      Parse<v1::ServerOptions>("secure_context: 'secureContexts/web'");
  unknown.set_client_certificate_mode(
      static_cast<v1::ClientCertificateMode>(99));
  EXPECT_EQ(FieldOf(reader_.ReadServer(unknown, plane_.listeners()).status()),
            "client_certificate_mode");
}

TEST_F(ConnectionOptionsTest, ReadsRoles) {
  const auto client = reader_.ReadRole(
      Parse<v1::UpgradeRequest>("client { server_name: 'a.test' }"),
      plane_.listeners());
  ASSERT_THAT(client, IsOk());
  EXPECT_EQ(client->role, tls::Role::kClient);
  EXPECT_EQ(FieldOf(reader_
                        .ReadRole(Parse<v1::UpgradeRequest>(
                                      "client { address: 'a.test:1' }"),
                                  plane_.listeners())
                        .status()),
            "client.address");
  EXPECT_EQ(FieldOf(reader_
                        .ReadRole(Parse<v1::CreateSecurePairRequest>(
                                      "server { listener: 'x' }"),
                                  plane_.listeners())
                        .status()),
            "server.listener");
  EXPECT_THAT(reader_.ReadRole(v1::UpgradeRequest(), plane_.listeners()),
              FailsWith(Reason::kFieldRequired));
}

TEST_F(ConnectionOptionsTest, ReadsForwards) {
  const auto options = reader_.ReadForward(Parse<v1::ForwardHandler>(R"pb(
    upstream { address: "a.test:443" secure_context: "secureContexts/client" }
    send_proxy_header: PROXY_HEADER_VERSION_2_TLS
  )pb"));
  ASSERT_THAT(options, IsOk());
  EXPECT_EQ(options->header, conn::ForwardHeader::kVersion2Tls);
  ASSERT_NE(options->secure_context, nullptr);
  EXPECT_EQ(options->secure_context->name(), "secureContexts/client");
  EXPECT_EQ(options->upstream.connection.engine.server_name, "a.test");
}

TEST_F(ConnectionOptionsTest, RefusesForwardsThatEveryClientWouldFailWith) {
  const Bad bads[] = {
      {"", Reason::kFieldRequired, "upstream.address"},
      {"upstream { address: 'unix:/a' }", Reason::kServerNameInvalid,
       "upstream.server_name"},
      {"upstream { address: 'a.test:1' server_name: 'no name' }",
       Reason::kServerNameInvalid, "upstream.server_name"},
      {"upstream { address: 'a.test:1' session: 'x' }", Reason::kFieldsConflict,
       "upstream.session"},
      {"upstream { address: 'a.test:1' early_data: 'x' }",
       Reason::kFieldsConflict, "upstream.early_data"},
      {"upstream { address: 'a.test:1' hooks { type: DECISION_TYPE_SIGN } }",
       Reason::kFieldsConflict, "upstream.hooks"},
      {"upstream { address: 'a.test:1' protection: PROTECTION_NONE "
       "socket_options { idle_timeout { seconds: 1 } } }",
       Reason::kFieldsConflict, "upstream.socket_options.idle_timeout"},
  };
  for (const Bad& bad : bads) {
    const auto options =
        reader_.ReadForward(Parse<v1::ForwardHandler>(bad.text));
    EXPECT_THAT(options, FailsWith(bad.reason)) << bad.text;
    EXPECT_EQ(FieldOf(options.status()), bad.field) << bad.text;
  }
  v1::ForwardHandler unknown = Parse<v1::ForwardHandler>(
      "upstream { address: 'a.test:1' protection: PROTECTION_NONE }");
  EXPECT_THAT(reader_.ReadForward(unknown), IsOk());
  unknown.set_send_proxy_header(static_cast<v1::ProxyHeaderVersion>(99));
  EXPECT_EQ(FieldOf(reader_.ReadForward(unknown).status()),
            "send_proxy_header");
}

}  // namespace
}  // namespace tlsd::control
