#include "client/cli/show_context.h"

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

TEST(ShowContextTest, ShowsSecureContexts) {
  const v1::SecureContext context = Parse<v1::SecureContext>(R"pb(
    name: "secureContexts/web"
    credentials {
      certificates {
        subject: "CN=web"
        issuer: "CN=root"
        subject_alternative_names: "DNS:web"
        public_key: "EC P-256"
      }
    }
    trust_anchors { development: true certificate_count: 1 }
    min_version: TLS_VERSION_TLS_1_2
    max_version: TLS_VERSION_TLS_1_3
    alpn_protocols: "h2"
    client_certificate_mode: CLIENT_CERTIFICATE_MODE_REQUEST
    expire_time { seconds: 1086400 }
  )pb");
  v1::ListSecureContextsResponse list;
  *list.add_secure_contexts() = context;

  EXPECT_THAT(SecureContextBlock(context, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("1 certificate, development authority\n"),
                    HasSubstr("1.2 to 1.3\n"), HasSubstr("request\n"),
                    HasSubstr("in 1d\n"), Not(HasSubstr("fingerprint"))));
  EXPECT_THAT(SecureContextTable(list, kNow).Format(ColourMode::kOn),
              HasSubstr("\x1b[33min 1d\x1b[0m"));
}

TEST(ShowContextTest, ListsAlgorithms) {
  v1::ListAlgorithmsResponse algorithms;
  v1::CipherSuite& suite = *algorithms.add_cipher_suites();
  suite.set_name("A");
  suite.set_standard_name("TLS_A");
  suite.set_min_version(v1::TLS_VERSION_TLS_1_3);
  suite.set_max_version(v1::TLS_VERSION_TLS_1_3);
  suite.set_strength_bits(128);

  algorithms.add_groups("X25519");
  algorithms.add_secure_protocols("TLS_method");
  algorithms.set_default_ciphers("HIGH:!aNULL");

  EXPECT_THAT(AlgorithmsText(algorithms, ColourMode::kOff),
              AllOf(HasSubstr("A             TLS_A          1.3  128\n"),
                    HasSubstr("groups      X25519\n"),
                    HasSubstr("methods     TLS_method\n"),
                    HasSubstr("ciphers     HIGH:!aNULL\n")));
}

TEST(ShowContextTest, ShowsAllCredentials) {
  const v1::SecureContext context = Parse<v1::SecureContext>(R"pb(
    name: "secureContexts/web"
    credentials {
      certificates {
        subject: "CN=rsa"
        public_key: "RSA 2048"
        not_after_time { seconds: 900000 }
      }
      certificates { subject: "CN=intermediate" }
    }
    credentials {
      certificates {
        subject: "CN=ec"
        public_key: "EC P-256"
        not_after_time { seconds: 9000000 }
      }
    }
    expire_time { seconds: 900000 }
  )pb");
  v1::ListSecureContextsResponse list;
  *list.add_secure_contexts() = context;

  const std::string text =
      SecureContextBlock(context, kNow).Format(ColourMode::kOn);

  EXPECT_THAT(
      text,
      AllOf(HasSubstr("certificate 1"), HasSubstr("CN=rsa\n"),
            HasSubstr("RSA 2048\n"), HasSubstr("\x1b[31m1d 3h ago\x1b[0m"),
            HasSubstr("certificate 2"), HasSubstr("CN=ec\n"),
            HasSubstr("\x1b[32min 92d 14h\x1b[0m"),
            Not(HasSubstr("intermediate")), Not(HasSubstr("elsewhere")),
            Not(HasSubstr("OCSP")), Not(HasSubstr("hooks"))));
  EXPECT_THAT(SecureContextTable(list, kNow).Format(ColourMode::kOff),
              HasSubstr("CN=rsa and 1 more"));
}

TEST(ShowContextTest, ShowsStaplesHooksAndKeysThatAreElsewhere) {
  const std::string text =
      SecureContextBlock(Parse<v1::SecureContext>(R"pb(
                           credentials {
                             remote {}
                             certificates { public_key: "EC P-256" }
                             stapled_ocsp_response {
                               response_status: "successful"
                               certificate_status: "good"
                             }
                           }
                           hooks { type: DECISION_TYPE_SIGN }
                           hooks { type: DECISION_TYPE_VERIFY_PEER }
                         )pb"),
                         kNow)
          .Format(ColourMode::kOff);

  EXPECT_THAT(text, AllOf(HasSubstr("EC P-256, elsewhere\n"),
                          HasSubstr("OCSP staple  good\n"),
                          HasSubstr("sign, verify-peer\n")));
}

TEST(ShowContextTest, ShowsPolicyAndWhatBecameOfIt) {
  const std::string text =
      SecureContextBlock(Parse<v1::SecureContext>(R"pb(
                           name: "secureContexts/web"
                           min_version: TLS_VERSION_TLS_1_2
                           max_version: TLS_VERSION_TLS_1_2
                           secure_protocol: "TLSv1_2_method"
                           effective_ciphers: "A"
                           effective_ciphers: "B"
                           ignored_cipher_tokens: "LOW"
                           strict_ciphers: true
                           prefer_client_ciphers: true
                           groups: "X25519"
                           signature_algorithms: "s1"
                           signing_algorithms: "s2"
                           npn_protocols: "spdy/2"
                           session_timeout { seconds: 300 }
                           session_id_context: "id\x1b"
                           disable_session_tickets: true
                           warnings: "w1"
                           warnings: "w2"
                           create_time { seconds: 999930 }
                           update_time { seconds: 999940 }
                         )pb"),
                         kNow)
          .Format(ColourMode::kOff);

  EXPECT_THAT(
      text,
      AllOf(HasSubstr("1.2 (TLSv1_2_method)\n"), HasSubstr("A, B\n"),
            HasSubstr("LOW\n"), HasSubstr("refused\n"), HasSubstr("client's\n"),
            HasSubstr("X25519\n"), HasSubstr("s1\n"), HasSubstr("s2\n")));
  EXPECT_THAT(
      text, AllOf(HasSubstr("spdy/2\n"), HasSubstr("5m\n"),
                  HasSubstr("id\\x1b\n"), HasSubstr("none\n"),
                  HasSubstr("w1\n"), HasSubstr("w2\n"), HasSubstr("1m ago\n")));
}

TEST(ShowContextTest, SaysThatAContextHasChangedOnlyIfItHas) {
  v1::SecureContext context;
  context.mutable_create_time()->set_seconds(999940);
  context.mutable_update_time()->set_seconds(999940);

  EXPECT_THAT(SecureContextBlock(context, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("age"), Not(HasSubstr("changed"))));
}

TEST(ShowContextTest, LeavesOutWhatAContextDoesNotSay) {
  const std::string text =
      SecureContextBlock(v1::SecureContext(), kNow).Format(ColourMode::kOff);

  EXPECT_EQ(text, "not kept\n");
}

TEST(ShowContextTest, ShowsWhatIsAskedOfPeers) {
  const std::string text =
      SecureContextBlock(
          Parse<v1::SecureContext>(R"pb(
            trust_anchors { certificate_count: 2 allow_partial_chain: true }
            revocation_lists { pems: "LIST" leaf_only: true }
            peer_rules {
              names { dns: "a.test" }
              names { ip: "::1" }
              names { uri: "u:1" }
              names { uri_prefix: "u:" }
              names { email: "a@b" }
              certificate_pins: "c"
              public_key_pins: "k"
            }
          )pb"),
          kNow)
          .Format(ColourMode::kOff);

  EXPECT_THAT(text,
              AllOf(HasSubstr("2 certificates, partial chains\n"),
                    HasSubstr("own certificate, 1 PEM text\n"),
                    HasSubstr("dns:a.test, ip:::1, uri:u:1, uri-prefix:u:, "
                              "email:a@b\n"),
                    HasSubstr("certificate pins  c\n"),
                    HasSubstr("key pins          k\n")));
}

TEST(ShowContextTest, ShowsEarlyDataAndWhatToPublish) {
  v1::SecureContext context;
  context.set_name("secureContexts/web");
  EXPECT_THAT(SecureContextBlock(context, kNow).Format(ColourMode::kOff),
              AllOf(Not(HasSubstr("early data")), Not(HasSubstr("ECH"))));

  context.set_early_data(true);
  context.set_ech_config_list("ABC");

  EXPECT_THAT(SecureContextBlock(context, kNow).Format(ColourMode::kOff),
              AllOf(HasSubstr("early data       yes; it can be replayed\n"),
                    HasSubstr("ECH config list  QUJD\n")));
}

TEST(ShowContextTest, TellsWhatARotationHasMade) {
  v1::RotateEchKeysResponse response;
  response.set_ech_config_list("ABC");
  response.set_key_count(2);

  EXPECT_EQ(
      EchRotationBlock("secureContexts/web", response).Format(ColourMode::kOff),
      "rotated secureContexts/web\n"
      "  keys             2\n"
      "  ECH config list  QUJD\n");
}

}  // namespace
}  // namespace tlsd::client::cli
