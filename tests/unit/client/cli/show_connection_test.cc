#include "client/cli/show_connection.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/cli/sample_connection.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(ShowConnectionTest, SummarizesAConnection) {
  EXPECT_EQ(ConnectionSummary(SampleConnection()).Format(ColourMode::kOff),
            "connected to 127.0.0.1:443 as connections/c\n"
            "  protocol     TLSv1.3\n"
            "  cipher       TLS_X\n"
            "  group        X25519\n"
            "  server name  a.test\n"
            "  peer         CN=a.test, issued by CN=root\n"
            "  authorized   yes\n");
}

TEST(ShowConnectionTest, SaysWhyAPeerIsNotAuthorized) {
  v1::Connection connection = SampleConnection();
  connection.set_authorized(false);
  connection.set_authorization_error("CERT_HAS_EXPIRED");

  const std::string text =
      ConnectionSummary(connection).Format(ColourMode::kOn);

  EXPECT_THAT(text, HasSubstr("\x1b[31mno: CERT_HAS_EXPIRED\x1b[0m"));
}

TEST(ShowConnectionTest, SaysThatAClientWasNotAskedForACertificate) {
  v1::Connection connection = SampleConnection();
  connection.set_role(v1::ROLE_SERVER);
  connection.set_authorized(false);
  connection.clear_peer_certificate();

  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              AllOf(HasSubstr("accepted 127.0.0.1:443"),
                    HasSubstr("authorized   not asked\n")));
}

TEST(ShowConnectionTest, ListsConnections) {
  v1::ListConnectionsResponse list;
  *list.add_connections() = SampleConnection();
  v1::Connection& failed = *list.add_connections();
  failed.set_name("connections/d");
  failed.set_state(v1::Connection::STATE_CLOSED);
  failed.mutable_failure()->set_reason("PEER_ALERT");

  const std::string text = ConnectionTable(list, kNow).Format(ColourMode::kOff);

  EXPECT_THAT(text, HasSubstr("connections/c  open    client  127.0.0.1:443  "
                              "TLSv1.3   a.test       yes         2.0 KiB  "
                              "5 B  12s\n"));
  EXPECT_THAT(text, HasSubstr("connections/d  failed"));
}

TEST(ShowConnectionTest, ShowsAConnection) {
  EXPECT_THAT(
      ConnectionBlock(SampleConnection(), kNow).Format(ColourMode::kOff),
      AllOf(HasSubstr("cleartext    2.0 KiB in, 5 B out\n"),
            HasSubstr("role         client\n"),
            HasSubstr("age          12s\n")));
}

TEST(ShowConnectionTest, SummarizesWhatTheHandshakeAgreedOn) {
  v1::Connection connection = SampleConnection();
  v1::Handshake& handshake = *connection.mutable_handshake();
  handshake.set_alpn_protocol("h2");
  handshake.set_npn_protocol("spdy/2");
  handshake.set_peer_signature_algorithm("ecdsa_secp256r1_sha256");

  EXPECT_THAT(
      ConnectionSummary(connection, "a.test").Format(ColourMode::kOff),
      AllOf(HasSubstr("ALPN         h2\n"), HasSubstr("NPN          spdy/2\n"),
            HasSubstr("signature    ECDSA, SHA256 (ecdsa_secp256r1_sha256)\n"),
            HasSubstr("peer name    a.test\n")));
}

TEST(ShowConnectionTest, NamesAPeerOnlyIfItIsAuthorized) {
  v1::Connection connection = SampleConnection();
  connection.set_authorized(false);

  EXPECT_THAT(ConnectionSummary(connection, "a.test").Format(ColourMode::kOff),
              Not(HasSubstr("peer name")));
}

TEST(ShowConnectionTest, TellsTypeAndHashOfASignature) {
  EXPECT_EQ(SignatureText("rsa_pss_rsae_sha384"),
            "RSA-PSS, SHA384 (rsa_pss_rsae_sha384)");
  EXPECT_EQ(SignatureText("rsa_pkcs1_sha256"),
            "RSA, SHA256 (rsa_pkcs1_sha256)");
  EXPECT_EQ(SignatureText("rsa_pkcs1_md5_sha1"),
            "RSA, SHA1 (rsa_pkcs1_md5_sha1)");
  EXPECT_EQ(SignatureText("ed25519"), "Ed25519 (ed25519)");
  EXPECT_EQ(SignatureText("of a newer daemon"), "of a newer daemon");
  EXPECT_EQ(SignatureText(""), "");
}

TEST(ShowConnectionTest, SaysWhyInWordsToo) {
  v1::Connection connection = SampleConnection();
  connection.set_authorized(false);
  connection.set_authorization_error("CERT_HAS_EXPIRED");
  EXPECT_EQ(UnauthorizedText(connection), "CERT_HAS_EXPIRED");

  connection.set_authorization_error_text("certificate has expired");

  EXPECT_EQ(UnauthorizedText(connection),
            "CERT_HAS_EXPIRED (certificate has expired)");
  v1::ListConnectionsResponse list;
  *list.add_connections() = connection;
  EXPECT_THAT(ConnectionTable(list, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("no: CERT_HAS_EXPIRED  "),
                    Not(HasSubstr("certificate has expired"))));
}

TEST(ShowConnectionTest, SaysWhatAServerHasAskedForAndWeHaveShown) {
  v1::Connection connection = SampleConnection();
  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("certificate asked for")),
                    Not(HasSubstr("certificate shown"))));

  connection.mutable_handshake()->set_certificate_requested(true);
  connection.mutable_handshake()->set_own_certificate_sha256("AB:CD");

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("certificate asked for  yes\n"),
                    HasSubstr("certificate shown      AB:CD\n")));
}

TEST(ShowConnectionTest, ShowsWhatAServerHasStapledAndWhetherToComeBack) {
  v1::Connection connection = SampleConnection();
  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("OCSP")), Not(HasSubstr("can be resumed"))));

  connection.set_has_session(true);
  connection.mutable_ocsp_response()->set_response_status("tryLater");

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("can be resumed  yes\n"),
                    HasSubstr("OCSP            tryLater\n")));
  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              HasSubstr("tryLater\n"));
}

TEST(ShowConnectionTest, TellsOfASessionAndNotWhatIsInIt) {
  v1::GetSessionResponse response;
  response.set_session("SECRET");
  EXPECT_EQ(
      SessionBlock("connections/c", response, kNow).Format(ColourMode::kOff),
      "session of connections/c\n"
      "  size  6 B\n");

  response.set_single_use(true);
  response.mutable_create_time()->set_seconds(999990);
  response.mutable_expire_time()->set_seconds(1000300);

  EXPECT_EQ(
      SessionBlock("connections/c", response, kNow).Format(ColourMode::kOff),
      "session of connections/c\n"
      "  size     6 B\n"
      "  use      once\n"
      "  age      10s\n"
      "  expires  in 5m\n");
}

TEST(ShowConnectionTest, CallsAPlainConnectionPlain) {
  v1::Connection connection = SampleConnection();
  connection.clear_handshake();
  EXPECT_FALSE(IsPlain(connection));
  EXPECT_EQ(ProtocolText(connection), "");

  connection.mutable_open_time()->set_seconds(1);
  EXPECT_TRUE(IsPlain(connection));
  v1::ListConnectionsResponse list;
  *list.add_connections() = connection;
  EXPECT_THAT(ConnectionTable(list, kNow).Format(ColourMode::kOff),
              HasSubstr("127.0.0.1:443  plain "));
  EXPECT_THAT(
      ConnectionSummary(connection).Format(ColourMode::kOff),
      AllOf(HasSubstr("protocol  plain\n"), Not(HasSubstr("authorized"))));

  connection.set_encrypted(true);
  EXPECT_FALSE(IsPlain(connection));
}

TEST(ShowConnectionTest, ShowsWhatCarriesAConnectionAndWhereItGoes) {
  v1::Connection connection = SampleConnection();
  connection.clear_remote_address();
  connection.set_carrier("connections/below");
  connection.set_piped_with("connections/beside");
  connection.set_upstream("h:1");
  connection.mutable_socket_options()->mutable_idle_timeout()->set_seconds(9);
  connection.set_max_send_fragment(512);
  connection.set_renegotiation_count(2);

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("connections/below\n"),
                    HasSubstr("piped with    connections/beside\n"),
                    HasSubstr("upstream      h:1\n"),
                    HasSubstr("socket        idle timeout 9s\n"),
                    HasSubstr("records sent  at most 512 B each\n"),
                    HasSubstr("renegotiated  2 times\n")));
  EXPECT_EQ(RemoteText(connection), "over connections/below");
  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              HasSubstr("connected over connections/below as connections/c\n"));
}

TEST(ShowConnectionTest, SaysNothingOfWhatIsAsAlways) {
  v1::Connection connection = SampleConnection();
  connection.set_max_send_fragment(16384);
  connection.mutable_socket_options();

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("carrier")), Not(HasSubstr("piped")),
                    Not(HasSubstr("upstream")), Not(HasSubstr("socket")),
                    Not(HasSubstr("records sent")),
                    Not(HasSubstr("renegotiated")), Not(HasSubstr("PROXY")),
                    Not(HasSubstr("early")), Not(HasSubstr("ECH"))));
}

TEST(ShowConnectionTest, ShowsWhatAProxyHasClaimed) {
  v1::Connection connection = SampleConnection();
  connection.mutable_proxy_header()->set_version(2);
  v1::ProxyField& field = *connection.mutable_proxy_header()->add_fields();
  field.set_type(2);
  field.set_value("a.test");

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("PROXY header  version 2\n"),
                    HasSubstr("PROXY fields  authority: a.test\n")));
}

TEST(ShowConnectionTest, WarnsOfWhatMayHaveBeenSentAgain) {
  v1::Connection connection = SampleConnection();
  connection.mutable_handshake()->set_early_data(v1::EARLY_DATA_REJECTED);
  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              HasSubstr("early data   rejected\n"));

  connection.mutable_handshake()->set_early_data(v1::EARLY_DATA_ACCEPTED);
  connection.set_early_bytes_received(5);
  connection.mutable_handshake()->set_ech_accepted(true);
  EXPECT_THAT(
      ConnectionSummary(connection).Format(ColourMode::kOn),
      AllOf(HasSubstr("\x1b[33maccepted, the first 5 B may have been replayed"),
            HasSubstr("\x1b[32maccepted\x1b[0m")));
}

TEST(ShowConnectionTest, TellsChannelBindingsThatExist) {
  v1::GetChannelBindingsResponse response;
  response.set_finished("\x01");
  response.set_peer_finished("\x02");
  response.set_tls_unique("\x03");
  response.set_tls_server_end_point("\x04");

  EXPECT_EQ(
      ChannelBindingsBlock("connections/c", response).Format(ColourMode::kOff),
      "channel bindings of connections/c\n"
      "  finished              01\n"
      "  peer finished         02\n"
      "  tls-unique            03\n"
      "  tls-server-end-point  04\n");
}

TEST(ShowConnectionTest, NamesBothSidesOfAPair) {
  v1::SecurePair pair;
  pair.mutable_cleartext()->set_name("connections/a");
  pair.mutable_encrypted()->set_name("connections/b");

  EXPECT_EQ(SecurePairBlock(pair).Format(ColourMode::kOff),
            "secure pair\n"
            "  cleartext  connections/a\n"
            "  encrypted  connections/b\n");
}

}  // namespace
}  // namespace tlsd::client::cli
