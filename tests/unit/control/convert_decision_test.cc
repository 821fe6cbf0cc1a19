#include "server/control/convert_decision.h"

#include <memory>
#include <string>
#include <utility>
#include <variant>

#include "absl/strings/str_cat.h"
#include "absl/time/clock.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "server/tls/development_authority.h"
#include "tests/testing/status_matchers.h"

namespace tlsd::control {
namespace {

using ::testing::ElementsAre;
using testing::FailsWith;
using ::testing::IsEmpty;
using testing::IsOk;
using tls::HookType;

const absl::Time kTime = absl::FromUnixSeconds(1'000'000);

v1::Decision Written(tls::Question question) {
  worker::Decision decision;
  decision.name = "decisions/d-1";
  decision.question =
      std::make_shared<const tls::Question>(std::move(question));
  decision.connection = "connections/c-1-0";
  decision.listener = "listeners/l1";
  decision.secure_context = "secureContexts/web";
  decision.local_address.port = 443;
  decision.remote_address.port = 9;
  decision.server_name = "a.test";
  decision.create_time = kTime;
  decision.expire_time = kTime + absl::Seconds(5);
  v1::Decision proto;
  ToProto(decision, proto);
  return proto;
}

TEST(ConvertDecisionTest, WritesWhatAllDecisionsHave) {
  const v1::Decision proto = Written(tls::SessionLookupQuestion{"id"});

  EXPECT_EQ(proto.name(), "decisions/d-1");
  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_SESSION_LOOKUP);
  EXPECT_EQ(proto.connection(), "connections/c-1-0");
  EXPECT_EQ(proto.listener(), "listeners/l1");
  EXPECT_EQ(proto.secure_context(), "secureContexts/web");
  EXPECT_EQ(proto.role(), v1::ROLE_SERVER);
  EXPECT_EQ(proto.local_address().port(), 443);
  EXPECT_EQ(proto.remote_address().port(), 9);
  EXPECT_EQ(proto.server_name(), "a.test");
  EXPECT_EQ(proto.create_time().seconds(), 1'000'000);
  EXPECT_EQ(proto.expire_time().seconds(), 1'000'005);
  EXPECT_EQ(proto.session_lookup().session_id(), "id");
}

TEST(ConvertDecisionTest, WritesTheRoleOfAClient) {
  worker::Decision decision;
  decision.question =
      std::make_shared<const tls::Question>(tls::SignQuestion());
  decision.role = tls::Role::kClient;
  v1::Decision proto;
  ToProto(decision, proto);

  EXPECT_EQ(proto.role(), v1::ROLE_CLIENT);
}

TEST(ConvertDecisionTest, WritesAClientHello) {
  tls::ClientHelloFacts facts;
  facts.alpn_protocols = {"h2", "\xff\x01"};
  facts.versions = {"TLSv1.3", "0x0305"};
  facts.cipher_suites = {"TLS_AES_128_GCM_SHA256"};
  facts.groups = {"X25519"};
  facts.signature_algorithms = {"ecdsa_secp256r1_sha256"};
  facts.extensions = {0, 0xff01};
  facts.raw = std::string("\x03\x03\0\xff", 4);
  facts.ja3 = "771,4865";
  facts.ja3_hash = "d41d8cd9";
  facts.ja4 = "t13d1516h2";
  const v1::Decision proto = Written(facts);

  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_CLIENT_HELLO);
  const v1::ClientHelloQuestion& hello = proto.client_hello();
  EXPECT_THAT(hello.alpn_protocols(), ElementsAre("h2", "\\xff\\x01"));
  EXPECT_THAT(hello.versions(), ElementsAre("TLSv1.3", "0x0305"));
  EXPECT_THAT(hello.cipher_suites(), ElementsAre("TLS_AES_128_GCM_SHA256"));
  EXPECT_THAT(hello.groups(), ElementsAre("X25519"));
  EXPECT_THAT(hello.signature_algorithms(),
              ElementsAre("ecdsa_secp256r1_sha256"));
  EXPECT_THAT(hello.extensions(), ElementsAre(0u, 0xff01u));
  EXPECT_EQ(hello.raw(), facts.raw);
  EXPECT_EQ(hello.ja3(), "771,4865");
  EXPECT_EQ(hello.ja3_hash(), "d41d8cd9");
  EXPECT_EQ(hello.ja4(), "t13d1516h2");
}

TEST(ConvertDecisionTest, WritesAnOcspStaple) {
  const v1::Decision proto = Written(
      tls::OcspStapleQuestion{"\x30\xff", "\x30\xfe", {"http://ocsp.test"}});

  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_OCSP_STAPLE);
  EXPECT_EQ(proto.ocsp_staple().certificate(), "\x30\xff");
  EXPECT_EQ(proto.ocsp_staple().issuer(), "\x30\xfe");
  EXPECT_THAT(proto.ocsp_staple().ocsp_urls(), ElementsAre("http://ocsp.test"));
}

TEST(ConvertDecisionTest, WritesSessionsToStore) {
  const v1::Decision proto = Written(tls::SessionStoreQuestion{
      {{"id1", "\xff secret", absl::Seconds(300), true},
       {"id2", "other", absl::Seconds(7), false}}});

  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_SESSION_STORE);
  ASSERT_EQ(proto.session_store().sessions_size(), 2);
  const v1::StoredSession& first = proto.session_store().sessions(0);
  EXPECT_EQ(first.session_id(), "id1");
  EXPECT_EQ(first.session(), "\xff secret");
  EXPECT_EQ(first.lifetime().seconds(), 300);
  EXPECT_TRUE(first.single_use());
  EXPECT_EQ(proto.session_store().sessions(1).session_id(), "id2");
  EXPECT_FALSE(proto.session_store().sessions(1).single_use());
}

TEST(ConvertDecisionTest, WritesAPeerToVerify) {
  tls::VerifyPeerQuestion question;
  question.certificates = {"\x30\xff", "\x30\xfe"};
  question.authorized = true;
  question.authorization_error = "CERT_HAS_EXPIRED";
  question.authorization_error_text = "certificate has expired";
  question.chain = {"\x30\xff"};
  question.ocsp_response.emplace();
  question.ocsp_response->certificate_status = "good";
  question.expected_name = "a.test";
  question.resumed = true;
  const v1::Decision proto = Written(question);

  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_VERIFY_PEER);
  const v1::VerifyPeerQuestion& verify = proto.verify_peer();
  EXPECT_THAT(verify.certificates(), ElementsAre("\x30\xff", "\x30\xfe"));
  EXPECT_TRUE(verify.authorized());
  EXPECT_EQ(verify.authorization_error(), "CERT_HAS_EXPIRED");
  EXPECT_EQ(verify.authorization_error_text(), "certificate has expired");
  EXPECT_THAT(verify.chain(), ElementsAre("\x30\xff"));
  EXPECT_EQ(verify.ocsp_response().certificate_status(), "good");
  EXPECT_EQ(verify.expected_name(), "a.test");
  EXPECT_TRUE(verify.resumed());
  EXPECT_FALSE(
      Written(tls::VerifyPeerQuestion()).verify_peer().has_ocsp_response());
}

TEST(ConvertDecisionTest, WritesWhatToSign) {
  const v1::Decision proto =
      Written(tls::SignQuestion{0x0804, "\xff input", ""});

  EXPECT_EQ(proto.type(), v1::DECISION_TYPE_SIGN);
  EXPECT_EQ(proto.sign().algorithm(), "rsa_pss_rsae_sha256");
  EXPECT_EQ(proto.sign().input(), "\xff input");
  EXPECT_EQ(proto.sign().public_key(), "");
  // FIPS 180-4: the digest of nothing.
  EXPECT_EQ(proto.sign().public_key_pin(),
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=");
}

class ToAnswerTest : public ::testing::Test {
 protected:
  // Adds "secureContexts/`id`".
  std::shared_ptr<const tls::SecureContext> AddContext(const std::string& id,
                                                       bool has_credentials) {
    worker::ContextParts parts;
    if (has_credentials) {
      tls::DevelopmentCredentials credentials;
      credentials.server_names = {"a.test"};
      parts.options.credentials = {credentials};
    }
    parts.secure_context =
        tls::SecureContext::Create(parts.options, authority_, absl::Now())
            .value();
    return contexts_.Add(id, std::move(parts)).value()->secure_context;
  }

  tls::DevelopmentAuthority authority_;
  worker::ContextTable contexts_;
  v1::DecisionAnswer proto_;
};

TEST_F(ToAnswerTest, ReadsAClientHello) {
  const auto web = AddContext("web", /*has_credentials=*/true);
  v1::ClientHelloAnswer& hello = *proto_.mutable_client_hello();
  hello.set_secure_context("secureContexts/web");
  hello.set_alpn_protocol("h2");
  hello.set_client_certificate_mode(v1::CLIENT_CERTIFICATE_MODE_REQUEST);

  ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
  const auto& read = std::get<tls::ClientHelloAnswer>(answer);
  EXPECT_EQ(read.context.name, "secureContexts/web");
  EXPECT_EQ(read.context.context, web);
  EXPECT_EQ(read.alpn_protocol, "h2");
  EXPECT_EQ(read.client_certificate_mode, tls::ClientCertificateMode::kRequest);
}

TEST_F(ToAnswerTest, ReadsAClientHelloThatLeavesAllToOthers) {
  proto_.mutable_client_hello();

  ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
  const auto& read = std::get<tls::ClientHelloAnswer>(answer);
  EXPECT_EQ(read.context.name, "");
  EXPECT_EQ(read.context.context, nullptr);
  EXPECT_EQ(read.alpn_protocol, "");
  EXPECT_FALSE(read.client_certificate_mode.has_value());
}

TEST_F(ToAnswerTest, ReadsEveryClientCertificateMode) {
  using Mode = tls::ClientCertificateMode;
  for (const auto& [proto, mode] :
       {std::pair{v1::CLIENT_CERTIFICATE_MODE_NONE, Mode::kNone},
        std::pair{v1::CLIENT_CERTIFICATE_MODE_REQUIRE, Mode::kRequire}}) {
    proto_.mutable_client_hello()->set_client_certificate_mode(proto);
    ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
    EXPECT_EQ(std::get<tls::ClientHelloAnswer>(answer).client_certificate_mode,
              mode);
  }
  proto_.mutable_client_hello()->set_client_certificate_mode(
      static_cast<v1::ClientCertificateMode>(9));
  EXPECT_THAT(
      ToAnswer(proto_, contexts_),
      FailsWith(Reason::kFieldInvalid, "client_hello.client_certificate_mode"));
}

TEST_F(ToAnswerTest, RefusesContextsThatCannotServe) {
  AddContext("bare", /*has_credentials=*/false);
  std::string& name = *proto_.mutable_client_hello()->mutable_secure_context();

  name = "secureContexts/bare";
  EXPECT_THAT(
      ToAnswer(proto_, contexts_),
      FailsWith(Reason::kCredentialsRequired, "client_hello.secure_context"));
  name = "secureContexts/none";
  EXPECT_THAT(ToAnswer(proto_, contexts_), FailsWith(Reason::kContextNotFound));
  name = "listeners/l1";
  EXPECT_THAT(ToAnswer(proto_, contexts_),
              FailsWith(Reason::kNameInvalid, "client_hello.secure_context"));
}

TEST_F(ToAnswerTest, ReadsAnOcspStaple) {
  proto_.mutable_ocsp_staple()->set_ocsp_response("\x30\xff");
  proto_.mutable_ocsp_staple()->mutable_reuse_for()->set_seconds(604800);

  ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
  EXPECT_EQ(std::get<tls::OcspStapleAnswer>(answer).response, "\x30\xff");
  EXPECT_EQ(std::get<tls::OcspStapleAnswer>(answer).reuse_for,
            absl::Hours(7 * 24));
}

TEST_F(ToAnswerTest, RefusesToReuseAStapleForTooLong) {
  for (const int64_t seconds : {604801, -1}) {
    proto_.mutable_ocsp_staple()->mutable_reuse_for()->set_seconds(seconds);
    EXPECT_THAT(ToAnswer(proto_, contexts_),
                FailsWith(Reason::kFieldInvalid, "ocsp_staple.reuse_for"));
  }
}

TEST_F(ToAnswerTest, ReadsSessions) {
  proto_.mutable_session_lookup()->set_session("\xff session");
  ASSERT_OK_AND_ASSIGN(const tls::Answer found, ToAnswer(proto_, contexts_));
  EXPECT_EQ(std::get<tls::SessionLookupAnswer>(found).session, "\xff session");

  proto_.mutable_session_store();
  ASSERT_OK_AND_ASSIGN(const tls::Answer stored, ToAnswer(proto_, contexts_));
  EXPECT_TRUE(std::holds_alternative<tls::SessionStoreAnswer>(stored));
}

TEST_F(ToAnswerTest, ReadsAVerdict) {
  proto_.mutable_verify_peer()->set_accept(true);
  ASSERT_OK_AND_ASSIGN(const tls::Answer yes, ToAnswer(proto_, contexts_));
  EXPECT_TRUE(std::get<tls::VerifyPeerAnswer>(yes).accept);

  proto_.mutable_verify_peer()->set_accept(false);
  ASSERT_OK_AND_ASSIGN(const tls::Answer no, ToAnswer(proto_, contexts_));
  EXPECT_FALSE(std::get<tls::VerifyPeerAnswer>(no).accept);
  // certificate_unknown (RFC 8446 section 6).
  EXPECT_EQ(std::get<tls::VerifyPeerAnswer>(no).alert, 46);

  proto_.mutable_verify_peer()->set_alert("certificate_revoked");
  ASSERT_OK_AND_ASSIGN(const tls::Answer gone, ToAnswer(proto_, contexts_));
  EXPECT_EQ(std::get<tls::VerifyPeerAnswer>(gone).alert, 44);
}

TEST_F(ToAnswerTest, ReadsASignature) {
  proto_.mutable_sign()->set_signature("\xff signature");

  ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
  EXPECT_EQ(std::get<tls::SignAnswer>(answer).signature, "\xff signature");
}

TEST_F(ToAnswerTest, ReadsARefusal) {
  proto_.mutable_refuse();
  ASSERT_OK_AND_ASSIGN(const tls::Answer plain, ToAnswer(proto_, contexts_));
  // handshake_failure (RFC 8446 section 6).
  EXPECT_EQ(std::get<tls::Refusal>(plain).alert, 40);

  proto_.mutable_refuse()->set_alert("access_denied");
  ASSERT_OK_AND_ASSIGN(const tls::Answer denied, ToAnswer(proto_, contexts_));
  EXPECT_EQ(std::get<tls::Refusal>(denied).alert, 49);
}

TEST_F(ToAnswerTest, RefusesAlertsThatEndNothing) {
  for (const char* alert :
       {"no_such_alert", "Access_Denied", "49", "close_notify", "user_canceled",
        "no_renegotiation"}) {
    proto_.mutable_refuse()->set_alert(alert);
    EXPECT_THAT(ToAnswer(proto_, contexts_),
                FailsWith(Reason::kFieldInvalid, "refuse.alert"));
    proto_.mutable_verify_peer()->set_alert(alert);
    EXPECT_THAT(ToAnswer(proto_, contexts_),
                FailsWith(Reason::kFieldInvalid, "verify_peer.alert"));
  }
}

TEST_F(ToAnswerTest, ReadsNoOpinion) {
  proto_.mutable_no_opinion();

  ASSERT_OK_AND_ASSIGN(const tls::Answer answer, ToAnswer(proto_, contexts_));
  EXPECT_TRUE(std::holds_alternative<tls::NoOpinion>(answer));
}

TEST_F(ToAnswerTest, RefusesToSayNothing) {
  EXPECT_THAT(ToAnswer(proto_, contexts_),
              FailsWith(Reason::kFieldRequired, "answer"));
}

TEST(ToDecisionFilterTest, ReadsTypesAndSubjects) {
  v1::HandlerRegistration proto;
  proto.add_types(v1::DECISION_TYPE_SIGN);
  proto.add_types(v1::DECISION_TYPE_CLIENT_HELLO);
  proto.add_subjects("listeners/l1");
  proto.add_subjects("secureContexts/web");

  ASSERT_OK_AND_ASSIGN(const worker::DecisionFilter filter,
                       ToDecisionFilter(proto.types(), proto.subjects()));
  EXPECT_THAT(filter.types,
              ElementsAre(HookType::kSign, HookType::kClientHello));
  EXPECT_THAT(filter.subjects,
              ElementsAre("listeners/l1", "secureContexts/web"));
}

TEST(ToDecisionFilterTest, ReadsNothingAsAll) {
  const v1::HandlerRegistration proto;

  ASSERT_OK_AND_ASSIGN(const worker::DecisionFilter filter,
                       ToDecisionFilter(proto.types(), proto.subjects()));
  EXPECT_THAT(filter.types, IsEmpty());
  EXPECT_THAT(filter.subjects, IsEmpty());
}

TEST(ToDecisionFilterTest, RefusesWhatIsNoTypeAndNoName) {
  v1::HandlerRegistration types;
  types.add_types(v1::DECISION_TYPE_UNSPECIFIED);
  EXPECT_THAT(ToDecisionFilter(types.types(), types.subjects()),
              FailsWith(Reason::kFieldInvalid, "types"));

  for (const char* name : {"connections/c-1-0", "listeners/", "l1"}) {
    v1::HandlerRegistration subjects;
    subjects.add_subjects(name);
    EXPECT_THAT(ToDecisionFilter(subjects.types(), subjects.subjects()),
                FailsWith(Reason::kNameInvalid, "subjects"));
  }
}

TEST(ToDecisionFilterTest, RefusesMoreThanAHundredSubjects) {
  v1::HandlerRegistration proto;
  for (int i = 0; i < 100; ++i) {
    proto.add_subjects(absl::StrCat("listeners/l", i));
  }
  EXPECT_THAT(ToDecisionFilter(proto.types(), proto.subjects()), IsOk());

  proto.add_subjects("listeners/beyond");
  EXPECT_THAT(ToDecisionFilter(proto.types(), proto.subjects()),
              FailsWith(Reason::kFieldInvalid, "subjects"));
}

TEST(WipeSecretsTest, OverwritesSessions) {
  const std::string secret = "the secret of a session";
  v1::Decision decision =
      Written(tls::SessionStoreQuestion{{{"id", secret, {}, false}}});
  WipeSecrets(decision);
  EXPECT_EQ(decision.session_store().sessions(0).session().find("secret"),
            std::string::npos);

  v1::DecisionAnswer answer;
  answer.mutable_session_lookup()->set_session(secret);
  WipeSecrets(answer);
  EXPECT_EQ(answer.session_lookup().session().find("secret"),
            std::string::npos);
}

TEST(WipeSecretsTest, LeavesTheRestAlone) {
  v1::Decision decision = Written(tls::SignQuestion{0x0804, "input", "key"});
  WipeSecrets(decision);
  EXPECT_EQ(decision.sign().input(), "input");

  v1::DecisionAnswer answer;
  answer.mutable_sign()->set_signature("signature");
  WipeSecrets(answer);
  EXPECT_EQ(answer.sign().signature(), "signature");
}

}  // namespace
}  // namespace tlsd::control
