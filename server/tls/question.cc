#include "server/tls/question.h"

#include <iterator>
#include <utility>

#include "absl/algorithm/container.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/signature.h"

namespace tlsd::tls {
namespace {

constexpr absl::Duration kStapleReuseMax = absl::Hours(7 * 24);

// In the order of `Answer`, as the contract calls them.
constexpr const char* kAnswerKinds[] = {
    "client_hello", "ocsp_staple", "session_lookup", "session_store",
    "verify_peer",  "sign",        "refuse",         "no_opinion",
};
static_assert(std::size(kAnswerKinds) == std::variant_size_v<Answer>);
static_assert(std::variant_size_v<Question> + 2 == std::variant_size_v<Answer>);

absl::Status CheckKind(const Question& question, const Answer& answer) {
  const bool is_sign = std::holds_alternative<SignQuestion>(question);
  if (answer.index() == question.index() ||
      std::holds_alternative<Refusal>(answer) ||
      (std::holds_alternative<NoOpinion>(answer) && !is_sign)) {
    return absl::OkStatus();
  }
  return FieldError(
      Reason::kDecisionAnswerInvalid, "answer", kAnswerKinds[answer.index()],
      absl::StrCat(kAnswerKinds[question.index()],
                   is_sign ? ", refuse" : ", refuse, no_opinion"));
}

absl::Status Check(const ClientHelloFacts& question,
                   const ClientHelloAnswer& answer) {
  if (answer.alpn_protocol.empty() ||
      absl::c_linear_search(question.alpn_protocols, answer.alpn_protocol)) {
    return absl::OkStatus();
  }
  return FieldError(
      Reason::kAlpnInvalid, "client_hello.alpn_protocol", answer.alpn_protocol,
      question.alpn_protocols.empty()
          ? "none, as the client offers none"
          : absl::StrCat(
                "what the client offers, ",
                QuoteForMessage(absl::StrJoin(question.alpn_protocols, ", "))));
}

absl::Status Check(const OcspStapleQuestion&, const OcspStapleAnswer& answer) {
  if (answer.reuse_for < absl::ZeroDuration() ||
      answer.reuse_for > kStapleReuseMax) {
    return FieldError(Reason::kFieldInvalid, "ocsp_staple.reuse_for",
                      absl::FormatDuration(answer.reuse_for), "0s to 7 days");
  }
  if (answer.response.empty()) return absl::OkStatus();
  return ParseOcspResponse("ocsp_staple.ocsp_response", answer.response)
      .status();
}

absl::Status Check(const SignQuestion& question, const SignAnswer& answer) {
  return CheckSignature(question.algorithm, question.public_key, question.input,
                        answer.signature);
}

// Any other answer can be given as it is.
template <typename OneQuestion, typename OneAnswer>
absl::Status Check(const OneQuestion&, const OneAnswer&) {
  return absl::OkStatus();
}

}  // namespace

absl::Status CheckAnswer(const Question& question, const Answer& answer) {
  TLSD_RETURN_IF_ERROR(CheckKind(question, answer));
  return std::visit(
      [](const auto& asked, const auto& said) { return Check(asked, said); },
      question, answer);
}

}  // namespace tlsd::tls
