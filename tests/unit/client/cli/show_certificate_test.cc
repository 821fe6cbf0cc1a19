#include "client/cli/show_certificate.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "tests/unit/client/parse_text.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Parse;

const absl::Time kNow = absl::FromUnixSeconds(1000000);

constexpr char kCertificate[] = R"pb(
  subject: "CN=a.test"
  issuer: "CN=root"
  subject_alternative_names: "DNS:a.test"
  subject_alternative_names: "DNS:b.test"
  not_before_time { seconds: 913600 }
  not_after_time { seconds: 1864000 }
  valid_from: "FROM"
  valid_to: "TO"
  serial_number: "0A"
  sha256_fingerprint: "F2"
  sha1_fingerprint: "F1"
  public_key: "EC P-256"
  public_key_pin: "PIN"
  key_usages: "digitalSignature"
  extended_key_usages: "serverAuth"
  signature_algorithm: "ecdsa-with-SHA256"
)pb";

TEST(ShowCertificateTest, ShowsACertificate) {
  EXPECT_EQ(CertificateBlock(Parse<v1::Certificate>(kCertificate), kNow)
                .Format(ColourMode::kOff),
            "CN=a.test\n"
            "  issuer       CN=root\n"
            "  names        DNS:a.test, DNS:b.test\n"
            "  valid from   FROM, 1d ago\n"
            "  valid to     TO, in 10d\n"
            "  serial       0A\n"
            "  key          EC P-256\n"
            "  key pin      PIN\n"
            "  key usages   digitalSignature\n"
            "  purposes     serverAuth\n"
            "  signed with  ecdsa-with-SHA256\n"
            "  SHA-256      F2\n"
            "  SHA-1        F1\n");
}

TEST(ShowCertificateTest, PaintsWhatIsNotValid) {
  v1::Certificate certificate = Parse<v1::Certificate>(kCertificate);
  certificate.mutable_not_after_time()->set_seconds(996400);
  EXPECT_THAT(CertificateBlock(certificate, kNow).Format(ColourMode::kOn),
              HasSubstr("\x1b[31mTO, 1h ago\x1b[0m"));

  certificate.mutable_not_before_time()->set_seconds(1003600);

  EXPECT_THAT(CertificateBlock(certificate, kNow).Format(ColourMode::kOn),
              HasSubstr("\x1b[31mFROM, in 1h\x1b[0m"));
}

TEST(ShowCertificateTest, ShowsWhatOnlySomeCertificatesHave) {
  v1::Certificate certificate;
  certificate.set_is_authority(true);
  certificate.add_ocsp_urls("http://o");
  certificate.add_issuer_urls("http://i");
  certificate.add_revocation_list_urls("http://r");

  EXPECT_THAT(CertificateBlock(certificate, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("(no subject)\n"), HasSubstr("yes\n"),
                    HasSubstr("http://o\n"), HasSubstr("http://i\n"),
                    HasSubstr("http://r\n")));
}

TEST(ShowCertificateTest, ShowsAPeersChainAndWhatElseItSent) {
  v1::GetPeerCertificateResponse response;
  *response.mutable_certificate() = Parse<v1::Certificate>(kCertificate);
  *response.add_chain() = response.certificate();
  response.add_chain()->set_subject("CN=root");
  *response.add_sent() = response.certificate();
  response.add_sent()->set_subject("CN=useless");
  response.mutable_sent(1)->set_sha256_fingerprint("F9");

  const std::string text =
      PeerCertificateText(response, kNow, ColourMode::kOff);

  EXPECT_THAT(text, AllOf(HasSubstr("CN=a.test\n"), HasSubstr("\nCN=root\n"),
                          HasSubstr("sent beside the chain:\nCN=useless\n")));
  EXPECT_EQ(text.find("CN=a.test\n"), text.rfind("CN=a.test\n"));
}

TEST(ShowCertificateTest, ShowsAPeersCertificateAlone) {
  v1::GetPeerCertificateResponse response;
  EXPECT_EQ(PeerCertificateText(response, kNow, ColourMode::kOff),
            "the peer has shown no certificate\n");

  response.mutable_certificate()->set_subject("CN=a");

  EXPECT_EQ(PeerCertificateText(response, kNow, ColourMode::kOff), "CN=a\n");
}

TEST(ShowCertificateTest, SaysWhetherACertificateIsForAName) {
  v1::CheckServerIdentityResponse response;
  response.set_error("HOSTNAME_MISMATCH");
  response.set_message("not b.test");
  EXPECT_EQ(ServerIdentityText(response, "b.test", ColourMode::kOff),
            "no: HOSTNAME_MISMATCH: not b.test\n  it is for no name\n");
  response.add_subject_alternative_names("DNS:a.test");
  EXPECT_THAT(ServerIdentityText(response, "b.test", ColourMode::kOff),
              HasSubstr("it is for DNS:a.test\n"));

  response.set_matches(true);

  EXPECT_EQ(ServerIdentityText(response, "a.test", ColourMode::kOff),
            "yes: it is for a.test\n");
}

TEST(ShowCertificateTest, ListsOwnCertificatesWithTheirDays) {
  v1::ListOwnCertificatesResponse list;
  v1::OwnCertificate& own = *list.add_own_certificates();
  own.set_secure_context("secureContexts/web");
  *own.mutable_certificate() = Parse<v1::Certificate>(kCertificate);
  own.mutable_time_left()->set_seconds(864000);

  EXPECT_EQ(OwnCertificateTable(list).Format(ColourMode::kOff),
            "CONTEXT  SUBJECT    NAMES                  KEY       ENDS        "
            "DAYS LEFT\n"
            "web      CN=a.test  DNS:a.test,DNS:b.test  EC P-256  1970-01-22  "
            "10\n");
  EXPECT_THAT(OwnCertificateTable(list).Format(ColourMode::kOn),
              HasSubstr("\x1b[33m10\x1b[0m"));
}

TEST(ShowCertificateTest, ListsTrustedCertificates) {
  v1::ListTrustedCertificatesResponse list;
  *list.add_certificates() = Parse<v1::Certificate>(kCertificate);

  EXPECT_EQ(TrustedCertificateTable(list, kNow).Format(ColourMode::kOff),
            "SUBJECT    KEY       ENDS        SHA-256\n"
            "CN=a.test  EC P-256  1970-01-22  F2\n");
  EXPECT_THAT(TrustedCertificateTable(list, kNow).Format(ColourMode::kOff),
              Not(HasSubstr("CN=root")));
}

TEST(ShowCertificateTest, TellsWhatAnOcspResponseSays) {
  v1::OcspResponse response;
  response.set_response_status("tryLater");
  EXPECT_EQ(OcspCell(response).text, "tryLater");
  EXPECT_EQ(OcspCell(response).tone, Tone::kCareful);

  response.set_response_status("successful");
  response.set_certificate_status("good");
  response.mutable_this_update_time()->set_seconds(86400);
  response.mutable_next_update_time()->set_seconds(2 * 86400);
  EXPECT_EQ(OcspCell(response).text,
            "good, as of 1970-01-02, until 1970-01-03");
  EXPECT_EQ(OcspCell(response).tone, Tone::kGood);

  response.clear_next_update_time();
  response.set_certificate_status("revoked");
  response.mutable_revocation_time()->set_seconds(0);
  EXPECT_EQ(OcspCell(response).text, "revoked on 1970-01-01, as of 1970-01-02");
  EXPECT_EQ(OcspCell(response).tone, Tone::kBad);

  response.set_certificate_status("unknown");
  EXPECT_EQ(OcspCell(response).tone, Tone::kCareful);
}

}  // namespace
}  // namespace tlsd::client::cli
