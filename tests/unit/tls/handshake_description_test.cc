// What a handshake is told to have settled, on both sides.
#include <optional>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/session_client.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::Ed25519ServerIdentity;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

std::string Fingerprint(const TestIdentity& identity) {
  return DescribeCertificate(identity.certificate()).sha256_fingerprint;
}

std::vector<std::string> Subjects(const CertificateList& list) {
  std::vector<std::string> subjects;
  for (const auto& facts : list) subjects.push_back(facts->subject);
  return subjects;
}

// Agreement has a handshake, and returns what `part` of the facts both sides
// tell alike; "none" if it fails.
std::string Agreement(const SecureContextOptions& client,
                      const SecureContextOptions& server,
                      std::string HandshakeFacts::*part) {
  EnginePair pair(MakeContext(client), MakeContext(server));
  pair.Pump();
  if (!pair.client().status.ok() || !pair.server().status.ok()) return "none";
  const std::string told = pair.client().handshake.value().*part;
  EXPECT_EQ(pair.server().handshake.value().*part, told);
  return told;
}

// RsaForAll is good for key transport too.
const TestIdentity& RsaForAll() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec;
    spec.key = KeyKind::kRsa2048;
    spec.key_usage = "critical,digitalSignature,keyEncipherment";
    return IntermediateIdentity().Issue(spec);
  }());
  return identity;
}

// Versions and suites.

SecureContextOptions AnyVersionClient() {
  SecureContextOptions options = ClientOptions(TlsVersion::kTls13);
  options.min_version = TlsVersion::kTls10;
  return options;
}

TEST(VersionDescriptionTest, SecureProtocolSetsTheVersion) {
  const struct {
    const char* secure_protocol;
    const char* protocol;
  } rows[] = {
      {"TLSv1_method", "TLSv1"},     {"TLSv1_1_server_method", "TLSv1.1"},
      {"TLSv1_2_method", "TLSv1.2"}, {"SSLv23_method", "TLSv1.3"},
      {"TLS_method", "TLSv1.3"},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.secure_protocol);
    SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
    server.min_version = server.max_version = std::nullopt;
    server.secure_protocol = row.secure_protocol;
    EXPECT_EQ(Agreement(AnyVersionClient(), server, &HandshakeFacts::protocol),
              row.protocol);
    // And it is the only one.
    const bool is_flexible = std::string(row.protocol) == "TLSv1.3";
    EXPECT_EQ(Agreement(ClientOptions(TlsVersion::kTls13), server,
                        &HandshakeFacts::protocol),
              is_flexible ? "TLSv1.3" : "none");
  }
}

struct SuiteRow {
  const char* ciphers;
  const char* cipher;
  const char* standard_name;
  const char* min_version;
};

TEST(SuiteDescriptionTest, NamesTheSuiteInAllWays) {
  const SuiteRow rows[] = {
      {"ECDHE-RSA-AES128-GCM-SHA256", "ECDHE-RSA-AES128-GCM-SHA256",
       "TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256", "TLSv1.2"},
      {"ECDHE-RSA-CHACHA20-POLY1305", "ECDHE-RSA-CHACHA20-POLY1305",
       "TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256", "TLSv1.2"},
      {"ECDHE-RSA-AES128-SHA", "ECDHE-RSA-AES128-SHA",
       "TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA", "TLSv1"},
      {"AES256-SHA", "AES256-SHA", "TLS_RSA_WITH_AES_256_CBC_SHA", "TLSv1"},
  };
  for (const SuiteRow& row : rows) {
    SCOPED_TRACE(row.ciphers);
    const SecureContextOptions client = ClientOptions(TlsVersion::kTls12);
    SecureContextOptions server = ServerOptions(TlsVersion::kTls12);
    server.credentials = {RsaForAll().Credentials()};
    server.ciphers = row.ciphers;
    EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher), row.cipher);
    EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher_standard_name),
              row.standard_name);
    EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher_min_version),
              row.min_version);
  }
}

TEST(SuiteDescriptionTest, WithoutAGroupThereIsNone) {
  SecureContextOptions server = ServerOptions(TlsVersion::kTls12);
  server.credentials = {RsaForAll().Credentials()};
  server.ciphers = "kRSA";
  EnginePair pair(MakeContext(ClientOptions(TlsVersion::kTls12)),
                  MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.client().status, IsOk());
  EXPECT_EQ(pair.client().handshake.value().group, "");
  EXPECT_EQ(pair.server().handshake.value().group, "");
  // Nobody has signed, too.
  EXPECT_EQ(pair.client().handshake->peer_signature_algorithm, "");
}

// TLS 1.3's suites, of which the library leaves few choices. None of them says
// anything of keys.
TEST(SuiteDescriptionTest, Tls13SuitesAreChosenWhateverTheKey) {
  const struct {
    const char* ciphers;
    const char* cipher;
  } rows[] = {
      {"TLS_AES_256_GCM_SHA384", "TLS_AES_256_GCM_SHA384"},
      {"TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384",
       "TLS_AES_128_GCM_SHA256"},
  };
  for (const auto& row : rows) {
    for (const TestIdentity* identity :
         {&ServerIdentity(), &RsaServerIdentity(), &Ed25519ServerIdentity()}) {
      SCOPED_TRACE(absl::StrCat(
          row.ciphers, " ",
          DescribeCertificate(identity->certificate()).public_key));
      const SecureContextOptions client = ClientOptions(TlsVersion::kTls13);
      SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
      server.credentials = {identity->Credentials()};
      server.ciphers = row.ciphers;
      EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher), row.cipher);
      EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher_min_version),
                "TLSv1.3");

      // The same choice made by the client, with a certificate of its own.
      SecureContextOptions choosing_client = client;
      choosing_client.ciphers = row.ciphers;
      choosing_client.credentials = {identity->Credentials()};
      SecureContextOptions asking_server = ServerOptions(TlsVersion::kTls13);
      asking_server.client_certificate_mode = ClientCertificateMode::kRequire;
      EXPECT_EQ(
          Agreement(choosing_client, asking_server, &HandshakeFacts::cipher),
          row.cipher);
    }
  }
}

TEST(SuiteDescriptionTest, SuitesOfBothVersionsStandInOneList) {
  SecureContextOptions server = ServerOptions(TlsVersion::kTls13);
  server.min_version = TlsVersion::kTls12;
  server.ciphers = "TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  EXPECT_EQ(Agreement(ClientOptions(TlsVersion::kTls13), server,
                      &HandshakeFacts::cipher),
            "TLS_AES_256_GCM_SHA384");
  EXPECT_EQ(Agreement(ClientOptions(TlsVersion::kTls12), server,
                      &HandshakeFacts::cipher),
            "ECDHE-ECDSA-AES128-GCM-SHA256");
  server.ciphers = "TLS_AES_256_GCM_SHA384";
  EXPECT_EQ(Agreement(ClientOptions(TlsVersion::kTls12), server,
                      &HandshakeFacts::cipher),
            "none");
}

TEST(SuiteDescriptionTest, TheServersOrderCountsUnlessTold) {
  SecureContextOptions client = ClientOptions(TlsVersion::kTls12);
  client.ciphers =
      "ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES128-GCM-SHA256";
  SecureContextOptions server = ServerOptions(TlsVersion::kTls12);
  server.ciphers =
      "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher),
            "ECDHE-ECDSA-AES128-GCM-SHA256");
  server.prefer_client_ciphers = true;
  EXPECT_EQ(Agreement(client, server, &HandshakeFacts::cipher),
            "ECDHE-ECDSA-AES256-GCM-SHA384");
}

class DescriptionTest : public EachTlsVersion {};
INSTANTIATE_TLS_VERSIONS(DescriptionTest);

TEST_P(DescriptionTest, NamesTheGroupByTheServersOrder) {
  SecureContextOptions client = ClientOptions(version());
  client.groups = {"P-256", "P-384", "X25519", "P-521"};
  for (const char* group : {"X25519", "P-256", "P-384", "P-521"}) {
    SecureContextOptions server = ServerOptions(version());
    server.groups = {group};
    for (const char* other : {"P-521", "X25519", "P-384", "P-256"}) {
      if (std::string(other) != group) server.groups.emplace_back(other);
    }
    EXPECT_EQ(Agreement(client, server, &HandshakeFacts::group), group);
  }
}

// Certificates.

TEST_P(DescriptionTest, TellsTheCertificatesSentFromTheChainBuilt) {
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())));

  pair.Pump();

  const HandshakeFacts& client = pair.client().handshake.value();
  EXPECT_THAT(Subjects(client.peer_certificates_sent),
              ElementsAre("CN=localhost", "CN=tlsd test intermediate"));
  EXPECT_THAT(Subjects(client.peer_chain),
              ElementsAre("CN=localhost", "CN=tlsd test intermediate",
                          "CN=tlsd test root"));
  EXPECT_EQ(client.peer_certificate, client.peer_certificates_sent[0]);
  const HandshakeFacts& server = pair.server().handshake.value();
  EXPECT_THAT(server.peer_certificates_sent, IsEmpty());
  EXPECT_THAT(server.peer_chain, IsEmpty());
  EXPECT_EQ(server.peer_certificate, nullptr);
}

TEST_P(DescriptionTest, TellsOfAnUntrustedChainAsFarAsItGoes) {
  SecureContextOptions client = ClientOptions(version());
  client.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EngineOptions options = LocalhostOptions();
  options.verification = PeerVerification::kReport;
  EnginePair pair(MakeContext(client), MakeContext(ServerOptions(version())),
                  options);

  pair.Pump();

  EXPECT_FALSE(pair.client().handshake.value().authorized);
  EXPECT_THAT(Subjects(pair.client().handshake->peer_chain),
              ElementsAre("CN=localhost", "CN=tlsd test intermediate"));
}

TEST_P(DescriptionTest, TellsOfTheClientsCertificatesToo) {
  SecureContextOptions client = ClientOptions(version());
  client.credentials = {ClientIdentity().Credentials()};
  SecureContextOptions server = ServerOptions(version());
  server.client_certificate_mode = ClientCertificateMode::kRequire;
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  const HandshakeFacts& facts = pair.server().handshake.value();
  EXPECT_THAT(Subjects(facts.peer_certificates_sent),
              ElementsAre("CN=client", "CN=tlsd test intermediate"));
  EXPECT_THAT(Subjects(facts.peer_chain),
              ElementsAre("CN=client", "CN=tlsd test intermediate",
                          "CN=tlsd test root"));
  EXPECT_EQ(facts.peer_signature_algorithm, "ecdsa_secp256r1_sha256");
  EXPECT_EQ(facts.own_certificate_sha256, Fingerprint(ServerIdentity()));
  EXPECT_EQ(pair.client().handshake.value().own_certificate_sha256,
            Fingerprint(ClientIdentity()));
  EXPECT_EQ(pair.client().handshake->peer_signature_algorithm,
            "ecdsa_secp256r1_sha256");
}

// Sessions.

TEST_P(DescriptionTest, ResumptionTellsOfThePeerButNotOfWhoSigned) {
  SecureContextOptions options = ServerOptions(version());
  options.client_certificate_mode = ClientCertificateMode::kRequire;
  options.trust_anchors.pems.push_back(IntermediateIdentity().CertificatePem());
  const auto server = MakeContext(options);
  SessionClient client(version(), &ClientIdentity());
  client.server_name = "LocalHost";

  const auto first = client.Converse(server);
  const auto second = client.Converse(server);

  ASSERT_THAT(second.status, IsOk());
  const HandshakeFacts& full = first.handshake.value();
  const HandshakeFacts& resumed = second.handshake.value();
  EXPECT_FALSE(full.resumed);
  EXPECT_TRUE(resumed.resumed);
  for (const HandshakeFacts* facts : {&full, &resumed}) {
    EXPECT_EQ(facts->protocol, is_tls13() ? "TLSv1.3" : "TLSv1.2");
    EXPECT_EQ(facts->cipher, full.cipher);
    EXPECT_EQ(facts->server_name, full.server_name);
    EXPECT_TRUE(facts->authorized);
    EXPECT_THAT(Subjects(facts->peer_certificates_sent),
                ElementsAre("CN=client"));
    EXPECT_THAT(Subjects(facts->peer_chain),
                ElementsAre("CN=client", "CN=tlsd test intermediate",
                            "CN=tlsd test root"));
  }
  EXPECT_EQ(full.peer_signature_algorithm, "ecdsa_secp256r1_sha256");
  EXPECT_EQ(full.own_certificate_sha256, Fingerprint(ServerIdentity()));
  EXPECT_EQ(resumed.peer_signature_algorithm, "");
  EXPECT_EQ(resumed.own_certificate_sha256, "");
}

// ALPN and NPN.

TEST_P(DescriptionTest, AlpnByWireFormIsTheSame) {
  SecureContextOptions client = ClientOptions(version());
  client.alpn_protocols_wire = std::string("\x08http/1.1\x02h2", 12);
  SecureContextOptions server = ServerOptions(version());
  server.alpn_protocols = {"h2", "http/1.1"};
  EXPECT_EQ(Agreement(client, server, &HandshakeFacts::alpn_protocol), "h2");

  server.alpn_protocols = {};
  server.alpn_protocols_wire = std::string("\x08http/1.1\x02h2", 12);
  EXPECT_EQ(Agreement(client, server, &HandshakeFacts::alpn_protocol),
            "http/1.1");

  server.alpn_protocols_wire = std::string("\x02h3", 3);
  EXPECT_EQ(Agreement(client, server, &HandshakeFacts::alpn_protocol), "none");
}

class NpnTest : public ::testing::Test {
 protected:
  SecureContextOptions client_ = ClientOptions(TlsVersion::kTls12);
  SecureContextOptions server_ = ServerOptions(TlsVersion::kTls12);
};

TEST_F(NpnTest, IsAgreedByTheClientsOrder) {
  client_.npn_protocols = {"b", "a"};
  server_.npn_protocols = {"a", "b", "c"};
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "b");

  client_.npn_protocols = {};
  client_.npn_protocols_wire = std::string(
      "\x01"
      "c"
      "\x01"
      "a",
      4);
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "c");
}

// As the module has it: the client goes on with its first, and knows that it is
// not agreed; the server hears of it.
TEST_F(NpnTest, WithoutOverlapTheServerHearsTheClientsFirst) {
  client_.npn_protocols = {"x", "y"};
  server_.npn_protocols = {"a", "b"};
  EnginePair pair(MakeContext(client_), MakeContext(server_));

  pair.Pump();

  ASSERT_THAT(pair.client().status, IsOk());
  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(pair.client().handshake.value().npn_protocol, "");
  EXPECT_EQ(pair.server().handshake.value().npn_protocol, "x");
}

TEST_F(NpnTest, NeedsBothSides) {
  client_.npn_protocols = {"a"};
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "");
  client_.npn_protocols = {};
  server_.npn_protocols = {"a"};
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "");
}

TEST_F(NpnTest, GivesWayToAlpn) {
  client_.npn_protocols = {"a"};
  server_.npn_protocols = {"a"};
  client_.alpn_protocols = {"h2"};
  // Of one side alone it is no ALPN.
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "a");

  server_.alpn_protocols = {"h2"};
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "");
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::alpn_protocol), "h2");
}

TEST_F(NpnTest, EndsWithTls12) {
  client_.npn_protocols = server_.npn_protocols = {"a"};
  client_.max_version = server_.max_version = TlsVersion::kTls13;
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::protocol), "TLSv1.3");
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "");
  server_.max_version = TlsVersion::kTls12;
  EXPECT_EQ(Agreement(client_, server_, &HandshakeFacts::npn_protocol), "a");
}

}  // namespace
}  // namespace tlsd::tls
