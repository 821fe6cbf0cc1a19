#include "tests/testing/decisions.h"

#include <openssl/digest.h>
#include <openssl/rsa.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>

#include <cstdint>
#include <cstdlib>

namespace tlsd::testing {
namespace {

// As EVP_PKEY_CTX_set_rsa_pss_saltlen has it.
constexpr int kDigestLength = -1;

// AlgorithmOf returns the number of an algorithm that tests sign with.
uint16_t AlgorithmOf(const std::string& name) {
  for (const uint16_t algorithm :
       {SSL_SIGN_ECDSA_SECP256R1_SHA256, SSL_SIGN_ECDSA_SECP384R1_SHA384,
        SSL_SIGN_RSA_PSS_RSAE_SHA256, SSL_SIGN_RSA_PSS_RSAE_SHA384,
        SSL_SIGN_RSA_PSS_RSAE_SHA512, SSL_SIGN_RSA_PKCS1_SHA256,
        SSL_SIGN_ED25519}) {
    const char* known = SSL_get_signature_algorithm_name(
        static_cast<uint16_t>(algorithm), /*include_curve=*/1);
    if (name == known) return static_cast<uint16_t>(algorithm);
  }
  abort();
}

std::string SignWith(EVP_PKEY* key, const v1::SignQuestion& question) {
  const uint16_t algorithm = AlgorithmOf(question.algorithm());
  bssl::ScopedEVP_MD_CTX context;
  EVP_PKEY_CTX* key_context = nullptr;
  const EVP_MD* digest = SSL_get_signature_algorithm_digest(algorithm);
  EVP_DigestSignInit(context.get(), &key_context, digest, /*e=*/nullptr, key);
  if (SSL_is_signature_algorithm_rsa_pss(algorithm)) {
    EVP_PKEY_CTX_set_rsa_padding(key_context, RSA_PKCS1_PSS_PADDING);
    EVP_PKEY_CTX_set_rsa_pss_saltlen(key_context, kDigestLength);
  }
  const auto* input = reinterpret_cast<const uint8_t*>(question.input().data());
  std::string signature(EVP_PKEY_size(key), '\0');
  size_t size = signature.size();
  if (!EVP_DigestSign(context.get(),
                      reinterpret_cast<uint8_t*>(signature.data()), &size,
                      input, question.input().size())) {
    abort();
  }
  signature.resize(size);
  return signature;
}

google::protobuf::Duration ToProtoDuration(absl::Duration duration) {
  google::protobuf::Duration proto;
  proto.set_seconds(absl::IDivDuration(duration, absl::Seconds(1), &duration));
  proto.set_nanos(static_cast<int32_t>(absl::ToInt64Nanoseconds(duration)));
  return proto;
}

}  // namespace

v1::Hook HookOf(v1::DecisionType type, absl::Duration timeout) {
  v1::Hook hook;
  hook.set_type(type);
  *hook.mutable_timeout() = ToProtoDuration(timeout);
  return hook;
}

std::vector<v1::Hook> SessionHooks() {
  return {HookOf(v1::DECISION_TYPE_SESSION_STORE),
          HookOf(v1::DECISION_TYPE_SESSION_LOOKUP)};
}

absl::StatusOr<v1::Decision> NextDecision(ControlClient& client,
                                          const std::string& subject,
                                          v1::DecisionType type) {
  v1::WaitDecisionRequest request;
  request.add_subjects(subject);
  if (type != v1::DECISION_TYPE_UNSPECIFIED) request.add_types(type);
  return client.Call(request);
}

absl::Status Resolve(ControlClient& client, const v1::DecisionAnswer& answer) {
  v1::ResolveDecisionRequest request;
  *request.mutable_answer() = answer;
  return client.Call(request).status();
}

bool IsPending(ControlClient& client, const v1::Decision& decision) {
  v1::ListDecisionsRequest request;
  request.set_page_size(1000);
  while (true) {
    const auto page = client.Call(request);
    if (!page.ok()) return false;
    for (const v1::Decision& listed : page->decisions()) {
      if (listed.name() == decision.name()) return true;
    }
    if (page->next_page_token().empty()) return false;
    request.set_page_token(page->next_page_token());
  }
}

int64_t PendingCount(ControlClient& client) {
  const auto info = client.Call(v1::GetServerInfoRequest());
  return info.ok() ? info->pending_decision_count() : -1;
}

v1::DecisionAnswer AnswerTo(const v1::Decision& decision) {
  v1::DecisionAnswer answer;
  answer.set_decision(decision.name());
  return answer;
}

v1::DecisionAnswer NoOpinionOn(const v1::Decision& decision) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_no_opinion();
  return answer;
}

v1::DecisionAnswer RefusalOf(const v1::Decision& decision,
                             absl::string_view alert) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_refuse()->set_alert(std::string(alert));
  return answer;
}

v1::DecisionAnswer VerdictOn(const v1::Decision& decision, bool accept,
                             absl::string_view alert) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_verify_peer()->set_accept(accept);
  answer.mutable_verify_peer()->set_alert(std::string(alert));
  return answer;
}

v1::DecisionAnswer ContextFor(const v1::Decision& decision,
                              const std::string& secure_context) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_client_hello()->set_secure_context(secure_context);
  return answer;
}

v1::DecisionAnswer StapleFor(const v1::Decision& decision,
                             const std::string& ocsp_response) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_ocsp_staple()->set_ocsp_response(ocsp_response);
  return answer;
}

v1::DecisionAnswer SignatureTo(const v1::Decision& decision,
                               const TestIdentity& identity) {
  v1::DecisionAnswer answer = AnswerTo(decision);
  answer.mutable_sign()->set_signature(
      SignWith(identity.key(), decision.sign()));
  return answer;
}

v1::Credentials RemoteOf(const TestIdentity& identity) {
  v1::Credentials credentials;
  credentials.mutable_remote()->set_certificate_chain(identity.ChainPem());
  return credentials;
}

std::string DerOf(const TestIdentity& identity) {
  uint8_t* data = nullptr;
  const int size = i2d_X509(identity.certificate(), &data);
  if (size < 0) abort();
  const bssl::UniquePtr<uint8_t> owner(data);
  return std::string(reinterpret_cast<const char*>(data),
                     static_cast<size_t>(size));
}

}  // namespace tlsd::testing
