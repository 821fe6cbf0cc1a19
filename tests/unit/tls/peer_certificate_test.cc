// Which peers are accepted, which refused, and what each side learns of it.
#include <string>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::ExpiredClientIdentity;
using ::tlsd::testing::ExpiredServerIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::LocalhostOptions;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::NotYetValidServerIdentity;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::SelfSignedIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;
using ::tlsd::testing::WrongNameServerIdentity;

PemCredentials Anytime(const TestIdentity& identity) {
  PemCredentials credentials = identity.Credentials();
  credentials.allow_outside_validity = true;
  return credentials;
}

SecureContextOptions ServerWith(TlsVersion version,
                                const TestIdentity& identity) {
  SecureContextOptions options = ServerOptions(version);
  options.credentials = {Anytime(identity)};
  return options;
}

// Clients: what they make of servers.

struct ServerRow {
  const char* what;
  const TestIdentity& (*identity)();
  Reason reason;
  const char* error;
  const char* alert;
};

const ServerRow kServerRows[] = {
    {"Expired", ExpiredServerIdentity, Reason::kPeerCertificateExpired,
     "CERT_HAS_EXPIRED", "certificate_expired"},
    {"NotYetValid", NotYetValidServerIdentity, Reason::kPeerCertificateExpired,
     "CERT_NOT_YET_VALID", "certificate_expired"},
    {"WrongName", WrongNameServerIdentity, Reason::kPeerCertificateNameMismatch,
     "HOSTNAME_MISMATCH", "bad_certificate"},
    {"SelfSigned", SelfSignedIdentity, Reason::kPeerCertificateUntrusted,
     "DEPTH_ZERO_SELF_SIGNED_CERT", "unknown_ca"},
    {"Untrusted", StrangerIdentity, Reason::kPeerCertificateUntrusted,
     "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown_ca"},
};

class ServerCertificateTest : public EachTlsVersion {};
INSTANTIATE_TLS_VERSIONS(ServerCertificateTest);

TEST_P(ServerCertificateTest, ABadOneIsRefusedWithItsReasonAndAlert) {
  for (const ServerRow& row : kServerRows) {
    SCOPED_TRACE(row.what);
    EnginePair pair(MakeContext(ClientOptions(version())),
                    MakeContext(ServerWith(version(), row.identity())));

    pair.Pump();

    EXPECT_THAT(pair.client().status, FailsWith(row.reason));
    EXPECT_EQ(MetadataOf(pair.client().status, "verify_error"), row.error);
    EXPECT_FALSE(pair.client().handshake.has_value());
    EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerAlert));
    EXPECT_EQ(MetadataOf(pair.server().status, "alert"), row.alert);
  }
}

TEST_P(ServerCertificateTest, ABadOneIsReportedIfTheCallerWantsThat) {
  for (const ServerRow& row : kServerRows) {
    SCOPED_TRACE(row.what);
    EngineOptions options = LocalhostOptions();
    options.verification = PeerVerification::kReport;
    EnginePair pair(MakeContext(ClientOptions(version())),
                    MakeContext(ServerWith(version(), row.identity())),
                    options);

    pair.Pump();

    EXPECT_THAT(pair.client().status, IsOk());
    ASSERT_TRUE(pair.client().handshake.has_value());
    EXPECT_FALSE(pair.client().handshake->authorized);
    EXPECT_EQ(pair.client().handshake->authorization_error, row.error);
    EXPECT_NE(pair.client().handshake->peer_certificate, nullptr);
  }
}

TEST_P(ServerCertificateTest, AGoodOneIsAuthorizedInReportsToo) {
  EngineOptions options = LocalhostOptions();
  options.verification = PeerVerification::kReport;
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerOptions(version())), options);

  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
}

TEST_P(ServerCertificateTest, AnyNameWillDoIfNoneIsChecked) {
  EngineOptions options;
  options.skip_name_check = true;
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerWith(version(), WrongNameServerIdentity())),
                  options);

  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
}

TEST_P(ServerCertificateTest, TheChainIsCheckedThoughTheNameIsNot) {
  EngineOptions options;
  options.skip_name_check = true;
  EnginePair pair(MakeContext(ClientOptions(version())),
                  MakeContext(ServerWith(version(), SelfSignedIdentity())),
                  options);

  pair.Pump();

  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
}

TEST_P(ServerCertificateTest, OneForClientsOnlyIsRefused) {
  IdentitySpec spec;
  spec.extended_key_usage = "clientAuth";
  EnginePair pair(
      MakeContext(ClientOptions(version())),
      MakeContext(ServerWith(version(), IntermediateIdentity().Issue(spec))));

  pair.Pump();

  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerCertificateInvalid));
  EXPECT_EQ(MetadataOf(pair.client().status, "verify_error"),
            "INVALID_PURPOSE");
}

// Servers: what they make of clients.

SecureContextOptions ClientWith(TlsVersion version,
                                const TestIdentity& identity) {
  SecureContextOptions options = ClientOptions(version);
  options.credentials = {Anytime(identity)};
  return options;
}

SecureContextOptions AskingServer(TlsVersion version,
                                  ClientCertificateMode mode) {
  SecureContextOptions options = ServerOptions(version);
  options.client_certificate_mode = mode;
  return options;
}

class ClientCertificateTest : public EachTlsVersion {};
INSTANTIATE_TLS_VERSIONS(ClientCertificateTest);

TEST_P(ClientCertificateTest, AGoodOneIsAuthorized) {
  for (const ClientCertificateMode mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    EnginePair pair(MakeContext(ClientWith(version(), ClientIdentity())),
                    MakeContext(AskingServer(version(), mode)));

    pair.Pump();

    const HandshakeFacts& facts = pair.server().handshake.value();
    EXPECT_TRUE(facts.authorized);
    EXPECT_EQ(facts.authorization_error, "");
    ASSERT_NE(facts.peer_certificate, nullptr);
    EXPECT_EQ(facts.peer_certificate->subject, "CN=client");
  }
}

TEST_P(ClientCertificateTest, NoneIsNotAuthorizedThoughTheLibrarySaysOk) {
  EnginePair pair(
      MakeContext(ClientOptions(version())),
      MakeContext(AskingServer(version(), ClientCertificateMode::kRequest)));

  pair.Pump();

  const HandshakeFacts& facts = pair.server().handshake.value();
  EXPECT_FALSE(facts.authorized);
  EXPECT_EQ(facts.authorization_error, "NO_PEER_CERTIFICATE");
  EXPECT_EQ(facts.peer_certificate, nullptr);
}

TEST_P(ClientCertificateTest, NoneIsRefusedIfOneIsRequired) {
  EnginePair pair(
      MakeContext(ClientOptions(version())),
      MakeContext(AskingServer(version(), ClientCertificateMode::kRequire)));

  pair.Pump();

  EXPECT_THAT(pair.server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"),
            is_tls13() ? "certificate_required" : "handshake_failure");
  // RFC 8446 section 4.4.4: the client was through before it was judged.
  EXPECT_EQ(pair.client().handshake.has_value(), is_tls13());
}

struct ClientRow {
  const char* what;
  const TestIdentity& (*identity)();
  Reason reason;
  const char* error;
  const char* alert;
};

const ClientRow kClientRows[] = {
    {"Expired", ExpiredClientIdentity, Reason::kPeerCertificateExpired,
     "CERT_HAS_EXPIRED", "certificate_expired"},
    {"Stranger", StrangerIdentity, Reason::kPeerCertificateUntrusted,
     "UNABLE_TO_VERIFY_LEAF_SIGNATURE", "unknown_ca"},
    {"SelfSigned", SelfSignedIdentity, Reason::kPeerCertificateUntrusted,
     "DEPTH_ZERO_SELF_SIGNED_CERT", "unknown_ca"},
};

TEST_P(ClientCertificateTest, ABadOneIsRefusedIfOneIsRequired) {
  for (const ClientRow& row : kClientRows) {
    SCOPED_TRACE(row.what);
    EnginePair pair(
        MakeContext(ClientWith(version(), row.identity())),
        MakeContext(AskingServer(version(), ClientCertificateMode::kRequire)));

    pair.Pump();

    EXPECT_THAT(pair.server().status, FailsWith(row.reason));
    EXPECT_EQ(MetadataOf(pair.server().status, "verify_error"), row.error);
    EXPECT_EQ(MetadataOf(pair.client().status, "alert"), row.alert);
  }
}

TEST_P(ClientCertificateTest, ABadOneIsReportedIfOneIsRequested) {
  for (const ClientRow& row : kClientRows) {
    SCOPED_TRACE(row.what);
    EnginePair pair(
        MakeContext(ClientWith(version(), row.identity())),
        MakeContext(AskingServer(version(), ClientCertificateMode::kRequest)));

    pair.Pump();

    const HandshakeFacts& facts = pair.server().handshake.value();
    EXPECT_FALSE(facts.authorized);
    EXPECT_EQ(facts.authorization_error, row.error);
    EXPECT_NE(facts.peer_certificate, nullptr);
  }
}

TEST_P(ClientCertificateTest, OneForServersOnlyIsRefused) {
  IdentitySpec spec;
  spec.extended_key_usage = "serverAuth";
  EnginePair pair(
      MakeContext(ClientWith(version(), IntermediateIdentity().Issue(spec))),
      MakeContext(AskingServer(version(), ClientCertificateMode::kRequire)));

  pair.Pump();

  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerCertificateInvalid));
}

TEST_P(ClientCertificateTest, TheServersOwnIssuerIsNotTrustedUnlessNamed) {
  SecureContextOptions server =
      AskingServer(version(), ClientCertificateMode::kRequire);
  server.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EnginePair pair(MakeContext(ClientWith(version(), ClientIdentity())),
                  MakeContext(server));

  pair.Pump();

  EXPECT_THAT(pair.server().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
}

}  // namespace
}  // namespace tlsd::tls
