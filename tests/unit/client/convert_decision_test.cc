#include <gmock/gmock.h>
#include <google/protobuf/text_format.h>
#include <gtest/gtest.h>

#include <string>
#include <variant>

#include "client/convert.h"
#include "proto/status/error.h"
#include "tests/unit/client/parse_text.h"

namespace tlsd::client {
namespace {

using ::testing::ElementsAre;
using testing::Parse;

// ReadAs returns the question of the decision in `text`.
template <typename QuestionType>
QuestionType ReadAs(const std::string& text) {
  const Question question = FromProto(Parse<v1::Decision>(text)).question;
  EXPECT_TRUE(std::holds_alternative<QuestionType>(question)) << text;
  return std::get<QuestionType>(question);
}

TEST(ConvertDecisionTest, ReadsADecision) {
  const Decision decision = FromProto(Parse<v1::Decision>(R"pb(
    name: "decisions/d"
    type: DECISION_TYPE_SIGN
    connection: "connections/c"
    listener: "listeners/l"
    secure_context: "secureContexts/s"
    role: ROLE_SERVER
    local_address { family: "IPv4" address: "127.0.0.1" port: 1 }
    remote_address { family: "IPv4" address: "127.0.0.2" port: 2 }
    server_name: "a.test"
    create_time { seconds: 1 }
    expire_time { seconds: 6 }
  )pb"));

  EXPECT_EQ(decision.name, "decisions/d");
  EXPECT_EQ(decision.type, DecisionType::kSign);
  EXPECT_EQ(decision.connection, "connections/c");
  EXPECT_EQ(decision.listener, "listeners/l");
  EXPECT_EQ(decision.secure_context, "secureContexts/s");
  EXPECT_EQ(decision.role, Role::kServer);
  EXPECT_EQ(ToString(decision.local_address), "127.0.0.1:1");
  EXPECT_EQ(ToString(decision.remote_address), "127.0.0.2:2");
  EXPECT_EQ(decision.server_name, "a.test");
  EXPECT_EQ(decision.create_time, absl::FromUnixSeconds(1));
  EXPECT_EQ(decision.expire_time, absl::FromUnixSeconds(6));
  EXPECT_TRUE(std::holds_alternative<std::monostate>(decision.question));
}

TEST(ConvertDecisionTest, TurnsTypesOfANewerDaemonIntoUnknown) {
  v1::Decision decision;
  decision.set_type(static_cast<v1::DecisionType>(99));

  EXPECT_EQ(FromProto(decision).type, DecisionType::kUnknown);
}

TEST(ConvertDecisionTest, ReadsClientHellos) {
  const auto question = ReadAs<ClientHelloQuestion>(R"pb(
    client_hello {
      alpn_protocols: "h2"
      versions: "TLSv1.3"
      cipher_suites: "TLS_X"
      groups: "X25519"
      signature_algorithms: "ed25519"
      extensions: 0
      extensions: 16
      raw: "raw"
      ja3: "771"
      ja3_hash: "ab"
      ja4: "t13"
    }
  )pb");

  EXPECT_THAT(question.alpn_protocols, ElementsAre("h2"));
  EXPECT_THAT(question.versions, ElementsAre("TLSv1.3"));
  EXPECT_THAT(question.cipher_suites, ElementsAre("TLS_X"));
  EXPECT_THAT(question.groups, ElementsAre("X25519"));
  EXPECT_THAT(question.signature_algorithms, ElementsAre("ed25519"));
  EXPECT_THAT(question.extensions, ElementsAre(0, 16));
  EXPECT_EQ(question.raw, "raw");
  EXPECT_EQ(question.ja3, "771");
  EXPECT_EQ(question.ja3_hash, "ab");
  EXPECT_EQ(question.ja4, "t13");
}

TEST(ConvertDecisionTest, ReadsQuestionsAboutStaplesAndSignatures) {
  const auto staple = ReadAs<OcspStapleQuestion>(R"pb(
    ocsp_staple { certificate: "C" issuer: "I" ocsp_urls: "http://o" }
  )pb");
  EXPECT_EQ(staple.certificate, "C");
  EXPECT_EQ(staple.issuer, "I");
  EXPECT_THAT(staple.ocsp_urls, ElementsAre("http://o"));

  const auto sign = ReadAs<SignQuestion>(R"pb(
    sign { algorithm: "a" input: "i" public_key: "k" public_key_pin: "p" }
  )pb");
  EXPECT_EQ(sign.algorithm, "a");
  EXPECT_EQ(sign.input, "i");
  EXPECT_EQ(sign.public_key, "k");
  EXPECT_EQ(sign.public_key_pin, "p");
}

TEST(ConvertDecisionTest, ReadsQuestionsAboutSessions) {
  EXPECT_EQ(ReadAs<SessionLookupQuestion>(
                R"pb(session_lookup { session_id: "id" })pb")
                .session_id,
            "id");

  const auto store = ReadAs<SessionStoreQuestion>(R"pb(
    session_store {
      sessions {
        session_id: "a"
        session: "A"
        lifetime { seconds: 300 }
        single_use: true
      }
      sessions { session_id: "b" }
    }
  )pb");
  ASSERT_EQ(store.sessions.size(), 2u);
  EXPECT_EQ(store.sessions[0].session_id, "a");
  EXPECT_EQ(store.sessions[0].session, "A");
  EXPECT_EQ(store.sessions[0].lifetime, absl::Seconds(300));
  EXPECT_TRUE(store.sessions[0].single_use);
  EXPECT_FALSE(store.sessions[1].single_use);
}

TEST(ConvertDecisionTest, ReadsQuestionsAboutPeers) {
  const auto question = ReadAs<VerifyPeerQuestion>(R"pb(
    verify_peer {
      certificates: "C"
      authorized: true
      authorization_error: "E"
      authorization_error_text: "T"
      chain: "C"
      chain: "R"
      ocsp_response { der: "O" certificate_status: "good" }
      expected_name: "a.test"
      resumed: true
    }
  )pb");

  EXPECT_THAT(question.certificates, ElementsAre("C"));
  EXPECT_TRUE(question.authorized);
  EXPECT_EQ(question.authorization_error, "E");
  EXPECT_EQ(question.authorization_error_text, "T");
  EXPECT_THAT(question.chain, ElementsAre("C", "R"));
  EXPECT_EQ(question.ocsp_response->certificate_status, "good");
  EXPECT_EQ(question.expected_name, "a.test");
  EXPECT_TRUE(question.resumed);
  EXPECT_FALSE(
      ReadAs<VerifyPeerQuestion>("verify_peer {}").ocsp_response.has_value());
}

// Written returns the answer as the daemon gets it, in the text format.
std::string Written(const Answer& answer) {
  std::string text;
  google::protobuf::TextFormat::Printer printer;
  printer.SetSingleLineMode(true);
  printer.PrintToString(ToProto("decisions/d", answer), &text);
  return text;
}

TEST(ConvertDecisionTest, WritesAnswers) {
  const std::string decision = "decision: \"decisions/d\" ";

  EXPECT_EQ(Written(NoOpinion()), decision + "no_opinion { } ");
  EXPECT_EQ(Written(Refusal{"access_denied"}),
            decision + "refuse { alert: \"access_denied\" } ");
  EXPECT_EQ(Written(ClientHelloAnswer{"secureContexts/s", "h2",
                                      ClientCertificateMode::kNone}),
            decision +
                "client_hello { secure_context: \"secureContexts/s\" "
                "alpn_protocol: \"h2\" client_certificate_mode: "
                "CLIENT_CERTIFICATE_MODE_NONE } ");
  EXPECT_EQ(Written(ClientHelloAnswer()), decision + "client_hello { } ");
  EXPECT_EQ(Written(OcspStapleAnswer{"O", absl::Seconds(60)}),
            decision +
                "ocsp_staple { ocsp_response: \"O\" reuse_for { seconds: 60 } "
                "} ");
  EXPECT_EQ(Written(OcspStapleAnswer()), decision + "ocsp_staple { } ");
  EXPECT_EQ(Written(SessionLookupAnswer{"S"}),
            decision + "session_lookup { session: \"S\" } ");
  EXPECT_EQ(Written(SessionStoreAnswer()), decision + "session_store { } ");
  EXPECT_EQ(Written(VerifyPeerAnswer{.accept = true}),
            decision + "verify_peer { accept: true } ");
  EXPECT_EQ(Written(VerifyPeerAnswer{.alert = "certificate_revoked"}),
            decision + "verify_peer { alert: \"certificate_revoked\" } ");
  EXPECT_EQ(Written(SignAnswer{"S"}), decision + "sign { signature: \"S\" } ");
}

TEST(ConvertDecisionTest, WritesWhichDecisionsAreWanted) {
  const v1::HandlerRegistration registration = ToProto(HandlerOptions{
      {DecisionType::kClientHello, DecisionType::kSign}, {"listeners/l"}, 7});
  EXPECT_THAT(registration.types(), ElementsAre(v1::DECISION_TYPE_CLIENT_HELLO,
                                                v1::DECISION_TYPE_SIGN));
  EXPECT_THAT(registration.subjects(), ElementsAre("listeners/l"));
  EXPECT_EQ(registration.max_pending(), 7);

  const v1::WaitDecisionRequest request = ToProto(WaitDecisionOptions{
      {DecisionType::kVerifyPeer}, {"secureContexts/s"}, absl::Seconds(3)});
  EXPECT_THAT(request.types(), ElementsAre(v1::DECISION_TYPE_VERIFY_PEER));
  EXPECT_THAT(request.subjects(), ElementsAre("secureContexts/s"));
  EXPECT_EQ(request.timeout().seconds(), 3);
}

TEST(ConvertDecisionTest, WantsAllDecisionsForEverByDefault) {
  EXPECT_EQ(ToProto(HandlerOptions()).ByteSizeLong(), 0u);
  EXPECT_EQ(ToProto(WaitDecisionOptions()).ByteSizeLong(), 0u);
}

TEST(ConvertDecisionTest, ReadsAFailureAsAStatus) {
  const absl::Status status = StatusFromProto(Parse<v1::Failure>(R"pb(
    reason: "ALPN_INVALID"
    message: "h3: not offered"
    metadata { key: "got" value: "h3" }
  )pb"));

  EXPECT_TRUE(HasReason(status, Reason::kAlpnInvalid));
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(status.message(), "h3: not offered");
  EXPECT_EQ(GetErrorDetail(status)->metadata.at("got"), "h3");
}

TEST(ConvertDecisionTest, ReadsAFailureOfANewerDaemonWithoutItsReason) {
  const absl::Status status =
      StatusFromProto(Parse<v1::Failure>(R"pb(reason: "NEW" message: "m")pb"));

  EXPECT_FALSE(status.ok());
  EXPECT_EQ(status.message(), "m");
  EXPECT_FALSE(GetErrorDetail(status).has_value());
}

}  // namespace
}  // namespace tlsd::client
