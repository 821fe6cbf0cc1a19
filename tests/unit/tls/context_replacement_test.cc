// Whose sessions the contexts are that come one after the other, or stand
// beside each other: SecureContext::Replace.
#include <openssl/ssl.h>

#include <cstdlib>
#include <fstream>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gtest/gtest.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_state.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_revocation.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::Ed25519ServerIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::MakeContext;
using ::tlsd::testing::OtherRootIdentity;
using ::tlsd::testing::RevocationListPem;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::ServerOptions;

class ContextReplacementTest : public ::testing::Test {
 protected:
  absl::StatusOr<std::shared_ptr<const SecureContext>> Create(
      const SecureContextOptions& options) {
    return SecureContext::Create(options, authority_, absl::Now());
  }

  absl::StatusOr<std::shared_ptr<const SecureContext>> Replace(
      const SecureContext& previous, SecureContext::Kept kept,
      const SecureContextOptions& options) {
    return SecureContext::Replace(previous, kept, options, authority_,
                                  absl::Now());
  }

  static SecureContextOptions Good() {
    return ServerOptions(TlsVersion::kTls13);
  }

  static constexpr SecureContext::Kept kAll = {true, true, true};

  DevelopmentAuthority authority_;
};

const std::string& SessionIdContext(const SecureContext& context) {
  return SecureContextAccess::GetState(context).session_id_context;
}

TEST_F(ContextReplacementTest,
       ASystemStoreThatChangesChangesWhoseSessionsTheyAre) {
  const std::string path =
      absl::StrCat(::testing::TempDir(), "/changing-store.pem");
  setenv("SSL_CERT_FILE", path.c_str(), 1);
  setenv("SSL_CERT_DIR", "/nonexistent", 1);
  SecureContextOptions options;
  options.session_id_context = "web";
  options.trust_anchors.system = true;
  std::ofstream(path) << RootIdentity().CertificatePem();
  const std::string before = SessionIdContext(*Create(options).value());
  EXPECT_EQ(SessionIdContext(*Create(options).value()), before);
  std::ofstream(path) << OtherRootIdentity().CertificatePem() << "\n\n";
  EXPECT_NE(SessionIdContext(*Create(options).value()), before);
  unsetenv("SSL_CERT_FILE");
  unsetenv("SSL_CERT_DIR");
}

TEST_F(ContextReplacementTest, ContextsShareSessionsOnlyIfTold) {
  SecureContextOptions options = Good();
  EXPECT_NE(SessionIdContext(*Create(options).value()),
            SessionIdContext(*Create(options).value()));
  options.session_id_context = "web";
  const std::string web = SessionIdContext(*Create(options).value());
  EXPECT_EQ(SessionIdContext(*Create(options).value()), web);
  options.session_id_context = "other";
  EXPECT_NE(SessionIdContext(*Create(options).value()), web);
  options.session_id_context = "";
  options.ticket_keys = {std::string(48, 'k')};
  EXPECT_EQ(SessionIdContext(*Create(options).value()),
            SessionIdContext(*Create(options).value()));
}

TEST_F(ContextReplacementTest,
       WhatPeersAreJudgedByIsPartOfTheSessionIdContext) {
  SecureContextOptions options = Good();
  options.session_id_context = "web";
  std::vector<SecureContextOptions> all(7, options);
  all[1].trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  all[2].trust_anchors.allow_partial_chain = true;
  all[3].client_certificate_mode = ClientCertificateMode::kRequire;
  all[4].peer_rules.names = {{NameRule::Kind::kDns, "a.example"}};
  all[5].revocation_lists.pems = {RevocationListPem(RootIdentity(), {})};
  all[6].revocation_lists = all[5].revocation_lists;
  all[6].revocation_lists.leaf_only = true;
  std::set<std::string> contexts;
  for (const SecureContextOptions& each : all) {
    contexts.insert(SessionIdContext(*Create(each).value()));
  }
  EXPECT_EQ(contexts.size(), all.size());
}

TEST_F(ContextReplacementTest, KeepsTheCredentials) {
  ASSERT_OK_AND_ASSIGN(const auto previous, Create(Good()));
  SecureContextOptions options = Good();
  // They are not looked at.
  options.credentials = {PemCredentials{}};
  options.ciphers = "HIGH";
  ASSERT_OK_AND_ASSIGN(const auto next, Replace(*previous, kAll, options));
  EXPECT_EQ(next->facts().certificate_chains[0][0].der,
            previous->facts().certificate_chains[0][0].der);
  EXPECT_EQ(next->facts().expire_time, previous->facts().expire_time);
  EXPECT_THAT(Replace(*previous, {false, true, true}, options),
              FailsWith(Reason::kFieldRequired,
                        "credentials[0].pem.certificate_chain"));
}

TEST_F(ContextReplacementTest, TakesOtherCredentialsIfTold) {
  ASSERT_OK_AND_ASSIGN(const auto previous, Create(Good()));
  SecureContextOptions options = Good();
  options.credentials = {Ed25519ServerIdentity().Credentials()};
  ASSERT_OK_AND_ASSIGN(const auto next,
                       Replace(*previous, {false, true, true}, options));
  EXPECT_EQ(next->facts().certificate_chains[0][0].public_key, "Ed25519");
  EXPECT_EQ(previous->facts().certificate_chains[0][0].public_key, "EC P-256");
  EXPECT_EQ(SessionIdContext(*next), SessionIdContext(*previous));
}

TEST_F(ContextReplacementTest, KeepsSessionsOnlyIfTold) {
  ASSERT_OK_AND_ASSIGN(const auto previous, Create(Good()));
  const auto& old = SecureContextAccess::GetState(*previous);
  ASSERT_OK_AND_ASSIGN(const auto same, Replace(*previous, kAll, Good()));
  EXPECT_EQ(SecureContextAccess::GetState(*same).ticket_keys, old.ticket_keys);
  EXPECT_EQ(SessionIdContext(*same), old.session_id_context);
  ASSERT_OK_AND_ASSIGN(const auto other,
                       Replace(*previous, {true, false, false}, Good()));
  EXPECT_NE(SecureContextAccess::GetState(*other).ticket_keys, old.ticket_keys);
  EXPECT_NE(SessionIdContext(*other), old.session_id_context);
}

TEST_F(ContextReplacementTest, KeepsNoSessionsAcrossAChangeOfTrust) {
  ASSERT_OK_AND_ASSIGN(const auto previous, Create(Good()));
  SecureContextOptions options = Good();
  options.trust_anchors.pems = {OtherRootIdentity().CertificatePem()};
  ASSERT_OK_AND_ASSIGN(const auto next, Replace(*previous, kAll, options));
  EXPECT_NE(SessionIdContext(*next), SessionIdContext(*previous));
}

TEST_F(ContextReplacementTest, LivesWithoutThePrevious) {
  auto previous = MakeContext(Good());
  ASSERT_OK_AND_ASSIGN(const auto next, Replace(*previous, kAll, Good()));
  previous.reset();
  ::tlsd::testing::EnginePair pair(
      MakeContext(::tlsd::testing::ClientOptions(TlsVersion::kTls13)), next);
  pair.Pump();
  EXPECT_TRUE(pair.client().handshake.has_value());
}

TEST_F(ContextReplacementTest, FailsAsCreateDoes) {
  ASSERT_OK_AND_ASSIGN(const auto previous, Create(Good()));
  SecureContextOptions options = Good();
  options.ciphers = "FOO";
  EXPECT_THAT(Replace(*previous, kAll, options),
              FailsWith(Reason::kCiphersInvalid, "ciphers"));
}

}  // namespace
}  // namespace tlsd::tls
