#include "server/tls/peer_rules.h"

#include <openssl/digest.h>
#include <openssl/sha.h>

#include <string>
#include <vector>

#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::ClientIdentity;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::ServerIdentity;
using ::tlsd::testing::TestIdentity;
using Kind = NameRule::Kind;
using Result = PeerRules::Result;

PeerRules Parse(const PeerRulesOptions& options) {
  absl::StatusOr<PeerRules> rules = PeerRules::Parse(options);
  EXPECT_TRUE(rules.ok()) << rules.status();
  return rules.ok() ? *std::move(rules) : PeerRules();
}

PeerRulesOptions Names(const std::vector<NameRule>& names) {
  PeerRulesOptions options;
  options.names = names;
  return options;
}

// An identity with names of every kind.
X509* ManyNames() {
  static const auto& identity = *new TestIdentity([] {
    IdentitySpec spec;
    spec.common_name = "common.example";
    spec.alternative_names = {"DNS:a.example",
                              "DNS:*.wild.example",
                              "IP:192.0.2.1",
                              "IP:2001:db8::1",
                              "URI:spiffe://example.org/web",
                              "email:Ops@Example.com"};
    return TestIdentity::SelfSigned(spec);
  }());
  return identity.certificate();
}

Result CheckName(Kind kind, const std::string& value) {
  return Parse(Names({{kind, value}})).Check(ManyNames());
}

TEST(PeerRulesTest, NoRulesAreFulfilled) {
  EXPECT_EQ(PeerRules().Check(ManyNames()), Result::kFulfilled);
  EXPECT_EQ(Parse({}).Check(ManyNames()), Result::kFulfilled);
}

TEST(PeerRulesTest, FindsNamesOfEveryKind) {
  const NameRule rules[] = {{Kind::kDns, "a.example"},
                            {Kind::kDns, "A.Example."},
                            {Kind::kDns, "x.wild.example"},
                            {Kind::kIp, "192.0.2.1"},
                            {Kind::kIp, "2001:DB8:0::1"},
                            {Kind::kUri, "spiffe://example.org/web"},
                            {Kind::kUriPrefix, "spiffe://example.org/"},
                            {Kind::kEmail, "Ops@example.COM"}};
  for (const NameRule& rule : rules) {
    EXPECT_EQ(CheckName(rule.kind, rule.value), Result::kFulfilled)
        << rule.value;
  }
}

TEST(PeerRulesTest, FindsNoOtherNames) {
  const NameRule rules[] = {{Kind::kDns, "b.example"},
                            // The common name counts for nothing.
                            {Kind::kDns, "common.example"},
                            {Kind::kDns, "x.y.wild.example"},
                            {Kind::kDns, "wild.example"},
                            {Kind::kIp, "192.0.2.2"},
                            {Kind::kUri, "spiffe://example.org/"},
                            {Kind::kUri, "spiffe://example.org/web/"},
                            {Kind::kUri, "SPIFFE://example.org/web"},
                            {Kind::kUriPrefix, "spiffe://example.net/"},
                            {Kind::kUriPrefix, "spiffe://example.org/web2/"},
                            {Kind::kEmail, "ops@example.com"},
                            {Kind::kEmail, "Ops@example.org"}};
  for (const NameRule& rule : rules) {
    EXPECT_EQ(CheckName(rule.kind, rule.value), Result::kNameMismatch)
        << rule.value;
  }
}

TEST(PeerRulesTest, OneOfTheNamesIsEnough) {
  const PeerRules rules =
      Parse(Names({{Kind::kDns, "b.example"}, {Kind::kIp, "192.0.2.1"}}));
  EXPECT_EQ(rules.Check(ManyNames()), Result::kFulfilled);
  EXPECT_EQ(rules.Check(ServerIdentity().certificate()), Result::kNameMismatch);
}

TEST(PeerRulesTest, ACertificateWithoutNamesFulfilsNone) {
  IdentitySpec spec;
  spec.alternative_names = {};
  const TestIdentity bare = TestIdentity::SelfSigned(spec);
  for (const NameRule& rule :
       {NameRule{Kind::kDns, "localhost"}, NameRule{Kind::kUriPrefix, "a:/"},
        NameRule{Kind::kEmail, "a@b"}, NameRule{Kind::kIp, "::1"}}) {
    EXPECT_EQ(Parse(Names({rule})).Check(bare.certificate()),
              Result::kNameMismatch)
        << rule.value;
  }
}

TEST(PeerRulesTest, AMalformedExtensionFulfilsNothing) {
  IdentitySpec spec;
  spec.alternative_names = {};
  spec.extensions = {{"2.5.29.17", "DER:0403"}};
  const TestIdentity broken = TestIdentity::SelfSigned(spec);
  EXPECT_EQ(
      Parse(Names({{Kind::kUriPrefix, "a:/"}})).Check(broken.certificate()),
      Result::kNameMismatch);
}

TEST(PeerRulesTest, RefusesBadNames) {
  struct Row {
    NameRule rule;
    Reason reason;
    const char* field;
  };
  const std::string long_uri = "a:" + std::string(2047, 'x');
  const Row rows[] = {
      {{Kind::kDns, ""}, Reason::kFieldRequired, "dns"},
      {{Kind::kIp, ""}, Reason::kFieldRequired, "ip"},
      {{Kind::kUri, ""}, Reason::kFieldRequired, "uri"},
      {{Kind::kUriPrefix, ""}, Reason::kFieldRequired, "uri_prefix"},
      {{Kind::kEmail, ""}, Reason::kFieldRequired, "email"},
      {{Kind::kDns, "a b"}, Reason::kServerNameInvalid, "dns"},
      {{Kind::kDns, "*.example"}, Reason::kServerNameInvalid, "dns"},
      {{Kind::kDns, "b\xc3\xbc.example"}, Reason::kServerNameInvalid, "dns"},
      {{Kind::kDns, "192.0.2.1"}, Reason::kServerNameInvalid, "dns"},
      {{Kind::kIp, "a.example"}, Reason::kServerNameInvalid, "ip"},
      {{Kind::kIp, "192.0.2.0/24"}, Reason::kServerNameInvalid, "ip"},
      {{Kind::kIp, "192.0.2"}, Reason::kServerNameInvalid, "ip"},
      {{Kind::kUri, "example.org"}, Reason::kFieldInvalid, "uri"},
      {{Kind::kUri, "a: b"}, Reason::kFieldInvalid, "uri"},
      {{Kind::kUri, long_uri}, Reason::kFieldInvalid, "uri"},
      {{Kind::kUriPrefix, "spiffe"}, Reason::kFieldInvalid, "uri_prefix"},
      {{Kind::kUriPrefix, "spiffe/"}, Reason::kFieldInvalid, "uri_prefix"},
      {{Kind::kUriPrefix, "spiffe://example.org"},
       Reason::kFieldInvalid,
       "uri_prefix"},
      {{Kind::kEmail, "ops"}, Reason::kFieldInvalid, "email"},
      {{Kind::kEmail, "o\np@s"}, Reason::kFieldInvalid, "email"},
  };
  for (const Row& row : rows) {
    EXPECT_THAT(
        PeerRules::Parse(Names({{Kind::kDns, "ok.example"}, row.rule})),
        FailsWith(row.reason, absl::StrCat("peer_rules.names[1].", row.field)))
        << row.rule.value;
  }
}

std::string Hex(const std::string& bytes) {
  return absl::BytesToHexString(bytes);
}

std::string WithColons(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    absl::StrAppend(&text, text.empty() ? "" : ":",
                    absl::AsciiStrToUpper(Hex(std::string(1, byte))));
  }
  return text;
}

std::string Sha256(const std::string& bytes) {
  std::string digest(SHA256_DIGEST_LENGTH, '\0');
  SHA256(reinterpret_cast<const uint8_t*>(bytes.data()), bytes.size(),
         reinterpret_cast<uint8_t*>(digest.data()));
  return digest;
}

std::string CertificatePin(const TestIdentity& identity) {
  return Sha256(DescribeCertificate(identity.certificate()).der);
}

std::string KeyPin(const TestIdentity& identity) {
  return Sha256(DescribeCertificate(identity.certificate()).public_key_der);
}

TEST(PeerRulesTest, TakesPinsInEveryNotation) {
  for (const bool of_key : {false, true}) {
    const std::string pin =
        of_key ? KeyPin(ServerIdentity()) : CertificatePin(ServerIdentity());
    const std::string base64 = absl::Base64Escape(pin);
    for (const std::string& text :
         {Hex(pin), absl::AsciiStrToUpper(Hex(pin)), WithColons(pin), base64,
          absl::StrCat("sha256/", base64)}) {
      PeerRulesOptions options;
      (of_key ? options.public_key_pins : options.certificate_pins) = {text};
      EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
                Result::kFulfilled)
          << text;
      EXPECT_EQ(Parse(options).Check(ClientIdentity().certificate()),
                Result::kPinMismatch)
          << text;
    }
  }
}

TEST(PeerRulesTest, OnePinOfEachKindMustHold) {
  PeerRulesOptions options;
  options.certificate_pins = {Hex(CertificatePin(ClientIdentity())),
                              Hex(CertificatePin(ServerIdentity()))};
  EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
            Result::kFulfilled);
  options.public_key_pins = {Hex(KeyPin(ClientIdentity()))};
  EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
            Result::kPinMismatch);
  options.public_key_pins.push_back(Hex(KeyPin(ServerIdentity())));
  EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
            Result::kFulfilled);
  options.names = {{Kind::kDns, "other.example"}};
  EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
            Result::kNameMismatch);
}

TEST(PeerRulesTest, AKeyPinIsNoCertificatePin) {
  PeerRulesOptions options;
  options.certificate_pins = {Hex(KeyPin(ServerIdentity()))};
  EXPECT_EQ(Parse(options).Check(ServerIdentity().certificate()),
            Result::kPinMismatch);
}

TEST(PeerRulesTest, RefusesBadPins) {
  const std::string good = Hex(KeyPin(ServerIdentity()));
  for (const std::string& bad :
       {std::string(), std::string("sha256/"), good.substr(1), good + "0",
        good.substr(2), "g" + good.substr(1), "sha1/" + good,
        absl::Base64Escape(std::string(20, 'x')),
        absl::Base64Escape(std::string(33, 'x')), "sha256//" + good}) {
    PeerRulesOptions options;
    options.public_key_pins = {good, bad};
    EXPECT_THAT(
        PeerRules::Parse(options),
        FailsWith(Reason::kFieldInvalid, "peer_rules.public_key_pins[1]"))
        << bad;
    options.public_key_pins.clear();
    options.certificate_pins = {bad};
    EXPECT_THAT(
        PeerRules::Parse(options),
        FailsWith(Reason::kFieldInvalid, "peer_rules.certificate_pins[0]"))
        << bad;
  }
}

TEST(PeerRulesTest, LimitsTheirCount) {
  PeerRulesOptions options;
  options.names.resize(100, {Kind::kDns, "a.example"});
  options.certificate_pins.resize(100, Hex(KeyPin(ServerIdentity())));
  options.public_key_pins = options.certificate_pins;
  EXPECT_TRUE(PeerRules::Parse(options).ok());
  PeerRulesOptions more = options;
  more.names.push_back({Kind::kDns, "a.example"});
  EXPECT_THAT(PeerRules::Parse(more),
              FailsWith(Reason::kFieldInvalid, "peer_rules.names"));
  more = options;
  more.certificate_pins.push_back(more.certificate_pins[0]);
  EXPECT_THAT(PeerRules::Parse(more),
              FailsWith(Reason::kFieldInvalid, "peer_rules.certificate_pins"));
  more = options;
  more.public_key_pins.push_back(more.public_key_pins[0]);
  EXPECT_THAT(PeerRules::Parse(more),
              FailsWith(Reason::kFieldInvalid, "peer_rules.public_key_pins"));
}

TEST(PeerRulesTest, DigestsTellRulesApart) {
  const std::string hex = Hex(KeyPin(ServerIdentity()));
  std::vector<PeerRulesOptions> all(7);
  all[1].names = {{Kind::kDns, "a.example"}};
  all[2].names = {{Kind::kDns, "a.example"}, {Kind::kDns, "b.example"}};
  all[3].names = {{Kind::kUri, "a:b"}};
  all[4].names = {{Kind::kUriPrefix, "a:b/"}};
  all[5].certificate_pins = {hex};
  all[6].public_key_pins = {hex};
  for (size_t i = 0; i < all.size(); ++i) {
    for (size_t j = 0; j < all.size(); ++j) {
      EXPECT_EQ(Parse(all[i]).digest() == Parse(all[j]).digest(), i == j)
          << i << " and " << j;
    }
  }
  // The same rule in another form.
  PeerRulesOptions same;
  same.names = {{Kind::kDns, "A.EXAMPLE."}};
  EXPECT_EQ(Parse(same).digest(), Parse(all[1]).digest());
}

}  // namespace
}  // namespace tlsd::tls
