// What `tlsctl context` sends, and what it shows.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "proto/status/error.h"
#include "tests/unit/client/cli/tlsctl_fixture.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class TlsctlContextTest : public TlsctlTest {
 protected:
  TlsctlContextTest() {
    daemon_.on.create_secure_context = [this](const auto& request,
                                              auto& context) {
      created_ = request;
      context = request.secure_context();
      if (!request.validate_only()) context.set_name("secureContexts/web");
      context.add_warnings("dh_params has no effect");
      return absl::OkStatus();
    };
    daemon_.on.get_secure_context = [this](const auto& request, auto& context) {
      EXPECT_EQ(request.name(), "secureContexts/web");
      context = now_;
      return absl::OkStatus();
    };
    daemon_.on.update_secure_context = [this](const auto& request,
                                              auto& context) {
      updated_ = request;
      context = request.secure_context();
      return absl::OkStatus();
    };
    now_.set_name("secureContexts/web");
    now_.set_etag("etag1");
  }

  v1::SecureContext now_;
  v1::CreateSecureContextRequest created_;
  v1::UpdateSecureContextRequest updated_;
};

TEST_F(TlsctlContextTest, CreatesWithTwoCertificatesInTheirOrder) {
  const Outcome outcome =
      Run("context create web --cert " + File("c1", "C1") + " --key " +
          File("k1", "K1") + " --cert " + File("c2", "C2") + " --key " +
          File("k2", "K2") + " --passphrase-file " + File("s", "secret\n"));

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  ASSERT_EQ(created_.secure_context().credentials_size(), 2);
  EXPECT_EQ(created_.secure_context().credentials(1).pem().private_key(), "K2");
  EXPECT_EQ(created_.secure_context().credentials(1).pem().passphrase(),
            "secret");
  EXPECT_FALSE(created_.validate_only());
  EXPECT_THAT(outcome.out, AllOf(HasSubstr("warning"),
                                 HasSubstr("dh_params has no effect")));
}

TEST_F(TlsctlContextTest, ExitsWithUsageWhenCertificatesAndKeysDoNotPair) {
  const Outcome outcome =
      Run("context create --cert a --cert b --key " + File("k", "K"));

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("--key: got \"1 time\""));
}

TEST_F(TlsctlContextTest, ChecksWithoutCreating) {
  const Outcome outcome = Run("context create --dev --check");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_TRUE(created_.validate_only());
  EXPECT_THAT(outcome.out, StartsWith("not kept\n"));
  EXPECT_THAT(outcome.err, HasSubstr("nothing was created"));
}

TEST_F(TlsctlContextTest, TellsThatACheckHasFailed) {
  daemon_.on.create_secure_context = [](const auto&, auto&) {
    return MakeError(Reason::kKeyMismatch, "not of this certificate");
  };

  const Outcome outcome = Run("context create --dev --check");

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err,
              AllOf(HasSubstr("KEY_MISMATCH"), Not(HasSubstr("checked"))));
}

TEST_F(TlsctlContextTest, UpdatesWhatIsGivenAndNothingElse) {
  const Outcome outcome =
      Run("context update web --ciphers HIGH --alpn h2 --default groups");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out, StartsWith("secureContexts/web\n"));
  EXPECT_EQ(updated_.secure_context().name(), "secureContexts/web");
  EXPECT_EQ(updated_.secure_context().ciphers(), "HIGH");
  EXPECT_EQ(updated_.secure_context().etag(), "");
  EXPECT_THAT(updated_.update_mask().paths(),
              ElementsAre("ciphers", "alpn_protocols", "alpn_protocols_wire",
                          "groups"));
  EXPECT_FALSE(updated_.validate_only());
}

TEST_F(TlsctlContextTest, KeepsThePartsOfTrustThatAreNotGiven) {
  now_.mutable_trust_anchors()->add_pems("OLD");
  now_.mutable_trust_anchors()->set_development(true);
  now_.mutable_trust_anchors()->set_system_path("/etc/ssl");
  now_.mutable_trust_anchors()->set_certificate_count(3);
  now_.mutable_peer_rules()->add_certificate_pins("pin");
  now_.mutable_revocation_lists()->add_pems("LIST");

  const Outcome outcome = Run("context update web --ca " + File("ca", "NEW") +
                              " --pin-key k --crl-leaf-only");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  const v1::SecureContext& changed = updated_.secure_context();
  EXPECT_THAT(changed.trust_anchors().pems(), ElementsAre("NEW"));
  EXPECT_TRUE(changed.trust_anchors().development());
  EXPECT_EQ(changed.trust_anchors().system_path(), "");
  EXPECT_EQ(changed.trust_anchors().certificate_count(), 0);
  EXPECT_THAT(changed.peer_rules().certificate_pins(), ElementsAre("pin"));
  EXPECT_THAT(changed.peer_rules().public_key_pins(), ElementsAre("k"));
  EXPECT_THAT(changed.revocation_lists().pems(), ElementsAre("LIST"));
  EXPECT_TRUE(changed.revocation_lists().leaf_only());
  EXPECT_EQ(changed.etag(), "etag1");
  EXPECT_THAT(updated_.update_mask().paths(),
              ElementsAre("trust_anchors", "revocation_lists", "peer_rules"));
}

TEST_F(TlsctlContextTest, KeepsTheSystemsStoreWhenASourceIsAdded) {
  now_.mutable_trust_anchors()->set_system_path("/etc/ssl");

  EXPECT_EQ(Run("context update web --trust-dev").code, ExitCode::kOk);
  EXPECT_TRUE(updated_.secure_context().trust_anchors().system());
  EXPECT_TRUE(updated_.secure_context().trust_anchors().development());

  now_.clear_trust_anchors();
  EXPECT_EQ(Run("context update web --ca " + File("ca", "CA")).code,
            ExitCode::kOk);
  EXPECT_TRUE(updated_.secure_context().trust_anchors().system());

  EXPECT_EQ(Run("context update web --trust-dev --trust-system=false").code,
            ExitCode::kOk);
  EXPECT_FALSE(updated_.secure_context().trust_anchors().system());
  EXPECT_TRUE(updated_.secure_context().trust_anchors().development());

  now_.mutable_trust_anchors()->add_pems("OLD");
  EXPECT_EQ(Run("context update web --trust-dev").code, ExitCode::kOk);
  EXPECT_FALSE(updated_.secure_context().trust_anchors().system());
}

TEST_F(TlsctlContextTest, RefusesToLeaveNoSourceOfTrust) {
  for (const char* line : {"context update web --trust-system=false",
                           "context update web --trust-dev=false",
                           "context create web --trust-system=false"}) {
    now_.clear_trust_anchors();
    now_.mutable_trust_anchors()->set_development(
        std::string(line).find("--trust-dev") != std::string::npos);

    const Outcome outcome = Run(line);

    EXPECT_EQ(outcome.code, ExitCode::kUsage) << line;
    EXPECT_THAT(outcome.err, AllOf(HasSubstr("trust_anchors"),
                                   HasSubstr("--default trust_anchors")));
  }
  EXPECT_EQ(updated_.ByteSizeLong(), 0u);
  EXPECT_EQ(created_.ByteSizeLong(), 0u);

  EXPECT_EQ(Run("context update web --default trust_anchors").code,
            ExitCode::kOk);
  EXPECT_FALSE(updated_.secure_context().has_trust_anchors());
}

TEST_F(TlsctlContextTest, TellsThatACertificateIsNotPem) {
  const Outcome outcome =
      Run("context create --ca " + File("ca.der", "\x30\x82\x01"));

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, AllOf(HasSubstr("ca.der"),
                                 HasSubstr("openssl x509 -inform DER")));
  EXPECT_EQ(created_.ByteSizeLong(), 0u);
}

TEST_F(TlsctlContextTest, TakesAnEmptyValueBehindTheEqualsSign) {
  const Outcome outcome =
      Run("context create web --cert " + File("c", "C") + " --key " +
          File("k", "K") + " --passphrase-file= --no-tickets --ciphers=");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_EQ(created_.secure_context().credentials(0).pem().passphrase(), "");
  EXPECT_TRUE(created_.secure_context().disable_session_tickets());

  EXPECT_EQ(Run("context update web --ciphers= --groups X25519").code,
            ExitCode::kOk);
  EXPECT_EQ(updated_.secure_context().ciphers(), "");
  EXPECT_THAT(updated_.update_mask().paths(), ElementsAre("ciphers", "groups"));
}

TEST_F(TlsctlContextTest, TakesNoEmptyValueForAFlagOrBehindTheOptions) {
  EXPECT_EQ(Run("context create web --no-tickets=").code, ExitCode::kUsage);
  EXPECT_EQ(Run("context create web --ciphers=a=").code, ExitCode::kOk);
  EXPECT_EQ(created_.secure_context().ciphers(), "a=");

  EXPECT_EQ(Run("context create -- --id=").code, ExitCode::kOk);
  EXPECT_EQ(created_.secure_context_id(), "--id=");
}

TEST_F(TlsctlContextTest, ReadsNothingOfGroupsThatAreNotGiven) {
  now_.mutable_trust_anchors()->add_pems("OLD");

  EXPECT_EQ(Run("context update web --pin-key k").code, ExitCode::kOk);

  EXPECT_FALSE(updated_.secure_context().has_trust_anchors());
}

TEST_F(TlsctlContextTest, UpdatesNothingWhenTheContextIsGone) {
  daemon_.on.get_secure_context = [](const auto&, auto&) {
    return MakeError(Reason::kContextNotFound, "no secureContexts/web");
  };

  EXPECT_EQ(Run("context update web --pin-key k").code, ExitCode::kNotFound);
  EXPECT_EQ(updated_.ByteSizeLong(), 0u);
}

TEST_F(TlsctlContextTest, TellsThatSomebodyElseHasChangedIt) {
  daemon_.on.update_secure_context = [](const auto&, auto&) {
    return MakeError(Reason::kEtagMismatch, "it has changed");
  };

  const Outcome outcome = Run("context update web --pin-key k");

  EXPECT_EQ(outcome.code, ExitCode::kOtherError);
  EXPECT_THAT(outcome.err, HasSubstr("try again"));
}

TEST_F(TlsctlContextTest, WantsSomethingToChange) {
  const Outcome outcome = Run("context update web");

  EXPECT_EQ(outcome.code, ExitCode::kUsage);
  EXPECT_THAT(outcome.err, HasSubstr("what to change"));
  EXPECT_EQ(updated_.ByteSizeLong(), 0u);
}

TEST_F(TlsctlContextTest, ChecksWithoutUpdating) {
  const Outcome outcome = Run("context update web --ciphers HIGH --check");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_TRUE(updated_.validate_only());
  EXPECT_THAT(outcome.err, HasSubstr("nothing was changed"));
}

TEST_F(TlsctlContextTest, PrintsNoSecretsWithTheGrpcLine) {
  const Outcome outcome =
      Run("context update web --print-grpc --cert " + File("c", "SECRET") +
          " --key " + File("k", "SECRET") + " --pfx " + File("p", "SECRET") +
          " --passphrase-file " + File("s", "SECRET") + " --ticket-keys " +
          File("t", std::string(96, 'S')) + " --pin-key k");

  EXPECT_EQ(outcome.code, ExitCode::kOk) << outcome.err;
  EXPECT_THAT(outcome.out,
              AllOf(HasSubstr("UpdateSecureContext\n"),
                    HasSubstr("\"updateMask\":{\"paths\":[\"credentials\","
                              "\"peer_rules\",\"ticket_keys\"]}"),
                    HasSubstr("head -c 48"), HasSubstr("tail -c +49"),
                    HasSubstr("# it replaces peer_rules as a whole"),
                    Not(HasSubstr("SECRET")), Not(HasSubstr("SSSS")),
                    Not(HasSubstr("U0VDUkVU")), Not(HasSubstr("U1NT"))));
  EXPECT_EQ(updated_.ByteSizeLong(), 0u);
}

TEST_F(TlsctlContextTest, ShowsAContextAsTextAndAsJson) {
  now_.add_effective_ciphers("TLS_AES_128_GCM_SHA256");
  now_.add_ignored_cipher_tokens("LOW");
  now_.add_warnings("w");

  EXPECT_THAT(Run("context show web").out,
              AllOf(HasSubstr("TLS_AES_128_GCM_SHA256\n"), HasSubstr("LOW\n"),
                    HasSubstr("w\n")));
  EXPECT_THAT(Run("context show web -o json").out,
              AllOf(HasSubstr("\"ignoredCipherTokens\": [\n  \"LOW\""),
                    HasSubstr("\"warnings\"")));
}

TEST_F(TlsctlContextTest, ListsAlgorithms) {
  daemon_.on.list_algorithms = [](const auto&, auto& response) {
    response.add_secure_protocols("TLSv1_2_method");
    return absl::OkStatus();
  };

  EXPECT_THAT(Run("context algorithms").out, HasSubstr("TLSv1_2_method"));
}

}  // namespace
}  // namespace tlsd::client::cli
