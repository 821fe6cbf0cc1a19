#include "server/tls/server_identity.h"

#include <openssl/x509.h>

#include <string>
#include <vector>

#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/test_identities.h"

namespace tlsd::tls {
namespace {

using ::tlsd::testing::IdentitySpec;
using ::tlsd::testing::RootIdentity;
using ::tlsd::testing::TestIdentity;

ServerName Name(const std::string& name) {
  return ParseServerName("server_name", name).value();
}

struct Row {
  // Of the certificate.
  std::vector<std::string> names;
  const char* asked;
  bool matches;
};

const std::vector<Row>& Rows() {
  static const auto& rows = *new std::vector<Row>{
      // The name itself, in any case, with or without the root's dot.
      {{"DNS:example.com"}, "example.com", true},
      {{"DNS:example.com"}, "EXAMPLE.com", true},
      {{"DNS:EXAMPLE.com"}, "example.com", true},
      {{"DNS:example.com"}, "example.com.", true},
      {{"DNS:example.com"}, "www.example.com", false},
      {{"DNS:example.com"}, "xexample.com", false},
      {{"DNS:example.com"}, "example.co", false},
      {{"DNS:example.com"}, "example.com.evil.example", false},
      {{"DNS:www.example.com"}, "example.com", false},
      {{"DNS:.example.com"}, "www.example.com", false},
      {{"DNS:localhost"}, "localhost", true},
      {{"DNS:a_b.example.com"}, "a_b.example.com", true},
      // Any of several.
      {{"DNS:a.example", "DNS:b.example"}, "b.example", true},
      {{"DNS:a.example", "DNS:b.example"}, "c.example", false},
      {{"email:a@b", "IP:192.0.2.1", "DNS:a.example"}, "a.example", true},
      // A wildcard is one whole label, the leftmost, above two others
      // (RFC 9525 section 6.3).
      {{"DNS:*.example.com"}, "www.example.com", true},
      {{"DNS:*.example.com"}, "WWW.EXAMPLE.COM.", true},
      {{"DNS:*.EXAMPLE.com"}, "www.example.com", true},
      {{"DNS:*.example.com"}, "example.com", false},
      {{"DNS:*.example.com"}, "a.b.example.com", false},
      {{"DNS:*.*.example.com"}, "a.b.example.com", false},
      {{"DNS:*.*.example.com"}, "a.example.com", false},
      {{"DNS:w*.example.com"}, "www.example.com", false},
      {{"DNS:*w.example.com"}, "www.example.com", false},
      {{"DNS:w*w.example.com"}, "www.example.com", false},
      {{"DNS:www.*.com"}, "www.example.com", false},
      {{"DNS:*.com"}, "example.com", false},
      {{"DNS:*"}, "localhost", false},
      {{"DNS:**.example.com"}, "www.example.com", false},
      // A-labels are compared as they stand.
      {{"DNS:xn--bcher-kva.example"}, "xn--bcher-kva.example", true},
      {{"DNS:xn--bcher-kva.example"}, "XN--BCHER-KVA.example", true},
      {{"DNS:xn--bcher-kva.example"}, "bcher-kva.example", false},
      {{"DNS:*.xn--bcher-kva.example"}, "a.xn--bcher-kva.example", true},
      {{"DNS:*.example.com"}, "xn--bcher-kva.example.com", true},
      {{"DNS:xn--*.example.com"}, "xn--bcher-kva.example.com", false},
      // Addresses match addresses only.
      {{"IP:127.0.0.1"}, "127.0.0.1", true},
      {{"IP:127.0.0.1"}, "127.0.0.2", false},
      {{"IP:127.0.0.1"}, "localhost", false},
      {{"DNS:127.0.0.1"}, "127.0.0.1", false},
      {{"DNS:*.0.0.1"}, "127.0.0.1", false},
      {{"IP:::1"}, "::1", true},
      {{"IP:::1"}, "0:0:0:0:0:0:0:1", true},
      {{"IP:2001:db8::A"}, "2001:DB8::a", true},
      {{"IP:fe80::1"}, "fe80::1%eth0", true},
      {{"IP:::1"}, "::2", false},
      {{"DNS:::1"}, "::1", false},
      {{"IP:127.0.0.1"}, "::ffff:127.0.0.1", false},
      {{"IP:::ffff:127.0.0.1"}, "127.0.0.1", false},
      // Other kinds of names are not DNS names (CVE-2021-44531).
      {{"URI:https://example.com"}, "example.com", false},
      {{"URI:https://example.com/"}, "example.com", false},
      {{"URI:http://127.0.0.1/"}, "127.0.0.1", false},
      {{"email:a@example.com"}, "example.com", false},
      {{"RID:1.2.3.4"}, "example.com", false},
      {{"otherName:1.2.3;UTF8:example.com"}, "example.com", false},
  };
  return rows;
}

TEST(ServerIdentityTest, MatchesNamesAsRfc9525Says) {
  for (const Row& row : Rows()) {
    IdentitySpec spec;
    spec.alternative_names = row.names;
    const TestIdentity leaf = RootIdentity().Issue(spec);
    const ServerName name = Name(row.asked);

    const int code = CheckServerIdentity(leaf.certificate(), name);
    const IdentityMismatch mismatch =
        CheckServerIdentity(DescribeCertificate(leaf.certificate()), name);

    const bool is_ip = name.kind == ServerName::Kind::kIpAddress;
    const std::string what =
        std::string(row.names.front()) + " for " + row.asked;
    EXPECT_EQ(code, row.matches ? X509_V_OK
                    : is_ip     ? X509_V_ERR_IP_ADDRESS_MISMATCH
                                : X509_V_ERR_HOSTNAME_MISMATCH)
        << what;
    EXPECT_EQ(mismatch.error, row.matches ? ""
                              : is_ip     ? "IP_ADDRESS_MISMATCH"
                                          : "HOSTNAME_MISMATCH")
        << what;
    EXPECT_EQ(mismatch.text.empty(), row.matches) << what;
  }
}

TEST(ServerIdentityTest, NeverLooksAtTheCommonName) {
  IdentitySpec spec;
  spec.common_name = "example.com";
  for (const std::vector<std::string>& names :
       std::vector<std::vector<std::string>>{
           {}, {"DNS:other.example"}, {"URI:https://example.com"}}) {
    spec.alternative_names = names;
    EXPECT_EQ(CheckServerIdentity(RootIdentity().Issue(spec).certificate(),
                                  Name("example.com")),
              X509_V_ERR_HOSTNAME_MISMATCH);
  }
  spec.common_name = "127.0.0.1";
  spec.alternative_names = {};
  EXPECT_EQ(CheckServerIdentity(RootIdentity().Issue(spec).certificate(),
                                Name("127.0.0.1")),
            X509_V_ERR_IP_ADDRESS_MISMATCH);
}

struct DerRow {
  const char* extension;
  const char* asked;
};

// Names that only hand-made certificates have; each must match nothing.
TEST(ServerIdentityTest, IsNotFooledByOddNames) {
  const DerRow rows[] = {
      // [2] "a.example\0.b.example".
      {"DER:30168214612e6578616d706c65002e622e6578616d706c65", "a.example"},
      // [2] "a.example, DNS:b.example".
      {"DER:301a8218612e6578616d706c652c20444e533a622e6578616d706c65",
       "b.example"},
      // [7] of three bytes, and of five.
      {"DER:300587037f0000", "127.0.0.1"},
      {"DER:300787057f00000101", "127.0.0.1"},
      // [2] of no bytes.
      {"DER:30028200", "a.example"},
      // Cut off behind a sound [2] "a.example".
      {"DER:300d8209612e6578616d706c6582", "a.example"},
  };
  for (const DerRow& row : rows) {
    IdentitySpec spec;
    spec.alternative_names = {};
    spec.extensions = {{"2.5.29.17", row.extension}};
    const TestIdentity leaf = RootIdentity().Issue(spec);
    EXPECT_NE(CheckServerIdentity(leaf.certificate(), Name(row.asked)),
              X509_V_OK)
        << row.extension;
  }
}

TEST(ServerIdentityTest, SaysThatWhatIsNoCertificateIsForNoName) {
  CertificateFacts facts;
  facts.der = "no certificate";
  EXPECT_EQ(CheckServerIdentity(facts, Name("a.example")).error,
            "HOSTNAME_MISMATCH");
  EXPECT_EQ(CheckServerIdentity(facts, Name("127.0.0.1")).error,
            "IP_ADDRESS_MISMATCH");
}

}  // namespace
}  // namespace tlsd::tls
