#include "server/tls/development_authority.h"

#include <string>
#include <vector>

#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/engine_pair.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::tls {
namespace {

using ::testing::ElementsAre;
using ::tlsd::testing::EnginePair;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IsOk;

CertificateFacts Facts(const std::string& pem) {
  return DescribeCertificate(ReadCertificates("pem", pem).value()[0].get());
}

TEST(DevelopmentAuthorityTest, IssuesForThisHostByDefault) {
  DevelopmentAuthority authority;
  const absl::Time now = absl::Now();
  ASSERT_OK_AND_ASSIGN(const PemCredentials issued, authority.Issue({}, now));

  const CertificateFacts facts = Facts(issued.certificate_chain);
  EXPECT_THAT(facts.subject_alternative_names,
              ElementsAre("DNS:localhost", "IP:127.0.0.1", "IP:::1"));
  EXPECT_EQ(facts.subject, "CN=localhost");
  EXPECT_EQ(facts.issuer, "CN=tlsd development authority");
  EXPECT_EQ(facts.public_key, "EC P-256");
  EXPECT_LE(facts.not_before, now - absl::Hours(23));
  EXPECT_GE(facts.not_after, now + absl::Hours(24 * 90) - absl::Seconds(1));
  EXPECT_LE(facts.not_after, now + absl::Hours(24 * 90));
}

TEST(DevelopmentAuthorityTest, IssuesForTheNamesItIsGiven) {
  DevelopmentAuthority authority;
  ASSERT_OK_AND_ASSIGN(
      const PemCredentials issued,
      authority.Issue({{"Dev.Example", "*.dev.example", "192.0.2.7"}},
                      absl::Now()));
  EXPECT_THAT(
      Facts(issued.certificate_chain).subject_alternative_names,
      ElementsAre("DNS:dev.example", "DNS:*.dev.example", "IP:192.0.2.7"));
}

TEST(DevelopmentAuthorityTest, RefusesBadNames) {
  DevelopmentAuthority authority;
  for (const char* name :
       {"", "a b", "*.*.example", "*.127.0.0.1", "a,DNS:b", "*", "http://x"}) {
    EXPECT_THAT(authority.Issue({{"ok.example", name}}, absl::Now()),
                FailsWith(Reason::kServerNameInvalid, "server_names[1]"))
        << name;
  }
}

TEST(DevelopmentAuthorityTest, LimitsTheNumberOfNames) {
  DevelopmentAuthority authority;
  std::vector<std::string> names(100, "a.example");
  EXPECT_THAT(authority.Issue({names}, absl::Now()), IsOk());
  names.push_back("b.example");
  EXPECT_THAT(authority.Issue({names}, absl::Now()),
              FailsWith(Reason::kFieldInvalid, "server_names"));
}

TEST(DevelopmentAuthorityTest, TakesNamesTooLongForACommonName) {
  DevelopmentAuthority authority;
  const std::string name = std::string(60, 'a') + ".dev.example";
  ASSERT_OK_AND_ASSIGN(const PemCredentials issued,
                       authority.Issue({{name}}, absl::Now()));
  EXPECT_THAT(Facts(issued.certificate_chain).subject_alternative_names,
              ElementsAre("DNS:" + name));
}

TEST(DevelopmentAuthorityTest, KeepsItsRootAndMakesFreshKeys) {
  DevelopmentAuthority authority;
  DevelopmentAuthority other;
  EXPECT_EQ(authority.RootPem().value(), authority.RootPem().value());
  EXPECT_NE(authority.RootPem().value(), other.RootPem().value());
  EXPECT_NE(authority.Issue({}, absl::Now())->private_key,
            authority.Issue({}, absl::Now())->private_key);
}

TEST(DevelopmentAuthorityTest, ServesBothEndsOfAMutualHandshake) {
  DevelopmentAuthority authority;
  SecureContextOptions options;
  options.credentials = {DevelopmentCredentials{}};
  options.trust_anchors.development = true;
  options.client_certificate_mode = ClientCertificateMode::kRequire;
  const auto context =
      SecureContext::Create(options, authority, absl::Now()).value();

  EnginePair pair(context, context);
  pair.Pump();

  EXPECT_TRUE(pair.client().handshake.value().authorized);
  EXPECT_TRUE(pair.server().handshake.value().authorized);
}

TEST(DevelopmentAuthorityTest, IsNotTrustedByAnother) {
  DevelopmentAuthority authority;
  DevelopmentAuthority other;
  SecureContextOptions server;
  server.credentials = {DevelopmentCredentials{}};
  server.trust_anchors.development = true;
  SecureContextOptions client;
  client.trust_anchors.development = true;

  EnginePair pair(
      SecureContext::Create(client, other, absl::Now()).value(),
      SecureContext::Create(server, authority, absl::Now()).value());
  pair.Pump();

  EXPECT_THAT(pair.client().status,
              FailsWith(Reason::kPeerCertificateUntrusted));
}

}  // namespace
}  // namespace tlsd::tls
