#include "client/cli/show_decision.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "absl/strings/str_cat.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client::cli {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using testing::Parse;

const absl::Time kNow = absl::FromUnixSeconds(1000);

// Shown returns the block of a decision with the question in `text`.
std::string Shown(const std::string& text,
                  const CertificateProtos& certificates = {}) {
  return DecisionBlock(Parse<v1::Decision>(text), certificates, kNow)
      .Format(ColourMode::kOff);
}

CertificateProtos Chain() {
  CertificateProtos certificates;
  certificates.Add()->set_subject("CN=a.test");
  certificates.at(0).set_issuer("CN=root");
  return certificates;
}

TEST(ShowDecisionTest, ShowsWhoAsks) {
  const std::string text = Shown(R"pb(
    name: "decisions/d"
    type: DECISION_TYPE_CLIENT_HELLO
    connection: "connections/c"
    listener: "listeners/l"
    secure_context: "secureContexts/s"
    role: ROLE_SERVER
    remote_address { family: "IPv4" address: "127.0.0.1" port: 2 }
    server_name: "a.test"
    expire_time { seconds: 1004 }
    client_hello {
      alpn_protocols: "h2"
      alpn_protocols: "http/1.1"
      versions: "TLSv1.3"
      extensions: 0
      extensions: 16
      ja3_hash: "abcd"
      ja4: "t13d"
    }
  )pb");

  EXPECT_THAT(text, AllOf(HasSubstr("decisions/d\n"),
                          HasSubstr("question        client hello\n"),
                          HasSubstr("time left       4s\n"),
                          HasSubstr("listener        listeners/l\n"),
                          HasSubstr("remote          127.0.0.1:2\n"),
                          HasSubstr("server name     a.test\n")));
  EXPECT_THAT(text, AllOf(HasSubstr("ALPN            h2, http/1.1\n"),
                          HasSubstr("extensions      0 16\n"),
                          HasSubstr("JA3             abcd\n"),
                          HasSubstr("JA4             t13d\n")));
}

TEST(ShowDecisionTest, ShowsAPeerAndTheVerdict) {
  const std::string question = R"pb(verify_peer {
                                      chain: "C"
                                      authorization_error: "CERT_HAS_EXPIRED"
                                      authorization_error_text: "expired"
                                      expected_name: "a.test"
                                      resumed: true
                                    })pb";

  EXPECT_THAT(Shown(question, Chain()),
              AllOf(HasSubstr("CN=a.test, issued by CN=root\n"),
                    HasSubstr("no: CERT_HAS_EXPIRED (expired)\n"),
                    HasSubstr("expected name  a.test\n"),
                    HasSubstr("session        resumed\n")));
  EXPECT_THAT(Shown(question), HasSubstr("1 certificate\n"));
}

TEST(ShowDecisionTest, ShowsAnAuthorizedPeerWithItsStaple) {
  const std::string text = Shown(R"pb(verify_peer {
                                        authorized: true
                                        ocsp_response {
                                          response_status: "successful"
                                          certificate_status: "good"
                                        }
                                      })pb",
                                 Chain());

  EXPECT_THAT(
      text,
      AllOf(HasSubstr("authorized    yes\n"), HasSubstr("OCSP          good\n"),
            Not(HasSubstr("session")), Not(HasSubstr("expected"))));
}

TEST(ShowDecisionTest, ShowsTheOtherQuestions) {
  EXPECT_THAT(Shown(R"pb(ocsp_staple { ocsp_urls: "http://o" })pb", Chain()),
              AllOf(HasSubstr("CN=a.test"), HasSubstr("http://o\n")));
  EXPECT_THAT(Shown(R"pb(session_lookup { session_id: "\x01\xab" })pb"),
              HasSubstr("01ab\n"));
  EXPECT_THAT(
      Shown(R"pb(session_store {
                   sessions {
                     session_id: "\x02"
                     session: "SECRET"
                     lifetime { seconds: 300 }
                     single_use: true
                   }
                 })pb"),
      AllOf(HasSubstr("02, for 5m, for one use\n"), Not(HasSubstr("SECRET"))));
  EXPECT_THAT(Shown(R"pb(sign {
                           algorithm: "ecdsa_secp256r1_sha256"
                           input: "12345"
                           public_key_pin: "pin"
                         })pb"),
              AllOf(HasSubstr("ECDSA, SHA256 (ecdsa_secp256r1_sha256)\n"),
                    HasSubstr("pin\n"), HasSubstr("5 B\n")));
}

TEST(ShowDecisionTest, ShowsWhenTimeIsUp) {
  EXPECT_THAT(Shown("expire_time { seconds: 1000 }"),
              HasSubstr("time left  none\n"));
}

TEST(ShowDecisionTest, ListsDecisions) {
  v1::ListDecisionsResponse list;
  *list.add_decisions() = Parse<v1::Decision>(R"pb(
    name: "decisions/d"
    type: DECISION_TYPE_VERIFY_PEER
    listener: "listeners/l"
    secure_context: "secureContexts/s"
    remote_address { family: "IPv4" address: "127.0.0.1" port: 2 }
    expire_time { seconds: 1004 }
  )pb");

  EXPECT_THAT(DecisionTable(list, kNow).Format(ColourMode::kOff),
              HasSubstr("decisions/d  verify peer  l         s        "
                        "127.0.0.1:2  -            4s\n"));
}

TEST(ShowDecisionTest, WritesTheCertificatesOfAQuestionInPem) {
  const std::string ab =
      "-----BEGIN CERTIFICATE-----\nYWI=\n-----END CERTIFICATE-----\n";
  const std::string cd =
      "-----BEGIN CERTIFICATE-----\nY2Q=\n-----END CERTIFICATE-----\n";

  EXPECT_EQ(
      QuestionPem(Parse<v1::Decision>(
          R"pb(verify_peer { certificates: "x" chain: "ab" chain: "cd" })pb")),
      ab + cd);
  EXPECT_EQ(QuestionPem(Parse<v1::Decision>(R"pb(verify_peer {
                                                   certificates: "cd"
                                                 })pb")),
            cd);
  EXPECT_EQ(QuestionPem(Parse<v1::Decision>(
                R"pb(ocsp_staple { certificate: "ab" issuer: "cd" })pb")),
            ab);
  EXPECT_EQ(QuestionPem(Parse<v1::Decision>("sign {}")), "");
}

TEST(ShowDecisionTest, BreaksTheLinesOfPem) {
  v1::Decision decision;
  decision.mutable_ocsp_staple()->set_certificate(std::string(49, 'a'));

  EXPECT_THAT(QuestionPem(decision),
              HasSubstr(absl::StrCat("YWFh\n", "YQ==\n")));
}

TEST(ShowDecisionTest, SaysHowToAnswer) {
  v1::Decision decision;
  decision.set_name("decisions/d");
  decision.set_type(v1::DECISION_TYPE_VERIFY_PEER);
  EXPECT_EQ(AnswerHint(decision),
            "answer it: tlsctl decide resolve d with --accept or --reject, or "
            "--refuse");

  for (int type = 1; v1::DecisionType_IsValid(type); ++type) {
    decision.set_type(static_cast<v1::DecisionType>(type));
    EXPECT_THAT(AnswerHint(decision), Not(HasSubstr("--no-opinion"))) << type;
  }
}

}  // namespace
}  // namespace tlsd::client::cli
