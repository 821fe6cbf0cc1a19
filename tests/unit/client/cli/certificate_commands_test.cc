// What `tlsctl certs` and `tlsctl cert` send, and what they show.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

constexpr char kPem[] = "-----BEGIN CERTIFICATE-----\n";

class CertificateCommandsTest : public TlsctlTest {};

TEST_F(CertificateCommandsTest, ListsOwnCertificatesWithTheirDays) {
  v1::ListOwnCertificatesRequest seen;
  daemon_.on.list_own_certificates = [&](const auto& request, auto& page) {
    seen = request;
    v1::OwnCertificate& own = *page.add_own_certificates();
    own.set_secure_context("secureContexts/web");
    own.mutable_certificate()->set_subject("CN=a.test");
    own.mutable_time_left()->set_seconds(3 * 24 * 3600);
    return absl::OkStatus();
  };

  const Outcome outcome = Run("certs", ColourMode::kOn);

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("web"), HasSubstr("CN=a.test"),
                    HasSubstr("DAYS LEFT"), HasSubstr("\x1b[33m3\x1b[0m")));
  EXPECT_FALSE(seen.has_ends_within());
  EXPECT_THAT(Run("certs --within 14 -o json").out,
              HasSubstr("\"timeLeft\": \"259200s\""));
  EXPECT_EQ(seen.ends_within().seconds(), 14 * 24 * 3600);
  Run("certs --within 0");
  EXPECT_TRUE(seen.has_ends_within());
  EXPECT_EQ(seen.ends_within().seconds(), 0);
}

TEST_F(CertificateCommandsTest, ShowsTheCertificatesOfAFile) {
  v1::ParseCertificateRequest seen;
  daemon_.on.parse_certificate = [&](const auto& request, auto& response) {
    seen = request;
    response.add_certificates()->set_subject("CN=a");
    response.add_certificates()->set_subject("CN=b");
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("cert show " + File("a.pem", kPem)).out, "CN=a\n\nCN=b\n");
  EXPECT_EQ(seen.pem(), kPem);
  EXPECT_THAT(Run("cert show -o json " + File("a", "\x30\x82")).out,
              HasSubstr("\"subject\": \"CN=b\""));
  EXPECT_EQ(seen.der(), "\x30\x82");
}

TEST_F(CertificateCommandsTest, TellsWhatIsWrongWithAFile) {
  daemon_.on.parse_certificate = [](const auto&, auto&) {
    return MakeError(Reason::kPemInvalid, "no certificate");
  };

  EXPECT_EQ(Run("cert show " + File("a", "x")).code, ExitCode::kUsage);
  const Outcome outcome = Run("cert show /none");
  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("/none"));
}

TEST_F(CertificateCommandsTest, ExitsWithOneWhenACertificateIsForAnotherName) {
  daemon_.on.check_server_identity = [](const auto& request, auto& response) {
    EXPECT_EQ(request.pem(), kPem);
    response.set_matches(request.server_name() == "a.test");
    if (!response.matches()) response.set_error("HOSTNAME_MISMATCH");
    return absl::OkStatus();
  };
  const std::string file = File("a.pem", kPem);

  const Outcome good = Run("cert check " + file + " a.test");
  const Outcome bad = Run("cert check " + file + " b.test");
  const Outcome bad_json = Run("cert check -o json " + file + " b.test");

  EXPECT_EQ(good.code, ExitCode::kOk);
  EXPECT_THAT(good.out, StartsWith("yes"));
  EXPECT_EQ(bad.code, ExitCode::kTlsFailed);
  EXPECT_THAT(bad.out, StartsWith("no: HOSTNAME_MISMATCH"));
  EXPECT_EQ(bad.err, "");
  EXPECT_EQ(bad_json.code, ExitCode::kTlsFailed);
  EXPECT_THAT(bad_json.out, HasSubstr("\"matches\": false"));
}

TEST_F(CertificateCommandsTest, TellsABadNameFromAnotherName) {
  daemon_.on.check_server_identity = [](const auto&, auto&) {
    return MakeError(Reason::kServerNameInvalid, "no name");
  };

  const Outcome outcome = Run("cert check " + File("a", kPem) + " a..b");

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("SERVER_NAME_INVALID"));
}

TEST_F(CertificateCommandsTest, ShowsWhatAPeerHasShown) {
  daemon_.on.get_peer_certificate = [](const auto& request, auto& response) {
    EXPECT_EQ(request.name(), "connections/c-1");
    response.mutable_certificate()->set_subject("CN=leaf");
    if (!request.detailed()) return absl::OkStatus();
    response.add_chain()->set_subject("CN=leaf");
    response.add_chain()->set_subject("CN=root");
    return absl::OkStatus();
  };

  EXPECT_EQ(Run("cert peer c-1").out, "CN=leaf\n");
  EXPECT_EQ(Run("cert peer connections/c-1 --chain").out,
            "CN=leaf\n\nCN=root\n");
}

TEST_F(CertificateCommandsTest, FindsNoPeerOfAConnectionThatIsNotThere) {
  daemon_.on.get_peer_certificate = [](const auto&, auto&) {
    return MakeError(Reason::kConnectionNotFound, "no connections/c-1");
  };

  EXPECT_EQ(Run("cert peer c-1").code, ExitCode::kNotFound);
}

TEST_F(CertificateCommandsTest, ListsWhomAContextTrustsOrTheSystem) {
  daemon_.on.list_trusted_certificates = [](const auto& request, auto& page) {
    page.add_certificates()->set_subject("CN=root");
    if (request.secure_context().empty()) {
      page.set_system_path("/etc/ssl/certs");
    } else {
      EXPECT_EQ(request.secure_context(), "secureContexts/web");
    }
    return absl::OkStatus();
  };

  EXPECT_THAT(
      Run("cert trusted").out,
      AllOf(HasSubstr("CN=root"), HasSubstr("system store: /etc/ssl/certs\n")));
  EXPECT_THAT(Run("cert trusted web").out,
              AllOf(HasSubstr("CN=root"), Not(HasSubstr("system store"))));
}

TEST_F(CertificateCommandsTest, ReadsNoFileForTheGrpcLine) {
  EXPECT_THAT(Run("cert show /none.pem --print-grpc").out,
              AllOf(HasSubstr("\"pem\":"), HasSubstr("/none.pem")));
  EXPECT_THAT(Run("cert check /none.DER a --print-grpc").out,
              AllOf(HasSubstr("\"der\":"), HasSubstr("cat /none.DER")));
}

}  // namespace
}  // namespace tlsd::client::cli
