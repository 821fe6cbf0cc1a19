#include "client/cli/show_connection.h"

#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

const absl::Time kNow = absl::FromUnixSeconds(1000000);

template <typename Message>
Message Parse(const std::string& text) {
  Message message;
  EXPECT_TRUE(google::protobuf::TextFormat::ParseFromString(text, &message));
  return message;
}

constexpr char kConnection[] = R"pb(
  name: "connections/c"
  role: ROLE_CLIENT
  state: STATE_OPEN
  remote_address { family: "IPv4" address: "127.0.0.1" port: 443 }
  handshake {
    protocol: "TLSv1.3"
    cipher: "X"
    cipher_standard_name: "TLS_X"
    group: "X25519"
    server_name: "a.test"
  }
  authorized: true
  peer_certificate { subject: "CN=a.test" issuer: "CN=root" }
  cleartext_bytes_received: 2048
  cleartext_bytes_sent: 5
  create_time { seconds: 999988 }
)pb";

TEST(ShowConnectionTest, SummarizesAConnection) {
  EXPECT_EQ(ConnectionSummary(Parse<v1::Connection>(kConnection))
                .Format(ColourMode::kOff),
            "connected to 127.0.0.1:443 as connections/c\n"
            "  protocol     TLSv1.3\n"
            "  cipher       TLS_X\n"
            "  group        X25519\n"
            "  server name  a.test\n"
            "  peer         CN=a.test, issued by CN=root\n"
            "  authorized   yes\n");
}

TEST(ShowConnectionTest, SaysWhyAPeerIsNotAuthorized) {
  v1::Connection connection = Parse<v1::Connection>(kConnection);
  connection.set_authorized(false);
  connection.set_authorization_error("CERT_HAS_EXPIRED");

  const std::string text =
      ConnectionSummary(connection).Format(ColourMode::kOn);

  EXPECT_THAT(text, HasSubstr("\x1b[31mno: CERT_HAS_EXPIRED\x1b[0m"));
}

TEST(ShowConnectionTest, SaysThatAClientWasNotAskedForACertificate) {
  v1::Connection connection = Parse<v1::Connection>(kConnection);
  connection.set_role(v1::ROLE_SERVER);
  connection.set_authorized(false);
  connection.clear_peer_certificate();

  EXPECT_THAT(ConnectionSummary(connection).Format(ColourMode::kOff),
              AllOf(HasSubstr("accepted 127.0.0.1:443"),
                    HasSubstr("authorized   not asked\n")));
}

TEST(ShowConnectionTest, ListsConnections) {
  v1::ListConnectionsResponse list;
  *list.add_connections() = Parse<v1::Connection>(kConnection);
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
  EXPECT_THAT(ConnectionBlock(Parse<v1::Connection>(kConnection), kNow)
                  .Format(ColourMode::kOff),
              AllOf(HasSubstr("cleartext    2.0 KiB in, 5 B out\n"),
                    HasSubstr("role         client\n"),
                    HasSubstr("age          12s\n")));
}

TEST(ShowConnectionTest, SummarizesWhatTheHandshakeAgreedOn) {
  v1::Connection connection = Parse<v1::Connection>(kConnection);
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
  v1::Connection connection = Parse<v1::Connection>(kConnection);
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
  v1::Connection connection = Parse<v1::Connection>(kConnection);
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
  v1::Connection connection = Parse<v1::Connection>(kConnection);
  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("certificate asked for")),
                    Not(HasSubstr("certificate shown"))));

  connection.mutable_handshake()->set_certificate_requested(true);
  connection.mutable_handshake()->set_own_certificate_sha256("AB:CD");

  EXPECT_THAT(ConnectionBlock(connection, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("certificate asked for  yes\n"),
                    HasSubstr("certificate shown      AB:CD\n")));
}

}  // namespace
}  // namespace tlsd::client::cli
