// Which of several credentials an engine shows: a server by what the client
// offers, a client by what the server asks for.
#include <map>
#include <string>
#include <utility>
#include <vector>

#include "absl/strings/string_view.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::KeyKind;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;

// Identity returns one for a server and a client, with a key of `kind`.
const TestIdentity& Identity(KeyKind kind) {
  static auto& identities = *new std::map<KeyKind, TestIdentity>;
  const auto found = identities.find(kind);
  if (found != identities.end()) return found->second;
  IdentitySpec spec;
  spec.key = kind;
  spec.key_index = 30;
  // RSA may be for key transport too.
  if (kind == KeyKind::kRsa2048) {
    spec.key_usage = "critical,digitalSignature,keyEncipherment";
  }
  return identities.emplace(kind, IntermediateIdentity().Issue(spec))
      .first->second;
}

std::string Fingerprint(const TestIdentity& identity) {
  return DescribeCertificate(identity.certificate()).sha256_fingerprint;
}

std::vector<CredentialsOptions> CredentialsOf(
    const std::vector<KeyKind>& kinds) {
  std::vector<CredentialsOptions> credentials;
  for (const KeyKind kind : kinds) {
    credentials.emplace_back(Identity(kind).Credentials());
  }
  return credentials;
}

// Name is short, for tables.
std::string Name(KeyKind kind) {
  switch (kind) {
    case KeyKind::kP256:
      return "P-256";
    case KeyKind::kP384:
      return "P-384";
    case KeyKind::kP521:
      return "P-521";
    case KeyKind::kEd25519:
      return "Ed25519";
    default:
      return "RSA";
  }
}

constexpr KeyKind kAllKinds[] = {KeyKind::kRsa2048, KeyKind::kP256,
                                 KeyKind::kP384, KeyKind::kP521,
                                 KeyKind::kEd25519};

// NameOfShown returns whose fingerprint it is; "" for none.
std::string NameOfShown(absl::string_view fingerprint) {
  if (fingerprint.empty()) return "";
  for (const KeyKind kind : kAllKinds) {
    if (Fingerprint(Identity(kind)) == fingerprint) return Name(kind);
  }
  return "unknown";
}

// Servers.

class ServerChoiceTest : public EachTlsVersion {
 protected:
  // Client returns options that take every kind of key.
  static SecureContextOptions Client() {
    SecureContextOptions options = ClientOptions(version());
    options.groups = {"X25519", "P-256", "P-384", "P-521"};
    return options;
  }

  static SecureContextOptions Server(const std::vector<KeyKind>& kinds) {
    SecureContextOptions options = ServerOptions(version());
    options.credentials = CredentialsOf(kinds);
    return options;
  }

  // Shown returns which of `kinds` a server shows to `client`, by what both
  // tell; or the reason why the handshake fails.
  static std::string Shown(const SecureContextOptions& client,
                           const std::vector<KeyKind>& kinds) {
    EnginePair pair(MakeContext(client), MakeContext(Server(kinds)));
    pair.Pump();
    if (!pair.server().status.ok()) {
      return MetadataOf(pair.server().status, "library_reason");
    }
    if (!pair.client().handshake.has_value()) return "refused by the client";
    const HandshakeFacts& facts = pair.server().handshake.value();
    EXPECT_EQ(facts.own_certificate_sha256,
              pair.client().handshake->peer_certificate->sha256_fingerprint);
    EXPECT_TRUE(pair.client().handshake->authorized);
    EXPECT_EQ(pair.client().handshake->peer_certificates_sent.size(), 2u);
    return NameOfShown(facts.own_certificate_sha256);
  }

  static std::string WithAlgorithms(std::vector<std::string> algorithms,
                                    const std::vector<KeyKind>& kinds) {
    SecureContextOptions client = Client();
    client.signature_algorithms = std::move(algorithms);
    return Shown(client, kinds);
  }
};
INSTANTIATE_TLS_VERSIONS(ServerChoiceTest);

TEST_P(ServerChoiceTest, ShowsTheFirstToAClientThatTakesAll) {
  for (const KeyKind first : kAllKinds) {
    SCOPED_TRACE(Name(first));
    std::vector<KeyKind> kinds = {first};
    for (const KeyKind kind : kAllKinds) {
      if (kind != first) kinds.push_back(kind);
    }
    EXPECT_EQ(Shown(Client(), kinds), Name(first));
  }
}

TEST_P(ServerChoiceTest, ShowsWhatTheSignatureAlgorithmsAllow) {
  const std::vector<KeyKind> rsa_first = {KeyKind::kRsa2048, KeyKind::kP256,
                                          KeyKind::kP384, KeyKind::kEd25519};
  EXPECT_EQ(WithAlgorithms({"rsa_pss_rsae_sha256"}, rsa_first), "RSA");
  EXPECT_EQ(WithAlgorithms({"ecdsa_secp256r1_sha256"}, rsa_first), "P-256");
  EXPECT_EQ(WithAlgorithms({"ed25519"}, rsa_first), "Ed25519");
  EXPECT_EQ(WithAlgorithms({"ed25519", "ecdsa_secp256r1_sha256"}, rsa_first),
            "P-256");
  // RFC 8446 section 4.2.3: TLS 1.3 ties algorithm and curve.
  EXPECT_EQ(WithAlgorithms({"ecdsa_secp384r1_sha384"}, rsa_first),
            is_tls13() ? "P-384" : "P-256");
  EXPECT_EQ(WithAlgorithms({"ecdsa_secp521r1_sha512"},
                           {KeyKind::kRsa2048, KeyKind::kP521}),
            "P-521");
}

TEST_P(ServerChoiceTest, Pkcs1SignsHandshakesBelowTls13Only) {
  EXPECT_EQ(WithAlgorithms({"rsa_pkcs1_sha256", "ed25519"},
                           {KeyKind::kRsa2048, KeyKind::kEd25519}),
            is_tls13() ? "Ed25519" : "RSA");
}

TEST_P(ServerChoiceTest, SaysSoWhenNothingFits) {
  SecureContextOptions client = Client();
  client.signature_algorithms = {"ed25519"};
  EnginePair pair(MakeContext(client),
                  MakeContext(Server({KeyKind::kRsa2048, KeyKind::kP256})));

  pair.Pump();

  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerIncompatible));
  EXPECT_FALSE(pair.server().handshake.has_value());
  EXPECT_EQ(MetadataOf(pair.client().status, "alert"), "handshake_failure");
}

TEST_P(ServerChoiceTest, TheServersOwnAlgorithmsCountToo) {
  SecureContextOptions server = Server({KeyKind::kRsa2048, KeyKind::kP256});
  server.signing_algorithms = {"ecdsa_secp256r1_sha256"};
  EnginePair pair(MakeContext(Client()), MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(NameOfShown(pair.server().handshake->own_certificate_sha256),
            "P-256");
  EXPECT_EQ(pair.client().handshake.value().peer_signature_algorithm,
            "ecdsa_secp256r1_sha256");
}

TEST_P(ServerChoiceTest, TellsWhatBothCanSignWithInTheClientsOrder) {
  SecureContextOptions client = Client();
  client.signature_algorithms = {"rsa_pss_rsae_sha512", "ed25519",
                                 "ecdsa_secp256r1_sha256"};
  SecureContextOptions server = Server({KeyKind::kRsa2048, KeyKind::kP256});
  server.signing_algorithms = {"ecdsa_secp256r1_sha256", "rsa_pss_rsae_sha512"};
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  const HandshakeFacts& facts = pair.server().handshake.value();
  EXPECT_THAT(facts.shared_signature_algorithms,
              ElementsAre("rsa_pss_rsae_sha512", "ecdsa_secp256r1_sha256"));
  EXPECT_EQ(NameOfShown(facts.own_certificate_sha256), "RSA");
  EXPECT_EQ(facts.peer_signature_algorithm, "");
  EXPECT_EQ(pair.client().handshake.value().peer_signature_algorithm,
            "rsa_pss_rsae_sha512");
  // A client that is not asked for a certificate is not told.
  EXPECT_THAT(pair.client().handshake->shared_signature_algorithms, IsEmpty());
}

TEST_P(ServerChoiceTest, OneAloneIsShownWithItsFingerprint) {
  EXPECT_EQ(Shown(Client(), {KeyKind::kP384}), "P-384");
}

TEST_P(ServerChoiceTest, MeansTheSameWhenTheGroupMustBeAskedForAgain) {
  SecureContextOptions client = Client();
  client.signature_algorithms = {"ecdsa_secp384r1_sha384",
                                 "ecdsa_secp256r1_sha256"};
  SecureContextOptions server = Server({KeyKind::kRsa2048, KeyKind::kP384});
  server.groups = {"P-384"};
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(pair.server().handshake.value().group, "P-384");
  EXPECT_EQ(NameOfShown(pair.server().handshake->own_certificate_sha256),
            "P-384");
}

TEST_P(ServerChoiceTest, OutlivesAChangeThatKeepsTheCredentials) {
  SecureContextOptions options = Server({KeyKind::kRsa2048, KeyKind::kEd25519});
  const auto before = MakeContext(options);
  options.credentials.clear();
  SecureContext::Kept kept;
  kept.credentials = true;
  ASSERT_OK_AND_ASSIGN(
      const auto after,
      SecureContext::Replace(*before, kept, options,
                             ::tlsd::testing::TestAuthority(), absl::Now()));
  SecureContextOptions client = Client();
  client.signature_algorithms = {"ed25519"};
  EnginePair pair(MakeContext(client), after);

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(NameOfShown(pair.server().handshake->own_certificate_sha256),
            "Ed25519");
}

// What TLS 1.2 has to look at beside signatures.
class Tls12ChoiceTest : public ::testing::Test {
 protected:
  static std::string Shown(const std::string& ciphers,
                           const std::vector<std::string>& groups,
                           const std::vector<KeyKind>& kinds,
                           const std::vector<std::string>& own_groups = {}) {
    SecureContextOptions client = ClientOptions(TlsVersion::kTls12);
    client.ciphers = ciphers;
    client.groups = groups;
    SecureContextOptions server = ServerOptions(TlsVersion::kTls12);
    server.credentials = CredentialsOf(kinds);
    server.groups = own_groups;
    EnginePair pair(MakeContext(client), MakeContext(server));
    pair.Pump();
    if (!pair.server().status.ok()) {
      return MetadataOf(pair.server().status, "library_reason");
    }
    return NameOfShown(pair.server().handshake->own_certificate_sha256);
  }
};

TEST_F(Tls12ChoiceTest, ShowsWhatTheCipherSuitesAllow) {
  const std::vector<std::string> groups = {"X25519", "P-256"};
  const std::vector<KeyKind> rsa_first = {KeyKind::kRsa2048, KeyKind::kP256};
  const std::vector<KeyKind> ec_first = {KeyKind::kP256, KeyKind::kRsa2048};
  EXPECT_EQ(Shown("ECDHE-RSA-AES128-GCM-SHA256", groups, ec_first), "RSA");
  EXPECT_EQ(Shown("ECDHE-ECDSA-AES128-GCM-SHA256", groups, rsa_first), "P-256");
  EXPECT_EQ(Shown("AES128-GCM-SHA256", groups, ec_first), "RSA");
  EXPECT_EQ(Shown("ECDHE-ECDSA-AES128-GCM-SHA256", groups,
                  {KeyKind::kRsa2048, KeyKind::kEd25519}),
            "Ed25519");
  EXPECT_EQ(Shown("ECDHE-RSA-AES128-GCM-SHA256", groups,
                  {KeyKind::kP256, KeyKind::kEd25519}),
            "NO_SHARED_CIPHER");
}

TEST_F(Tls12ChoiceTest, ShowsWhatTheGroupsAllow) {
  const std::vector<KeyKind> kinds = {KeyKind::kP521, KeyKind::kP384,
                                      KeyKind::kP256, KeyKind::kRsa2048};
  EXPECT_EQ(Shown("", {"X25519", "P-256", "P-384", "P-521"}, kinds), "P-521");
  EXPECT_EQ(Shown("", {"X25519", "P-256", "P-384"}, kinds), "P-384");
  EXPECT_EQ(Shown("", {"X25519", "P-256"}, kinds), "P-256");
  EXPECT_EQ(Shown("", {"X25519"}, kinds), "RSA");
  // Ed25519 keys need no group of their own.
  EXPECT_EQ(Shown("", {"X25519"}, {KeyKind::kP256, KeyKind::kEd25519}),
            "Ed25519");
}

TEST_F(Tls12ChoiceTest, LeavesEcdheOutWithoutAGroupInCommon) {
  const std::vector<KeyKind> kinds = {KeyKind::kP256, KeyKind::kRsa2048};
  // The client could take the P-256 key, but there is no key exchange for it.
  EXPECT_EQ(Shown("ECDHE-ECDSA-AES128-GCM-SHA256:AES128-GCM-SHA256", {"P-256"},
                  kinds, {"X25519"}),
            "RSA");
  EXPECT_EQ(
      Shown("ECDHE-ECDSA-AES128-GCM-SHA256", {"P-256"}, kinds, {"X25519"}),
      "NO_SHARED_CIPHER");
}

TEST_F(Tls12ChoiceTest, LooksAtSuitesOfTheVersionAlone) {
  SecureContextOptions client = ClientOptions(TlsVersion::kTls12);
  client.min_version = TlsVersion::kTls11;
  client.ciphers = "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-RSA-AES128-SHA";
  SecureContextOptions server = ServerOptions(TlsVersion::kTls11);
  server.credentials = CredentialsOf({KeyKind::kP256, KeyKind::kRsa2048});
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(pair.server().handshake.value().protocol, "TLSv1.1");
  EXPECT_EQ(NameOfShown(pair.server().handshake->own_certificate_sha256),
            "RSA");
}

TEST_F(Tls12ChoiceTest, Ed25519IsNotForOlderVersions) {
  SecureContextOptions client = ClientOptions(TlsVersion::kTls11);
  SecureContextOptions server = ServerOptions(TlsVersion::kTls11);
  server.credentials =
      CredentialsOf({KeyKind::kEd25519, KeyKind::kP256, KeyKind::kRsa2048});
  EnginePair pair(MakeContext(client), MakeContext(server));

  pair.Pump();

  ASSERT_THAT(pair.server().status, IsOk());
  EXPECT_EQ(NameOfShown(pair.server().handshake->own_certificate_sha256),
            "P-256");
}

// Clients.

class ClientChoiceTest : public EachTlsVersion {
 protected:
  static SecureContextOptions Server() {
    SecureContextOptions options = ServerOptions(version());
    options.client_certificate_mode = ClientCertificateMode::kRequest;
    return options;
  }

  static SecureContextOptions Client(
      std::vector<CredentialsOptions> credentials) {
    SecureContextOptions options = ClientOptions(version());
    options.credentials = std::move(credentials);
    return options;
  }

  static EnginePair Pair(const SecureContextOptions& client,
                         const SecureContextOptions& server) {
    return EnginePair(MakeContext(client), MakeContext(server));
  }

  // ExpectShown compares what both sides tell; null: the client shows none.
  static void ExpectShown(EnginePair& pair, const TestIdentity* identity) {
    ASSERT_THAT(pair.client().status, IsOk());
    ASSERT_THAT(pair.server().status, IsOk());
    const HandshakeFacts& client = pair.client().handshake.value();
    const HandshakeFacts& server = pair.server().handshake.value();
    EXPECT_TRUE(client.certificate_requested);
    if (identity == nullptr) {
      EXPECT_EQ(client.own_certificate_sha256, "");
      EXPECT_EQ(server.peer_certificate, nullptr);
      EXPECT_EQ(server.authorization_error, "NO_PEER_CERTIFICATE");
      return;
    }
    EXPECT_EQ(client.own_certificate_sha256, Fingerprint(*identity));
    ASSERT_NE(server.peer_certificate, nullptr);
    EXPECT_EQ(server.peer_certificate->sha256_fingerprint,
              Fingerprint(*identity));
  }
};
INSTANTIATE_TLS_VERSIONS(ClientChoiceTest);

TEST_P(ClientChoiceTest, ShowsTheOneOfAnAuthorityThatTheServerNames) {
  const SecureContextOptions client =
      Client({StrangerIdentity().Credentials(),
              Identity(KeyKind::kP256).Credentials()});
  SecureContextOptions server = Server();

  EnginePair by_root = Pair(client, server);
  by_root.Pump();
  ExpectShown(by_root, &Identity(KeyKind::kP256));
  EXPECT_TRUE(by_root.server().handshake->authorized);

  server.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  EnginePair by_other_root = Pair(client, server);
  by_other_root.Pump();
  ExpectShown(by_other_root, &StrangerIdentity());
  EXPECT_TRUE(by_other_root.server().handshake->authorized);
}

TEST_P(ClientChoiceTest, TheChainComesWithTheKey) {
  SecureContextOptions server = Server();
  server.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  // The first has an intermediate, the other has none.
  EnginePair pair = Pair(Client({Identity(KeyKind::kP256).Credentials(),
                                 StrangerIdentity().Credentials()}),
                         server);

  pair.Pump();

  ExpectShown(pair, &StrangerIdentity());
  EXPECT_EQ(pair.server().handshake->peer_certificates_sent.size(), 1u);
}

TEST_P(ClientChoiceTest, AnyIssuerInTheChainWillDo) {
  SecureContextOptions server = Server();
  server.trust_anchors.pems = {IntermediateIdentity().CertificatePem()};
  server.trust_anchors.allow_partial_chain = true;
  EnginePair pair = Pair(Client({StrangerIdentity().Credentials(),
                                 Identity(KeyKind::kP256).Credentials()}),
                         server);

  pair.Pump();

  ExpectShown(pair, &Identity(KeyKind::kP256));
}

TEST_P(ClientChoiceTest, ShowsNoneIfNoneOfManyFits) {
  SecureContextOptions server = Server();
  server.trust_anchors.pems = {
      ::tlsd::testing::SelfSignedIdentity().CertificatePem()};
  EnginePair pair = Pair(Client({StrangerIdentity().Credentials(),
                                 Identity(KeyKind::kP256).Credentials()}),
                         server);

  pair.Pump();

  ExpectShown(pair, nullptr);
}

TEST_P(ClientChoiceTest, ShowsNoneIfItHasNone) {
  EnginePair pair = Pair(Client({}), Server());

  pair.Pump();

  ExpectShown(pair, nullptr);
}

TEST_P(ClientChoiceTest, OneAloneIsShownWhateverTheServerNames) {
  EnginePair pair = Pair(Client({StrangerIdentity().Credentials()}), Server());

  pair.Pump();

  ExpectShown(pair, &StrangerIdentity());
  EXPECT_EQ(pair.server().handshake->authorization_error,
            "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
}

TEST_P(ClientChoiceTest, ShowsWhatTheSignatureAlgorithmsAllow) {
  const SecureContextOptions client = Client(CredentialsOf(
      {KeyKind::kRsa2048, KeyKind::kP256, KeyKind::kP384, KeyKind::kEd25519}));
  const struct {
    std::vector<std::string> algorithms;
    KeyKind kind;
  } rows[] = {
      {{"rsa_pss_rsae_sha256", "ecdsa_secp256r1_sha256"}, KeyKind::kRsa2048},
      {{"ecdsa_secp256r1_sha256"}, KeyKind::kP256},
      {{"ecdsa_secp384r1_sha384"},
       is_tls13() ? KeyKind::kP384 : KeyKind::kP256},
      {{"ed25519"}, KeyKind::kEd25519},
  };
  for (const auto& row : rows) {
    SCOPED_TRACE(row.algorithms[0]);
    SecureContextOptions server = Server();
    server.signature_algorithms = row.algorithms;
    EnginePair pair = Pair(client, server);

    pair.Pump();

    ExpectShown(pair, &Identity(row.kind));
    EXPECT_EQ(pair.server().handshake->peer_signature_algorithm,
              row.algorithms[0]);
    EXPECT_THAT(pair.client().handshake->shared_signature_algorithms,
                ::testing::ElementsAreArray(row.algorithms));
  }
}

TEST_P(ClientChoiceTest, OneThatCannotSignIsNotShown) {
  SecureContextOptions server = Server();
  server.signature_algorithms = {"ed25519"};
  for (const auto& kinds :
       {std::vector<KeyKind>{KeyKind::kP256},
        std::vector<KeyKind>{KeyKind::kP256, KeyKind::kRsa2048}}) {
    EnginePair pair = Pair(Client(CredentialsOf(kinds)), server);

    pair.Pump();

    ExpectShown(pair, nullptr);
    EXPECT_THAT(pair.client().handshake->shared_signature_algorithms,
                ElementsAre("ed25519"));
  }
}

TEST_P(ClientChoiceTest, NothingIsAskedForUnlessTold) {
  SecureContextOptions server = Server();
  server.client_certificate_mode = ClientCertificateMode::kNone;
  EnginePair pair =
      Pair(Client({Identity(KeyKind::kP256).Credentials()}), server);

  pair.Pump();

  EXPECT_FALSE(pair.client().handshake.value().certificate_requested);
  EXPECT_EQ(pair.client().handshake->own_certificate_sha256, "");
  EXPECT_FALSE(pair.server().handshake.value().certificate_requested);
}

}  // namespace
}  // namespace tlsd::tls
