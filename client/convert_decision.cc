// Decisions: what is asked, what is said to it, and who says it.
#include <optional>
#include <utility>
#include <variant>

#include "client/convert.h"
#include "client/convert_fields.h"
#include "proto/status/error.h"

namespace tlsd::client {
namespace {

void Write(const NoOpinion&, v1::DecisionAnswer& to) {
  to.mutable_no_opinion();
}

void Write(const Refusal& refusal, v1::DecisionAnswer& to) {
  to.mutable_refuse()->set_alert(refusal.alert);
}

void Write(const ClientHelloAnswer& answer, v1::DecisionAnswer& to) {
  v1::ClientHelloAnswer& message = *to.mutable_client_hello();
  message.set_secure_context(answer.secure_context);
  message.set_alpn_protocol(answer.alpn_protocol);
  if (answer.client_certificate_mode.has_value()) {
    message.set_client_certificate_mode(
        ToProto(*answer.client_certificate_mode));
  }
}

void Write(const OcspStapleAnswer& answer, v1::DecisionAnswer& to) {
  v1::OcspStapleAnswer& message = *to.mutable_ocsp_staple();
  message.set_ocsp_response(answer.ocsp_response);
  if (answer.reuse_for != absl::ZeroDuration()) {
    *message.mutable_reuse_for() = ToProto(answer.reuse_for);
  }
}

void Write(const SessionLookupAnswer& answer, v1::DecisionAnswer& to) {
  to.mutable_session_lookup()->set_session(answer.session);
}

void Write(const SessionStoreAnswer&, v1::DecisionAnswer& to) {
  to.mutable_session_store();
}

void Write(const VerifyPeerAnswer& answer, v1::DecisionAnswer& to) {
  to.mutable_verify_peer()->set_accept(answer.accept);
  to.mutable_verify_peer()->set_alert(answer.alert);
}

void Write(const SignAnswer& answer, v1::DecisionAnswer& to) {
  to.mutable_sign()->set_signature(answer.signature);
}

ClientHelloQuestion Read(const v1::ClientHelloQuestion& question) {
  return {Strings(question.alpn_protocols()),
          Strings(question.versions()),
          Strings(question.cipher_suites()),
          Strings(question.groups()),
          Strings(question.signature_algorithms()),
          {question.extensions().begin(), question.extensions().end()},
          question.raw(),
          question.ja3(),
          question.ja3_hash(),
          question.ja4()};
}

OcspStapleQuestion Read(const v1::OcspStapleQuestion& question) {
  return {question.certificate(), question.issuer(),
          Strings(question.ocsp_urls())};
}

SessionLookupQuestion Read(const v1::SessionLookupQuestion& question) {
  return {question.session_id()};
}

SessionStoreQuestion Read(const v1::SessionStoreQuestion& question) {
  SessionStoreQuestion result;
  for (const v1::StoredSession& session : question.sessions()) {
    result.sessions.push_back({session.session_id(), session.session(),
                               FromProto(session.lifetime()),
                               session.single_use()});
  }
  return result;
}

VerifyPeerQuestion Read(const v1::VerifyPeerQuestion& question) {
  VerifyPeerQuestion result;
  result.certificates = Strings(question.certificates());
  result.authorized = question.authorized();
  result.authorization_error = question.authorization_error();
  result.authorization_error_text = question.authorization_error_text();
  result.chain = Strings(question.chain());
  if (question.has_ocsp_response()) {
    result.ocsp_response = FromProto(question.ocsp_response());
  }
  result.expected_name = question.expected_name();
  result.resumed = question.resumed();
  return result;
}

SignQuestion Read(const v1::SignQuestion& question) {
  return {question.algorithm(), question.input(), question.public_key(),
          question.public_key_pin()};
}

Question ReadQuestion(const v1::Decision& decision) {
  switch (decision.question_case()) {
    case v1::Decision::kClientHello:
      return Read(decision.client_hello());
    case v1::Decision::kOcspStaple:
      return Read(decision.ocsp_staple());
    case v1::Decision::kSessionLookup:
      return Read(decision.session_lookup());
    case v1::Decision::kSessionStore:
      return Read(decision.session_store());
    case v1::Decision::kVerifyPeer:
      return Read(decision.verify_peer());
    case v1::Decision::kSign:
      return Read(decision.sign());
    case v1::Decision::QUESTION_NOT_SET:
      break;
  }
  return std::monostate();
}

template <typename Options, typename Message>
void SetFilter(const Options& options, Message& message) {
  for (const DecisionType type : options.types) {
    message.add_types(ToProto(type));
  }
  Assign(options.subjects, message.mutable_subjects());
}

}  // namespace

v1::DecisionType ToProto(DecisionType type) {
  return static_cast<v1::DecisionType>(type);
}

v1::HandlerRegistration ToProto(const HandlerOptions& options) {
  v1::HandlerRegistration registration;
  SetFilter(options, registration);
  registration.set_max_pending(options.max_pending);
  return registration;
}

v1::WaitDecisionRequest ToProto(const WaitDecisionOptions& options) {
  v1::WaitDecisionRequest request;
  SetFilter(options, request);
  if (options.timeout != absl::InfiniteDuration()) {
    *request.mutable_timeout() = ToProto(options.timeout);
  }
  return request;
}

v1::DecisionAnswer ToProto(const std::string& decision, const Answer& answer) {
  v1::DecisionAnswer message;
  message.set_decision(decision);
  std::visit([&message](const auto& each) { Write(each, message); }, answer);
  return message;
}

Decision FromProto(const v1::Decision& decision) {
  Decision result;
  result.name = decision.name();
  result.type = EnumFromProto(decision.type(), DecisionType::kSign);
  result.connection = decision.connection();
  result.listener = decision.listener();
  result.secure_context = decision.secure_context();
  result.role = EnumFromProto(decision.role(), Role::kServer);
  result.local_address = FromProto(decision.local_address());
  result.remote_address = FromProto(decision.remote_address());
  result.server_name = decision.server_name();
  result.create_time = FromProto(decision.create_time());
  result.expire_time = FromProto(decision.expire_time());
  result.question = ReadQuestion(decision);
  return result;
}

absl::Status StatusFromProto(const v1::Failure& failure) {
  const std::optional<Reason> reason = FindReason(failure.reason());
  if (!reason.has_value()) return absl::UnknownError(failure.message());
  absl::Status status(GetReasonInfo(*reason).code, failure.message());
  SetErrorDetail(
      {*reason, {failure.metadata().begin(), failure.metadata().end()}},
      status);
  return status;
}

}  // namespace tlsd::client
