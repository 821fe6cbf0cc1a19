// Sessions: who may resume them, and what a resumed peer is taken for.
#include <openssl/ssl.h>

#include <functional>
#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/secure_context_state.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"
#include "tests/unit/tls/session_client.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::ServerOptions;

class ResumptionTest : public EachTlsVersion {
 protected:
  static SecureContextOptions Options(ClientCertificateMode mode) {
    SecureContextOptions options = ServerOptions(version());
    options.client_certificate_mode = mode;
    options.trust_anchors.pems = {
        ::tlsd::testing::RootIdentity().CertificatePem() +
        ::tlsd::testing::IntermediateIdentity().CertificatePem()};
    return options;
  }

  // Shared returns the same with ticket keys that several contexts have.
  static SecureContextOptions Shared(SecureContextOptions options) {
    options.ticket_keys = {std::string(48, 'k')};
    return options;
  }

  // MergeSessions takes away what keeps the sessions of contexts apart.
  static void MergeSessions(const SecureContext& first,
                            const SecureContext& second) {
    for (const SecureContext* context : {&first, &second}) {
      const_cast<SecureContextState&>(SecureContextAccess::GetState(*context))
          .session_id_context = "same";
    }
  }
};
INSTANTIATE_TLS_VERSIONS(ResumptionTest);

TEST_P(ResumptionTest, WorksWithinAContext) {
  const auto server = MakeContext(Options(ClientCertificateMode::kNone));
  SessionClient client(version(), nullptr);
  const auto first = client.Converse(server);
  ASSERT_TRUE(client.has_session());

  const auto second = client.Converse(server);

  EXPECT_FALSE(first.handshake.value().resumed);
  EXPECT_TRUE(second.handshake.value().resumed);
  EXPECT_FALSE(second.handshake->authorized);
  EXPECT_EQ(second.handshake->authorization_error, "");
  EXPECT_EQ(second.handshake->group, is_tls13() ? "X25519" : "");
}

TEST_P(ResumptionTest, KeepsAnAuthorizedClientAuthorized) {
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    const auto server = MakeContext(Options(mode));
    SessionClient client(version(), &ClientIdentity());
    ASSERT_TRUE(client.Converse(server).handshake.value().authorized);

    const auto second = client.Converse(server);

    EXPECT_TRUE(second.handshake.value().resumed);
    EXPECT_TRUE(second.handshake->authorized);
    ASSERT_NE(second.handshake->peer_certificate, nullptr);
    EXPECT_EQ(second.handshake->peer_certificate->subject, "CN=client");
  }
}

TEST_P(ResumptionTest, KeepsAClientWithoutACertificateUnauthorized) {
  const auto server = MakeContext(Options(ClientCertificateMode::kRequest));
  SessionClient client(version(), nullptr);
  client.Converse(server);

  const auto second = client.Converse(server);

  EXPECT_TRUE(second.handshake.value().resumed);
  EXPECT_FALSE(second.handshake->authorized);
  EXPECT_EQ(second.handshake->authorization_error, "NO_PEER_CERTIFICATE");
}

// The attacks of CVE-2025-23419 and its kin: a session that was made under one
// policy is offered under another, by a client that the other would refuse.
TEST_P(ResumptionTest, NeverCrossesToAContextThatRequiresACertificate) {
  const auto open = MakeContext(Shared(Options(ClientCertificateMode::kNone)));
  const auto strict =
      MakeContext(Shared(Options(ClientCertificateMode::kRequire)));
  SessionClient client(version(), nullptr);
  ASSERT_TRUE(client.Converse(open).handshake.has_value());
  ASSERT_TRUE(client.has_session());

  const auto attack = client.Converse(strict);

  EXPECT_THAT(attack.status, FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(attack.handshake.has_value());
}

// A way from one policy to another, that a client with ClientIdentity() must
// not find.
struct Crossing {
  const char* name;
  std::function<void(SecureContextOptions&)> change;
};

TEST_P(ResumptionTest, NeverCrossesVerificationPolicies) {
  const SecureContextOptions before =
      Shared(Options(ClientCertificateMode::kRequest));
  const Crossing crossings[] = {
      {"another CA set",
       [](auto& options) {
         options.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
       }},
      {"one CA more",
       [](auto& options) {
         options.trust_anchors.pems.push_back(
             OtherRootIdentity().CertificatePem());
       }},
      {"partial chains",
       [](auto& options) { options.trust_anchors.allow_partial_chain = true; }},
      {"a revocation list",
       [](auto& options) {
         options.revocation_lists.pems = {
             ::tlsd::testing::RevocationListPem(IntermediateIdentity(), {})};
       }},
      {"another client-certificate mode",
       [](auto& options) {
         options.client_certificate_mode = ClientCertificateMode::kRequire;
       }},
      {"a pin",
       [](auto& options) {
         options.peer_rules.certificate_pins = {std::string(64, '0')};
       }},
      {"a name",
       [](auto& options) {
         options.peer_rules.names = {{NameRule::Kind::kDns, "other.test"}};
       }},
      {"another session id context",
       [](auto& options) { options.session_id_context = "other"; }},
      {"other ticket keys",
       [](auto& options) { options.ticket_keys = {std::string(48, 'x')}; }},
  };
  for (const Crossing& crossing : crossings) {
    SCOPED_TRACE(crossing.name);
    SecureContextOptions after = before;
    crossing.change(after);
    SessionClient client(version(), &ClientIdentity());
    ASSERT_TRUE(client.Converse(MakeContext(before)).handshake.has_value());
    ASSERT_TRUE(client.has_session());

    const auto attack = client.Converse(MakeContext(after));

    EXPECT_FALSE(attack.handshake.has_value() && attack.handshake->resumed);
  }
}

TEST_P(ResumptionTest, SpansContextsOfOnePolicyAndOneSetOfKeys) {
  const SecureContextOptions options =
      Shared(Options(ClientCertificateMode::kRequire));
  SecureContextOptions renewed = options;
  renewed.ticket_keys.insert(renewed.ticket_keys.begin(), std::string(48, 'n'));
  SessionClient client(version(), &ClientIdentity());
  ASSERT_TRUE(client.Converse(MakeContext(options)).handshake.has_value());

  // Another daemon with the same keys.
  const auto second = client.Converse(MakeContext(options));
  ASSERT_TRUE(second.handshake.has_value());
  EXPECT_TRUE(second.handshake->resumed);
  EXPECT_TRUE(second.handshake->authorized);
  // One that has begun to use new keys: it opens the old ticket. Under TLS 1.3
  // it gives a new one, that the others cannot open yet.
  EXPECT_TRUE(client.Converse(MakeContext(renewed)).handshake.value().resumed);
  EXPECT_EQ(client.Converse(MakeContext(options)).handshake.value().resumed,
            version() == TlsVersion::kTls12);
}

TEST_P(ResumptionTest, NeverCrossesEvenEqualContextsWithKeysOfTheirOwn) {
  const auto one = MakeContext(Options(ClientCertificateMode::kNone));
  const auto other = MakeContext(Options(ClientCertificateMode::kNone));
  SessionClient client(version(), nullptr);
  client.Converse(one);

  const auto second = client.Converse(other);

  EXPECT_FALSE(second.handshake.value().resumed);
}

TEST_P(ResumptionTest, NeverCrossesServerNames) {
  const auto server = MakeContext(Options(ClientCertificateMode::kNone));
  SessionClient client(version(), nullptr);
  client.server_name = "a.test";
  ASSERT_TRUE(client.Converse(server).handshake.has_value());
  client.server_name = "A.TEST";
  EXPECT_TRUE(client.Converse(server).handshake.value().resumed);

  client.server_name = "b.test";
  EXPECT_FALSE(client.Converse(server).handshake.value().resumed);
  client.server_name = "";
  EXPECT_FALSE(client.Converse(server).handshake.value().resumed);
}

TEST_P(ResumptionTest, OutlivesAChangeThatLeavesThePolicyAlone) {
  const SecureContextOptions options = Options(ClientCertificateMode::kRequire);
  const auto before = MakeContext(options);
  SessionClient client(version(), &ClientIdentity());
  ASSERT_TRUE(client.Converse(before).handshake.has_value());
  SecureContextOptions changed = options;
  changed.alpn_protocols = {"h2"};
  const SecureContext::Kept all = {true, true, true};

  const auto after = SecureContext::Replace(
      *before, all, changed, ::tlsd::testing::TestAuthority(), absl::Now());
  EXPECT_TRUE(client.Converse(*after).handshake.value().resumed);

  changed.trust_anchors.pems.push_back(OtherRootIdentity().CertificatePem());
  const auto stricter = SecureContext::Replace(
      **after, all, changed, ::tlsd::testing::TestAuthority(), absl::Now());
  EXPECT_FALSE(client.Converse(*stricter).handshake.value().resumed);
}

TEST_P(ResumptionTest, NeedsTickets) {
  SecureContextOptions options = Options(ClientCertificateMode::kNone);
  options.disable_session_tickets = true;
  const auto server = MakeContext(options);
  SessionClient client(version(), nullptr);
  ASSERT_TRUE(client.Converse(server).handshake.has_value());
  EXPECT_FALSE(client.has_session());
}

// The second line of defence, with the first taken away.
TEST_P(ResumptionTest, AResumedClientWithoutACertificateIsRefused) {
  const auto open = MakeContext(Shared(Options(ClientCertificateMode::kNone)));
  const auto strict =
      MakeContext(Shared(Options(ClientCertificateMode::kRequire)));
  MergeSessions(*open, *strict);
  SessionClient client(version(), nullptr);
  client.Converse(open);

  const auto attack = client.Converse(strict);

  EXPECT_THAT(attack.status, FailsWith(Reason::kPeerCertificateRequired));
  EXPECT_FALSE(attack.handshake.has_value());
  EXPECT_EQ(attack.alert, SSL_AD_ACCESS_DENIED);
}

TEST_P(ResumptionTest, AResumedClientThatHasLostTrustIsNotAuthorized) {
  for (const auto mode :
       {ClientCertificateMode::kRequest, ClientCertificateMode::kRequire}) {
    const auto before = MakeContext(Shared(Options(mode)));
    SecureContextOptions distrust = Shared(Options(mode));
    distrust.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
    const auto after = MakeContext(distrust);
    MergeSessions(*before, *after);
    SessionClient client(version(), &ClientIdentity());
    ASSERT_TRUE(client.Converse(before).handshake.value().authorized);

    const auto second = client.Converse(after);

    if (mode == ClientCertificateMode::kRequest) {
      EXPECT_TRUE(second.handshake.value().resumed);
      EXPECT_FALSE(second.handshake->authorized);
      EXPECT_EQ(second.handshake->authorization_error,
                "UNABLE_TO_VERIFY_LEAF_SIGNATURE");
    } else {
      EXPECT_THAT(second.status, FailsWith(Reason::kPeerCertificateUntrusted));
      EXPECT_FALSE(second.handshake.has_value());
      EXPECT_EQ(second.alert, SSL_AD_ACCESS_DENIED);
    }
  }
}

TEST_P(ResumptionTest, SessionsLiveAsLongAsTheContextSays) {
  const auto timeout = [](const SecureContextOptions& options) {
    return SSL_CTX_get_timeout(
        SecureContextAccess::GetState(*MakeContext(options)).ssl_context.get());
  };
  SecureContextOptions options = Options(ClientCertificateMode::kNone);
  EXPECT_EQ(timeout(options), 300u);
  options.session_timeout = absl::Hours(1);
  EXPECT_EQ(timeout(options), 3600u);
}

}  // namespace
}  // namespace tlsd::tls
