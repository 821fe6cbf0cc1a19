#include "server/tls/context_policy.h"

#include <openssl/ssl.h>

#include <string>
#include <vector>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/policy.h"
#include "server/tls/secure_context_state.h"
#include "server/tls/signature_algorithms.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/unit/tls/tls_versions.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::tlsd::testing::ClientOptions;
using ::tlsd::testing::Ed25519ServerIdentity;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::RsaServerIdentity;
using ::tlsd::testing::ServerOptions;
using ::tlsd::testing::TestIdentity;

// Applied is a state to which a policy was applied.
struct Applied {
  explicit Applied(const SecureContextOptions& options) {
    state.ssl_context.reset(SSL_CTX_new(TLS_method()));
    status = SetPolicy(options, state);
  }
  SecureContextState state;
  absl::Status status;
};

TEST(ContextPolicyTest, AppliesTheDefaults) {
  const Applied applied({});
  ASSERT_THAT(applied.status, IsOk());
  SSL_CTX* context = applied.state.ssl_context.get();
  EXPECT_EQ(SSL_CTX_get_min_proto_version(context), TLS1_2_VERSION);
  EXPECT_EQ(SSL_CTX_get_max_proto_version(context), TLS1_3_VERSION);
  EXPECT_EQ(SSL_CTX_get_timeout(context), 300u);
  EXPECT_TRUE(SSL_CTX_get_options(context) & SSL_OP_CIPHER_SERVER_PREFERENCE);
  EXPECT_THAT(applied.state.facts.groups,
              ElementsAre("X25519", "P-256", "P-384"));
  EXPECT_THAT(applied.state.facts.warnings, IsEmpty());
  EXPECT_THAT(applied.state.signing_algorithms,
              ::testing::ElementsAreArray(kSignatureAlgorithms));
}

TEST(ContextPolicyTest, FollowsTheClientsOrderIfTold) {
  SecureContextOptions options;
  options.prefer_client_ciphers = true;
  const Applied applied(options);
  EXPECT_FALSE(SSL_CTX_get_options(applied.state.ssl_context.get()) &
               SSL_OP_CIPHER_SERVER_PREFERENCE);
}

TEST(ContextPolicyTest, SuitesOfTls13AloneRaiseTheOldestVersion) {
  SecureContextOptions options;
  options.ciphers = "TLS_AES_256_GCM_SHA384";
  const Applied applied(options);
  ASSERT_THAT(applied.status, IsOk());
  EXPECT_EQ(applied.state.facts.min_version, TlsVersion::kTls13);
  EXPECT_THAT(applied.state.facts.warnings, ElementsAre(HasSubstr("ciphers")));
  EXPECT_THAT(applied.state.facts.effective_ciphers,
              ElementsAre("TLS_AES_256_GCM_SHA384"));
  options.max_version = TlsVersion::kTls12;
  EXPECT_THAT(Applied(options).status,
              FailsWith(Reason::kCiphersInvalid, "ciphers"));
}

TEST(ContextPolicyTest, RefusesVersionsWithoutASuite) {
  SecureContextOptions options;
  options.min_version = options.max_version = TlsVersion::kTls11;
  options.ciphers = "ECDHE+AESGCM";
  EXPECT_THAT(Applied(options).status,
              FailsWith(Reason::kCiphersInvalid, "ciphers"));
  options.ciphers = "ECDHE+AESGCM:AES128-SHA";
  const Applied applied(options);
  ASSERT_THAT(applied.status, IsOk());
  EXPECT_THAT(applied.state.facts.effective_ciphers, ElementsAre("AES128-SHA"));
}

TEST(ContextPolicyTest, LimitsTheSessionTimeout) {
  const auto apply = [](absl::Duration timeout) {
    SecureContextOptions options;
    options.session_timeout = timeout;
    return Applied(options).status;
  };
  EXPECT_THAT(apply(absl::Seconds(1)), IsOk());
  EXPECT_THAT(apply(absl::Hours(7 * 24)), IsOk());
  for (const absl::Duration timeout :
       {absl::ZeroDuration(), -absl::Seconds(1), absl::Milliseconds(999),
        absl::Hours(7 * 24) + absl::Nanoseconds(1), absl::InfiniteDuration(),
        -absl::InfiniteDuration()}) {
    EXPECT_THAT(apply(timeout),
                FailsWith(Reason::kFieldInvalid, "session_timeout"))
        << timeout;
  }
}

TEST(ContextPolicyTest, TakesProtocolsInBothForms) {
  SecureContextOptions options;
  options.alpn_protocols = {"h2", "http/1.1"};
  options.npn_protocols_wire = std::string("\x02h2\x06spdy/3", 10);
  const Applied applied(options);
  ASSERT_THAT(applied.status, IsOk());
  EXPECT_EQ(applied.state.alpn_protocols, "\x02h2\x08http/1.1");
  EXPECT_THAT(applied.state.facts.npn_protocols, ElementsAre("h2", "spdy/3"));
  EXPECT_EQ(applied.state.npn_protocols, options.npn_protocols_wire);
}

TEST(ContextPolicyTest, WarnsThatNpnEndsWithTls12) {
  SecureContextOptions options;
  options.npn_protocols = {"h2"};
  EXPECT_THAT(Applied(options).state.facts.warnings, IsEmpty());
  options.min_version = TlsVersion::kTls13;
  EXPECT_THAT(Applied(options).state.facts.warnings,
              ElementsAre(HasSubstr("npn_protocols")));
}

class ContextPolicyHandshakeTest : public EachTlsVersion {
 protected:
  static HandshakeFacts Connect(const SecureContextOptions& client,
                                const SecureContextOptions& server) {
    EnginePair pair(MakeContext(client), MakeContext(server));
    pair.Pump();
    EXPECT_THAT(pair.client().status, IsOk());
    EXPECT_THAT(pair.server().status, IsOk());
    EXPECT_TRUE(pair.client().handshake.has_value());
    return pair.client().handshake.value_or(HandshakeFacts());
  }

  static SecureContextOptions Server() { return ServerOptions(version()); }
  static SecureContextOptions Client() { return ClientOptions(version()); }
};
INSTANTIATE_TLS_VERSIONS(ContextPolicyHandshakeTest);

TEST_P(ContextPolicyHandshakeTest, NegotiatesTheGroup) {
  SecureContextOptions server = Server();
  server.groups = {"secp384r1"};
  EXPECT_EQ(Connect(Client(), server).group, "P-384");
  EXPECT_EQ(Connect(Client(), Server()).group, "X25519");
}

TEST_P(ContextPolicyHandshakeTest, NegotiatesTheSuite) {
  SecureContextOptions server = Server();
  server.ciphers =
      is_tls13() ? "TLS_AES_256_GCM_SHA384" : "ECDHE-ECDSA-AES256-GCM-SHA384";
  EXPECT_EQ(Connect(Client(), server).cipher, server.ciphers);
}

TEST_P(ContextPolicyHandshakeTest, FailsWithoutAGroupInCommon) {
  SecureContextOptions server = Server();
  server.groups = {"P-521"};
  EnginePair pair(MakeContext(Client()), MakeContext(server));
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerIncompatible));
}

// The library's only way to choose among the suites of TLS 1.3 also chooses
// groups and signature algorithms, which must not stay.
TEST_P(ContextPolicyHandshakeTest, AChoiceOfSuitesLeavesKeysAndGroupsAlone) {
  for (const char* ciphers :
       {"TLS_AES_256_GCM_SHA384:HIGH",
        "TLS_AES_128_GCM_SHA256:TLS_AES_256_GCM_SHA384:HIGH"}) {
    for (const TestIdentity* identity :
         {&tlsd::testing::ServerIdentity(), &Ed25519ServerIdentity(),
          &RsaServerIdentity()}) {
      SecureContextOptions server = Server();
      server.credentials = {identity->Credentials()};
      server.ciphers = ciphers;
      SecureContextOptions client = Client();
      client.ciphers = ciphers;
      EXPECT_EQ(Connect(client, server).group, "X25519");
    }
  }
}

TEST_P(ContextPolicyHandshakeTest, SignsOnlyAsTold) {
  SecureContextOptions server = Server();
  server.credentials = {RsaServerIdentity().Credentials()};
  server.signing_algorithms = {"rsa_pss_rsae_sha512"};
  EXPECT_EQ(Connect(Client(), server).peer_signature_algorithm,
            "rsa_pss_rsae_sha512");
  SecureContextOptions client = Client();
  client.signature_algorithms = {"rsa_pss_rsae_sha256",
                                 "ecdsa_secp256r1_sha256"};
  EnginePair pair(MakeContext(client), MakeContext(server));
  pair.Pump();
  EXPECT_THAT(pair.server().status, FailsWith(Reason::kPeerIncompatible));
}

TEST_P(ContextPolicyHandshakeTest, NegotiatesNpnBelowTls13Only) {
  SecureContextOptions server = Server();
  server.npn_protocols = {"spdy/3", "http/1.1"};
  SecureContextOptions client = Client();
  client.npn_protocols = {"http/1.1"};
  EXPECT_EQ(Connect(client, server).npn_protocol, is_tls13() ? "" : "http/1.1");
}

}  // namespace
}  // namespace tlsd::tls
