#include "server/tls/question.h"

#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/certificate.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/test_identities.h"
#include "tests/testing/test_ocsp_response.h"

namespace tlsd::tls {
namespace {

using ::testing::HasSubstr;
using ::tlsd::testing::FailsWith;
using ::tlsd::testing::IntermediateIdentity;
using ::tlsd::testing::IsOk;
using ::tlsd::testing::OcspResponseDer;
using ::tlsd::testing::ServerIdentity;

// QuestionOf returns one of `type`, to which AnswerTo is an answer that will
// do.
Question QuestionOf(HookType type) {
  switch (type) {
    case HookType::kClientHello:
      return ClientHelloFacts();
    case HookType::kOcspStaple:
      return OcspStapleQuestion();
    case HookType::kSessionLookup:
      return SessionLookupQuestion();
    case HookType::kSessionStore:
      return SessionStoreQuestion();
    case HookType::kVerifyPeer:
      return VerifyPeerQuestion();
    case HookType::kSign:
      break;
  }
  SignQuestion question;
  question.algorithm = SSL_SIGN_ECDSA_SECP256R1_SHA256;
  question.input = "input";
  question.public_key =
      DescribeCertificate(ServerIdentity().certificate()).public_key_der;
  return question;
}

SignAnswer Sign(absl::string_view input) {
  bssl::ScopedEVP_MD_CTX context;
  SignAnswer answer;
  answer.signature.resize(EVP_PKEY_size(ServerIdentity().key()));
  size_t size = answer.signature.size();
  EXPECT_TRUE(EVP_DigestSignInit(context.get(), nullptr, EVP_sha256(), nullptr,
                                 ServerIdentity().key()));
  EXPECT_TRUE(EVP_DigestSign(
      context.get(), reinterpret_cast<uint8_t*>(answer.signature.data()), &size,
      reinterpret_cast<const uint8_t*>(input.data()), input.size()));
  answer.signature.resize(size);
  return answer;
}

Answer AnswerTo(HookType type) {
  switch (type) {
    case HookType::kClientHello:
      return ClientHelloAnswer();
    case HookType::kOcspStaple:
      return OcspStapleAnswer();
    case HookType::kSessionLookup:
      return SessionLookupAnswer();
    case HookType::kSessionStore:
      return SessionStoreAnswer();
    case HookType::kVerifyPeer:
      return VerifyPeerAnswer();
    case HookType::kSign:
      break;
  }
  return Sign("input");
}

const std::vector<std::pair<HookType, std::string>>& Kinds() {
  static const auto& kinds = *new std::vector<std::pair<HookType, std::string>>{
      {HookType::kClientHello, "client_hello"},
      {HookType::kOcspStaple, "ocsp_staple"},
      {HookType::kSessionLookup, "session_lookup"},
      {HookType::kSessionStore, "session_store"},
      {HookType::kVerifyPeer, "verify_peer"},
      {HookType::kSign, "sign"},
  };
  return kinds;
}

TEST(QuestionTest, IsOfTheTypeOfItsHook) {
  for (const auto& [type, name] : Kinds()) {
    EXPECT_EQ(TypeOf(QuestionOf(type)), type) << name;
  }
}

TEST(QuestionTest, TakesAnswersOfItsKindAlone) {
  for (const auto& [asked, asked_name] : Kinds()) {
    for (const auto& [said, said_name] : Kinds()) {
      const absl::Status status =
          CheckAnswer(QuestionOf(asked), AnswerTo(said));
      if (asked == said) {
        EXPECT_THAT(status, IsOk()) << asked_name;
        continue;
      }
      EXPECT_THAT(status, FailsWith(Reason::kDecisionAnswerInvalid, "answer"));
      EXPECT_THAT(std::string(status.message()),
                  HasSubstr(absl::StrCat("got \"", said_name, "\"; allowed: ",
                                         asked_name, ", refuse")));
    }
  }
}

TEST(QuestionTest, TakesARefusalAlways) {
  for (const auto& [type, name] : Kinds()) {
    EXPECT_THAT(CheckAnswer(QuestionOf(type), Refusal()), IsOk()) << name;
  }
}

TEST(QuestionTest, TakesNoOpinionUnlessItIsToSign) {
  for (const auto& [type, name] : Kinds()) {
    const absl::Status status = CheckAnswer(QuestionOf(type), NoOpinion());
    if (type != HookType::kSign) {
      EXPECT_THAT(status, IsOk()) << name;
      continue;
    }
    EXPECT_THAT(status, FailsWith(Reason::kDecisionAnswerInvalid, "answer"));
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("got \"no_opinion\"; allowed: sign, refuse ["));
  }
}

TEST(QuestionTest, NamesAllThatIsAllowed) {
  EXPECT_THAT(
      std::string(
          CheckAnswer(ClientHelloFacts(), VerifyPeerAnswer()).message()),
      HasSubstr("answer: got \"verify_peer\"; allowed: client_hello, refuse, "
                "no_opinion ["));
}

TEST(QuestionTest, TakesAProtocolThatTheClientOffers) {
  ClientHelloFacts question;
  question.alpn_protocols = {"h2", "http/1.1"};
  ClientHelloAnswer answer;
  for (const char* protocol : {"h2", "http/1.1", ""}) {
    answer.alpn_protocol = protocol;
    EXPECT_THAT(CheckAnswer(question, answer), IsOk()) << protocol;
  }
  for (const char* protocol : {"h3", "H2", "http", "h2, http/1.1"}) {
    answer.alpn_protocol = protocol;
    const absl::Status status = CheckAnswer(question, answer);
    EXPECT_THAT(status,
                FailsWith(Reason::kAlpnInvalid, "client_hello.alpn_protocol"))
        << protocol;
    EXPECT_THAT(std::string(status.message()),
                HasSubstr("allowed: what the client offers, \"h2, http/1.1\""));
  }
  answer.alpn_protocol = "h2";
  EXPECT_THAT(CheckAnswer(ClientHelloFacts(), answer),
              FailsWith(Reason::kAlpnInvalid, "client_hello.alpn_protocol"));
}

// Protocols are the peer's bytes.
TEST(QuestionTest, ShowsProtocolsEscapedAndCut) {
  ClientHelloFacts question;
  question.alpn_protocols.push_back("\n");
  for (int i = 0; i < 1000; ++i) question.alpn_protocols.push_back("http/1.1");
  ClientHelloAnswer answer;
  answer.alpn_protocol = "h2";

  const absl::Status status = CheckAnswer(question, answer);

  EXPECT_THAT(std::string(status.message()), HasSubstr("\"\\n, http/1.1"));
  EXPECT_LT(status.message().size(), 300u);
}

TEST(QuestionTest, TakesAStapleThatIsOne) {
  OcspStapleAnswer answer;
  answer.response =
      OcspResponseDer(IntermediateIdentity(), {&ServerIdentity()});
  EXPECT_THAT(CheckAnswer(OcspStapleQuestion(), answer), IsOk());

  answer.response += "1";
  EXPECT_THAT(
      CheckAnswer(OcspStapleQuestion(), answer),
      FailsWith(Reason::kOcspResponseInvalid, "ocsp_staple.ocsp_response"));
}

TEST(QuestionTest, BoundsHowLongAStapleIsReused) {
  OcspStapleAnswer answer;
  const absl::Duration week = absl::Hours(7 * 24);
  for (const absl::Duration duration :
       {absl::ZeroDuration(), absl::Nanoseconds(1), week}) {
    answer.reuse_for = duration;
    EXPECT_THAT(CheckAnswer(OcspStapleQuestion(), answer), IsOk()) << duration;
  }
  for (const absl::Duration duration :
       {-absl::Nanoseconds(1), -absl::InfiniteDuration(),
        week + absl::Nanoseconds(1), absl::InfiniteDuration()}) {
    answer.reuse_for = duration;
    EXPECT_THAT(CheckAnswer(OcspStapleQuestion(), answer),
                FailsWith(Reason::kFieldInvalid, "ocsp_staple.reuse_for"))
        << duration;
  }
}

TEST(QuestionTest, ChecksSignatures) {
  const Question question = QuestionOf(HookType::kSign);
  EXPECT_THAT(CheckAnswer(question, Sign("input")), IsOk());
  EXPECT_THAT(CheckAnswer(question, Sign("another")),
              FailsWith(Reason::kDecisionAnswerInvalid, "sign.signature"));
  EXPECT_THAT(CheckAnswer(question, SignAnswer()),
              FailsWith(Reason::kDecisionAnswerInvalid, "sign.signature"));
}

}  // namespace
}  // namespace tlsd::tls
