#include "server/control/convert_decision.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

#include "absl/algorithm/container.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/names.h"
#include "server/base/secret.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"
#include "server/control/secure_context_options.h"
#include "server/tls/sha256.h"
#include "server/tls/signature_algorithms.h"
#include "server/tls/ssl_error.h"

namespace tlsd::control {
namespace {

constexpr int kSubjectCountMax = 100;
constexpr absl::Duration kReuseMax = absl::Hours(24 * 7);

// What has these alerts goes on, or has ended well (RFC 8446 section 6.1).
constexpr absl::string_view kAlertsWithoutFailure[] = {
    "close_notify", "user_canceled", "no_renegotiation"};

void ToTexts(const std::vector<std::string>& texts,
             google::protobuf::RepeatedPtrField<std::string>& proto) {
  for (const std::string& text : texts) *proto.Add() = ToText(text);
}

void ToBytes(const std::vector<std::string>& items,
             google::protobuf::RepeatedPtrField<std::string>& proto) {
  proto.Assign(items.begin(), items.end());
}

void QuestionToProto(const tls::ClientHelloFacts& facts, v1::Decision& proto) {
  v1::ClientHelloQuestion& to = *proto.mutable_client_hello();
  ToTexts(facts.alpn_protocols, *to.mutable_alpn_protocols());
  ToTexts(facts.versions, *to.mutable_versions());
  ToTexts(facts.cipher_suites, *to.mutable_cipher_suites());
  ToTexts(facts.groups, *to.mutable_groups());
  ToTexts(facts.signature_algorithms, *to.mutable_signature_algorithms());
  to.mutable_extensions()->Assign(facts.extensions.begin(),
                                  facts.extensions.end());
  to.set_raw(facts.raw);
  to.set_ja3(facts.ja3);
  to.set_ja3_hash(facts.ja3_hash);
  to.set_ja4(ToText(facts.ja4));
}

void QuestionToProto(const tls::OcspStapleQuestion& question,
                     v1::Decision& proto) {
  v1::OcspStapleQuestion& to = *proto.mutable_ocsp_staple();
  to.set_certificate(question.certificate);
  to.set_issuer(question.issuer);
  ToTexts(question.ocsp_urls, *to.mutable_ocsp_urls());
}

void QuestionToProto(const tls::SessionLookupQuestion& question,
                     v1::Decision& proto) {
  proto.mutable_session_lookup()->set_session_id(question.session_id);
}

void QuestionToProto(const tls::SessionStoreQuestion& question,
                     v1::Decision& proto) {
  v1::SessionStoreQuestion& to = *proto.mutable_session_store();
  for (const tls::StoredSession& session : question.sessions) {
    v1::StoredSession& added = *to.add_sessions();
    added.set_session_id(session.session_id);
    added.set_session(session.session);
    ToProto(session.lifetime, *added.mutable_lifetime());
    added.set_single_use(session.single_use);
  }
}

void QuestionToProto(const tls::VerifyPeerQuestion& question,
                     v1::Decision& proto) {
  v1::VerifyPeerQuestion& to = *proto.mutable_verify_peer();
  ToBytes(question.certificates, *to.mutable_certificates());
  to.set_authorized(question.authorized);
  to.set_authorization_error(question.authorization_error);
  to.set_authorization_error_text(ToText(question.authorization_error_text));
  ToBytes(question.chain, *to.mutable_chain());
  if (question.ocsp_response.has_value()) {
    ToProto(*question.ocsp_response, *to.mutable_ocsp_response());
  }
  to.set_expected_name(question.expected_name);
  to.set_resumed(question.resumed);
}

void QuestionToProto(const tls::SignQuestion& question, v1::Decision& proto) {
  v1::SignQuestion& to = *proto.mutable_sign();
  to.set_algorithm(
      std::string(tls::SignatureAlgorithmName(question.algorithm)));
  to.set_input(question.input);
  to.set_public_key(question.public_key);
  to.set_public_key_pin(absl::Base64Escape(tls::Sha256(question.public_key)));
}

// SetAlert reads the name of an alert, if there is one.
absl::Status SetAlert(absl::string_view field, const std::string& name,
                      uint8_t& alert) {
  if (name.empty()) return absl::OkStatus();
  const std::optional<uint8_t> number = tls::AlertNumber(name);
  if (!number.has_value() ||
      absl::c_linear_search(kAlertsWithoutFailure, name)) {
    return FieldError(Reason::kFieldInvalid, field, name,
                      "a fatal alert as the IANA names it, e.g. "
                      "\"access_denied\"");
  }
  alert = *number;
  return absl::OkStatus();
}

absl::StatusOr<tls::NamedContext> ToContext(
    const std::string& name, const worker::ContextTable& contexts) {
  constexpr absl::string_view kField = "client_hello.secure_context";
  TLSD_RETURN_IF_ERROR(base::CheckName(kField, base::kSecureContexts, name));
  TLSD_ASSIGN_OR_RETURN(
      const std::shared_ptr<const worker::ContextRecord> record,
      contexts.Get(name));
  if (!record->secure_context->has_credentials()) {
    return FieldError(Reason::kCredentialsRequired, kField, name,
                      "a context with a certificate and its key");
  }
  return tls::NamedContext{record->name, record->secure_context};
}

absl::StatusOr<tls::Answer> ToAnswer(const v1::ClientHelloAnswer& proto,
                                     const worker::ContextTable& contexts) {
  tls::ClientHelloAnswer answer;
  if (!proto.secure_context().empty()) {
    TLSD_ASSIGN_OR_RETURN(answer.context,
                          ToContext(proto.secure_context(), contexts));
  }
  answer.alpn_protocol = proto.alpn_protocol();
  TLSD_ASSIGN_OR_RETURN(
      answer.client_certificate_mode,
      ToClientCertificateMode("client_hello.client_certificate_mode",
                              proto.client_certificate_mode()));
  return tls::Answer(std::move(answer));
}

absl::StatusOr<tls::Answer> ToAnswer(const v1::OcspStapleAnswer& proto) {
  tls::OcspStapleAnswer answer;
  answer.response = proto.ocsp_response();
  TLSD_ASSIGN_OR_RETURN(answer.reuse_for,
                        ToDuration("ocsp_staple.reuse_for", proto.reuse_for(),
                                   absl::ZeroDuration(), kReuseMax));
  return tls::Answer(std::move(answer));
}

absl::StatusOr<tls::Answer> ToAnswer(const v1::VerifyPeerAnswer& proto) {
  tls::VerifyPeerAnswer answer;
  answer.accept = proto.accept();
  TLSD_RETURN_IF_ERROR(
      SetAlert("verify_peer.alert", proto.alert(), answer.alert));
  return tls::Answer(answer);
}

absl::StatusOr<tls::Answer> ToAnswer(const v1::Refusal& proto) {
  tls::Refusal refusal;
  TLSD_RETURN_IF_ERROR(SetAlert("refuse.alert", proto.alert(), refusal.alert));
  return tls::Answer(refusal);
}

// The collection that `subject` seems to be of.
absl::string_view CollectionOf(absl::string_view subject) {
  return absl::StartsWith(subject, base::kSecureContexts)
             ? base::kSecureContexts
             : base::kListeners;
}

}  // namespace

void ToProto(const worker::Decision& decision, v1::Decision& proto) {
  proto.set_name(decision.name);
  proto.set_type(ToProto(decision.type()));
  proto.set_connection(decision.connection);
  proto.set_listener(decision.listener);
  proto.set_secure_context(decision.secure_context);
  proto.set_role(ToProto(decision.role));
  ToProto(decision.local_address, *proto.mutable_local_address());
  ToProto(decision.remote_address, *proto.mutable_remote_address());
  proto.set_server_name(ToText(decision.server_name));
  ToProto(decision.create_time, *proto.mutable_create_time());
  ToProto(decision.expire_time, *proto.mutable_expire_time());
  std::visit([&](const auto& question) { QuestionToProto(question, proto); },
             *decision.question);
}

absl::StatusOr<tls::Answer> ToAnswer(const v1::DecisionAnswer& proto,
                                     const worker::ContextTable& contexts) {
  switch (proto.answer_case()) {
    case v1::DecisionAnswer::kClientHello:
      return ToAnswer(proto.client_hello(), contexts);
    case v1::DecisionAnswer::kOcspStaple:
      return ToAnswer(proto.ocsp_staple());
    case v1::DecisionAnswer::kSessionLookup:
      return tls::Answer(
          tls::SessionLookupAnswer{proto.session_lookup().session()});
    case v1::DecisionAnswer::kSessionStore:
      return tls::Answer(tls::SessionStoreAnswer());
    case v1::DecisionAnswer::kVerifyPeer:
      return ToAnswer(proto.verify_peer());
    case v1::DecisionAnswer::kSign:
      return tls::Answer(tls::SignAnswer{proto.sign().signature()});
    case v1::DecisionAnswer::kRefuse:
      return ToAnswer(proto.refuse());
    case v1::DecisionAnswer::kNoOpinion:
      return tls::Answer(tls::NoOpinion());
    case v1::DecisionAnswer::ANSWER_NOT_SET:
      break;
  }
  return FieldRequired("answer");
}

absl::StatusOr<worker::DecisionFilter> ToDecisionFilter(
    const google::protobuf::RepeatedField<int>& types,
    const google::protobuf::RepeatedPtrField<std::string>& subjects) {
  worker::DecisionFilter filter;
  for (const int type : types) {
    TLSD_ASSIGN_OR_RETURN(const tls::HookType hook_type,
                          ToHookType("types", type));
    filter.types.push_back(hook_type);
  }
  if (subjects.size() > kSubjectCountMax) {
    return FieldError(Reason::kFieldInvalid, "subjects",
                      absl::StrCat(subjects.size(), " names"),
                      absl::StrCat("at most ", kSubjectCountMax));
  }
  for (const std::string& subject : subjects) {
    TLSD_RETURN_IF_ERROR(
        base::CheckName("subjects", CollectionOf(subject), subject));
    filter.subjects.push_back(subject);
  }
  return filter;
}

void WipeSecrets(v1::Decision& proto) {
  if (!proto.has_session_store()) return;
  for (v1::StoredSession& session :
       *proto.mutable_session_store()->mutable_sessions()) {
    base::Wipe(*session.mutable_session());
  }
}

void WipeSecrets(v1::DecisionAnswer& proto) {
  if (!proto.has_session_lookup()) return;
  base::Wipe(*proto.mutable_session_lookup()->mutable_session());
}

}  // namespace tlsd::control
