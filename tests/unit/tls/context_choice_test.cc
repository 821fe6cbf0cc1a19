// Each thing that a secure context says holds for clients whose server name has
// chosen it, and for no others.
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"
#include "tests/unit/tls/named_contexts.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using ::testing::SizeIs;
using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::MetadataOf;
using ::tlsd::testing::OcspResponseDer;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::StrangerIdentity;
using ::tlsd::testing::TestIdentity;

std::string Fingerprint(const TestIdentity& identity) {
  return DescribeCertificate(identity.certificate()).sha256_fingerprint;
}

// Clients that ask for "chosen.test" get `chosen`, others `own`.
class ContextChoiceTest : public EachTlsVersion {
 protected:
  static EngineOptions AskFor(const std::string& server_name) {
    EngineOptions options;
    options.server_name = server_name;
    options.expected_name = "localhost";
    return options;
  }

  EnginePair Converse(const std::string& server_name,
                      const std::string& session = "") {
    auto names = std::make_shared<NamedContexts>();
    names->by_name["chosen.test"] = {"secureContexts/chosen",
                                     ContextOf(chosen, chosen_context_)};
    EngineOptions client_options = AskFor(server_name);
    client_options.session = session;
    client_options.request_ocsp = requests_ocsp;
    EngineOptions server_options;
    server_options.contexts = std::move(names);
    EnginePair pair(ContextOf(client, client_context_),
                    ContextOf(own, own_context_), client_options,
                    server_options);
    pair.Pump();
    return pair;
  }
  EnginePair ConverseChosen() { return Converse("chosen.test"); }
  EnginePair ConverseOwn() { return Converse("own.test"); }

  // ExpectPart expects what clients are told to have settled.
  void ExpectPart(std::string HandshakeFacts::*part, const std::string& of_own,
                  const std::string& of_chosen) {
    EnginePair own_pair = ConverseOwn();
    EnginePair chosen_pair = ConverseChosen();
    ASSERT_THAT(own_pair.client().status, IsOk());
    ASSERT_THAT(chosen_pair.client().status, IsOk());
    EXPECT_EQ(own_pair.client().handshake.value().*part, of_own);
    EXPECT_EQ(chosen_pair.client().handshake.value().*part, of_chosen);
  }

  SecureContextOptions own = ServerOptions(version());
  SecureContextOptions chosen = ServerOptions(version());
  SecureContextOptions client = ClientOptions(version());
  bool requests_ocsp = false;

 private:
  // ContextOf makes a context once: its ticket keys are its own.
  static std::shared_ptr<const SecureContext> ContextOf(
      const SecureContextOptions& options,
      std::shared_ptr<const SecureContext>& context) {
    if (context == nullptr) context = MakeContext(options);
    return context;
  }

  std::shared_ptr<const SecureContext> own_context_;
  std::shared_ptr<const SecureContext> chosen_context_;
  std::shared_ptr<const SecureContext> client_context_;
};
INSTANTIATE_TLS_VERSIONS(ContextChoiceTest);

TEST_P(ContextChoiceTest, IsTold) {
  EnginePair pair = ConverseChosen();
  const auto told = pair.server().Reported<ContextChosen>();
  ASSERT_THAT(told, SizeIs(1));
  EXPECT_EQ(told[0].name, "secureContexts/chosen");
  EXPECT_TRUE(
      std::holds_alternative<ContextChosen>(pair.server().events.front()));
  EXPECT_EQ(pair.server().handshake.value().server_name, "chosen.test");

  EXPECT_THAT(ConverseOwn().server().Reported<ContextChosen>(), IsEmpty());
  EXPECT_THAT(Converse("").server().Reported<ContextChosen>(), IsEmpty());
}

TEST_P(ContextChoiceTest, DecidesVersions) {
  own = ServerOptions(is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13);
  client.min_version = TlsVersion::kTls12;
  client.max_version = TlsVersion::kTls13;
  ExpectPart(&HandshakeFacts::protocol, is_tls13() ? "TLSv1.2" : "TLSv1.3",
             is_tls13() ? "TLSv1.3" : "TLSv1.2");
}

TEST_P(ContextChoiceTest, DecidesThatThereIsNoVersionInCommon) {
  chosen = ServerOptions(is_tls13() ? TlsVersion::kTls12 : TlsVersion::kTls13);
  EXPECT_THAT(ConverseChosen().server().status,
              FailsWith(Reason::kPeerIncompatible));
  EXPECT_THAT(ConverseOwn().server().status, IsOk());
}

// Under TLS 1.3 it is the policy of suites.
TEST_P(ContextChoiceTest, DecidesCiphers) {
  const std::string weaker =
      is_tls13() ? "TLS_AES_128_GCM_SHA256" : "ECDHE-ECDSA-AES128-GCM-SHA256";
  const std::string stronger =
      is_tls13() ? "TLS_AES_256_GCM_SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384";
  own.ciphers = is_tls13() ? "" : weaker;
  chosen.ciphers = stronger;
  ExpectPart(&HandshakeFacts::cipher, weaker, stronger);
}

TEST_P(ContextChoiceTest, DecidesWhosePreferenceCounts) {
  if (is_tls13()) return;
  const std::string weaker = "ECDHE-ECDSA-AES128-GCM-SHA256";
  const std::string stronger = "ECDHE-ECDSA-AES256-GCM-SHA384";
  own.ciphers = chosen.ciphers = weaker + ":" + stronger;
  client.ciphers = stronger + ":" + weaker;
  chosen.prefer_client_ciphers = true;
  ExpectPart(&HandshakeFacts::cipher, weaker, stronger);
}

// The client's first key share is for P-256: it is asked for another.
TEST_P(ContextChoiceTest, DecidesGroups) {
  client.groups = {"P-256", "X25519", "P-384"};
  own.groups = {"X25519"};
  chosen.groups = {"P-384"};
  ExpectPart(&HandshakeFacts::group, "X25519", "P-384");
}

TEST_P(ContextChoiceTest, DecidesWhatItSignsWith) {
  own.credentials = chosen.credentials = {RsaServerIdentity().Credentials()};
  own.signing_algorithms = {"rsa_pss_rsae_sha256"};
  chosen.signing_algorithms = {"rsa_pss_rsae_sha512"};
  EXPECT_EQ(ConverseOwn().client().handshake.value().peer_signature_algorithm,
            "rsa_pss_rsae_sha256");
  EXPECT_EQ(
      ConverseChosen().client().handshake.value().peer_signature_algorithm,
      "rsa_pss_rsae_sha512");
}

TEST_P(ContextChoiceTest, DecidesWhatClientsMaySignWith) {
  client.credentials = {RsaServerIdentity().Credentials()};
  own.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.client_certificate_mode = ClientCertificateMode::kRequest;
  own.signature_algorithms = {"rsa_pss_rsae_sha256"};
  chosen.signature_algorithms = {"rsa_pss_rsae_sha512"};
  EXPECT_EQ(ConverseOwn().server().handshake.value().peer_signature_algorithm,
            "rsa_pss_rsae_sha256");
  EXPECT_EQ(
      ConverseChosen().server().handshake.value().peer_signature_algorithm,
      "rsa_pss_rsae_sha512");
}

TEST_P(ContextChoiceTest, DecidesWhetherClientsNeedACertificate) {
  chosen.client_certificate_mode = ClientCertificateMode::kRequire;
  EnginePair pair = ConverseChosen();
  EXPECT_THAT(pair.server().status,
              FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_THAT(pair.client().status, FailsWith(Reason::kPeerAlert));
  EnginePair own_pair = ConverseOwn();
  EXPECT_THAT(own_pair.server().status, IsOk());
  EXPECT_FALSE(own_pair.client().handshake.value().certificate_requested);
}

TEST_P(ContextChoiceTest, DecidesThatClientsNeedNoCertificate) {
  own.client_certificate_mode = ClientCertificateMode::kRequire;
  EXPECT_THAT(ConverseChosen().server().status, IsOk());
  EXPECT_THAT(ConverseOwn().server().status,
              FailsWith(Reason::kPeerCertificateRequired));
}

TEST_P(ContextChoiceTest, DecidesWhichClientsAreTrusted) {
  own.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  client.credentials = {StrangerIdentity().Credentials()};
  EXPECT_TRUE(ConverseChosen().server().handshake.value().authorized);
  EXPECT_FALSE(ConverseOwn().server().handshake.value().authorized);
}

TEST_P(ContextChoiceTest, DecidesTheRulesForClients) {
  own.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.peer_rules.certificate_pins = {std::string(64, '0')};
  client.credentials = {ClientIdentity().Credentials()};
  EXPECT_EQ(ConverseChosen().server().handshake.value().authorization_error,
            "PIN_MISMATCH");
  EXPECT_TRUE(ConverseOwn().server().handshake.value().authorized);
}

// Clients choose their certificate by the names of authorities.
TEST_P(ContextChoiceTest, DecidesWhichAuthoritiesClientsAreAskedFor) {
  own.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.client_certificate_mode = ClientCertificateMode::kRequest;
  chosen.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  client.credentials = {ClientIdentity().Credentials(),
                        StrangerIdentity().Credentials()};
  ExpectPart(&HandshakeFacts::own_certificate_sha256,
             Fingerprint(ClientIdentity()), Fingerprint(StrangerIdentity()));
}

TEST_P(ContextChoiceTest, DecidesApplicationProtocols) {
  client.alpn_protocols = {"h2", "http/1.1"};
  own.alpn_protocols = {"h2"};
  chosen.alpn_protocols = {"http/1.1"};
  ExpectPart(&HandshakeFacts::alpn_protocol, "h2", "http/1.1");
}

TEST_P(ContextChoiceTest, DecidesThatThereAreNoApplicationProtocols) {
  client.alpn_protocols = {"h2"};
  own.alpn_protocols = {"h2"};
  ExpectPart(&HandshakeFacts::alpn_protocol, "h2", "");
}

TEST_P(ContextChoiceTest, DecidesNextProtocols) {
  if (is_tls13()) return;
  client.npn_protocols = {"h2", "http/1.1"};
  own.npn_protocols = {"h2"};
  chosen.npn_protocols = {"http/1.1"};
  ExpectPart(&HandshakeFacts::npn_protocol, "h2", "http/1.1");
}

TEST_P(ContextChoiceTest, DecidesCredentials) {
  chosen.credentials = {RsaServerIdentity().Credentials()};
  EXPECT_EQ(ConverseChosen()
                .client()
                .handshake.value()
                .peer_certificate->sha256_fingerprint,
            Fingerprint(RsaServerIdentity()));
  EXPECT_EQ(ConverseOwn()
                .client()
                .handshake.value()
                .peer_certificate->sha256_fingerprint,
            Fingerprint(ServerIdentity()));
}

// The choice among several is made by what the client offers.
TEST_P(ContextChoiceTest, DecidesWhichCredentialsThereAreToChooseFrom) {
  own.credentials = {RsaServerIdentity().Credentials()};
  chosen.credentials = {RsaServerIdentity().Credentials(),
                        ServerIdentity().Credentials()};
  client.signature_algorithms = {"ecdsa_secp256r1_sha256"};
  EXPECT_EQ(ConverseChosen().server().handshake.value().own_certificate_sha256,
            Fingerprint(ServerIdentity()));
  EXPECT_THAT(ConverseOwn().server().status,
              FailsWith(Reason::kPeerIncompatible));
}

TEST_P(ContextChoiceTest, DecidesWhatIsStapled) {
  PemCredentials stapled = ServerIdentity().Credentials();
  stapled.ocsp_response =
      OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()});
  chosen.credentials = {stapled};
  requests_ocsp = true;
  EnginePair pair = ConverseChosen();
  const auto received = pair.client().Reported<OcspResponseReceived>();
  ASSERT_THAT(received, SizeIs(1));
  EXPECT_EQ(received[0].response->der, stapled.ocsp_response);
  EXPECT_THAT(ConverseOwn().client().Reported<OcspResponseReceived>(),
              IsEmpty());
}

TEST_P(ContextChoiceTest, DecidesHowLongSessionsLive) {
  chosen.session_timeout = absl::Hours(1);
  client.session_timeout = absl::Hours(2);
  const auto lifetime = [](EnginePair pair) {
    const ClientSession session = pair.client().engine->session().value();
    return session.expire_time - session.create_time;
  };
  EXPECT_EQ(lifetime(ConverseChosen()), absl::Hours(1));
  EXPECT_EQ(lifetime(ConverseOwn()), absl::Seconds(300));
}

TEST_P(ContextChoiceTest, DecidesWhetherThereAreTickets) {
  chosen.disable_session_tickets = true;
  const auto ticket = [](EnginePair pair) {
    const auto session = pair.client().engine->session();
    return session.has_value() ? session->ticket : "";
  };
  EXPECT_EQ(ticket(ConverseChosen()), "");
  EXPECT_NE(ticket(ConverseOwn()), "");
}

TEST_P(ContextChoiceTest, DecidesQuestions) {
  chosen.hooks = {{HookType::kOcspStaple}, {HookType::kClientHello}};
  requests_ocsp = true;
  EnginePair pair = ConverseChosen();
  ASSERT_THAT(pair.server().Reported<QuestionAsked>(), SizeIs(1));
  EXPECT_THAT(pair.server().Asked<OcspStapleQuestion>(), SizeIs(1));
  EXPECT_FALSE(pair.server().handshake.has_value());

  EnginePair own_pair = ConverseOwn();
  EXPECT_THAT(own_pair.server().Reported<QuestionAsked>(), IsEmpty());
  EXPECT_TRUE(own_pair.server().handshake.has_value());
}

// Sessions.

TEST_P(ContextChoiceTest, IsResumedWithinIt) {
  for (const char* name : {"chosen.test", "own.test"}) {
    EnginePair first = Converse(name);
    EnginePair second =
        Converse(name, first.client().engine->session().value().data);
    ASSERT_THAT(second.server().status, IsOk());
    EXPECT_TRUE(second.server().handshake.value().resumed);
    EXPECT_TRUE(second.client().handshake.value().resumed);
  }
}

TEST_P(ContextChoiceTest, IsNotResumedElsewhere) {
  const std::string names[] = {"chosen.test", "own.test", "other.test", ""};
  for (const std::string& from : names) {
    const std::string session =
        Converse(from).client().engine->session().value().data;
    for (const std::string& to : names) {
      if (from == to) continue;
      SCOPED_TRACE(from + " to " + to);
      EnginePair pair = Converse(to, session);
      ASSERT_THAT(pair.server().status, IsOk());
      EXPECT_FALSE(pair.server().handshake.value().resumed);
    }
  }
}

// Not even where all that is secret is shared.
TEST_P(ContextChoiceTest, KeepsSessionsApartByNameIfKeysAreShared) {
  own.ticket_keys = chosen.ticket_keys = {std::string(48, 'k')};
  const std::string session =
      ConverseChosen().client().engine->session().value().data;
  EXPECT_FALSE(
      Converse("own.test", session).server().handshake.value().resumed);
  EXPECT_TRUE(
      Converse("chosen.test", session).server().handshake.value().resumed);
}

}  // namespace
}  // namespace tlsd::tls
