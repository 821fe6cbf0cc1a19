#include "client/cli/show_decision.h"

#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "client/cli/cells.h"
#include "client/cli/humanize.h"
#include "client/cli/show_certificate.h"
#include "client/cli/show_connection.h"
#include "client/convert.h"
#include "client/facts.h"

namespace tlsd::client::cli {
namespace {

using Strings = google::protobuf::RepeatedPtrField<std::string>;

std::vector<std::string> Values(const Strings& field) {
  return {field.begin(), field.end()};
}

std::string QuestionText(const v1::Decision& decision) {
  return EnumWord(v1::DecisionType_Name(decision.type()), "DECISION_TYPE_");
}

Cell TimeLeftCell(const v1::Decision& decision, absl::Time now) {
  const absl::Duration left = FromProto(decision.expire_time()) - now;
  if (left <= absl::ZeroDuration()) return {"none", Tone::kBad};
  return {HumanDuration(left), Tone::kCareful};
}

std::string PemOf(const std::string& der) {
  constexpr size_t kLineLength = 64;
  std::string pem = "-----BEGIN CERTIFICATE-----\n";
  const std::string base64 = absl::Base64Escape(der);
  for (size_t at = 0; at < base64.size(); at += kLineLength) {
    absl::StrAppend(&pem, base64.substr(at, kLineLength), "\n");
  }
  return pem + "-----END CERTIFICATE-----\n";
}

const Strings& ChainOf(const v1::VerifyPeerQuestion& question) {
  return question.chain().empty() ? question.certificates() : question.chain();
}

void AddCertificates(const CertificateProtos& certificates, size_t count,
                     Block& block) {
  std::vector<std::string> texts;
  for (const v1::Certificate& certificate : certificates) {
    texts.push_back(absl::StrCat(certificate.subject(), ", issued by ",
                                 certificate.issuer()));
  }
  if (texts.empty() && count > 0) texts.push_back(Count(count, "certificate"));
  block.AddList("certificates", texts);
}

void AddQuestion(const v1::ClientHelloQuestion& question, Block& block) {
  block.AddList("ALPN", Values(question.alpn_protocols()));
  block.AddList("versions", Values(question.versions()));
  block.AddList("ciphers", Values(question.cipher_suites()));
  block.AddList("groups", Values(question.groups()));
  block.AddList("signatures", Values(question.signature_algorithms()));
  block.Add("extensions", absl::StrJoin(question.extensions(), " "));
  block.Add("JA3", question.ja3_hash());
  block.Add("JA4", question.ja4());
}

void AddQuestion(const v1::SessionStoreQuestion& question, Block& block) {
  for (const v1::StoredSession& session : question.sessions()) {
    block.Add(
        "session",
        absl::StrCat(absl::BytesToHexString(session.session_id()), ", for ",
                     HumanDuration(FromProto(session.lifetime())),
                     session.single_use() ? ", for one use" : ""));
  }
}

void AddQuestion(const v1::VerifyPeerQuestion& question,
                 const CertificateProtos& certificates, Block& block) {
  AddCertificates(certificates, ChainOf(question).size(), block);
  block.Add("expected name", question.expected_name());
  if (question.authorized()) {
    block.Add("authorized", {"yes", Tone::kGood});
  } else {
    block.Add(
        "authorized",
        {absl::StrCat("no: ", ReasonText(question.authorization_error(),
                                         question.authorization_error_text())),
         Tone::kBad});
  }
  if (question.has_ocsp_response()) {
    block.Add("OCSP", OcspCell(question.ocsp_response()));
  }
  if (question.resumed()) block.Add("session", "resumed");
}

void AddQuestion(const v1::SignQuestion& question, Block& block) {
  block.Add("signature", SignatureText(question.algorithm()));
  block.Add("key pin", question.public_key_pin());
  block.Add("to sign",
            HumanBytes(static_cast<int64_t>(question.input().size())));
}

void AddQuestion(const v1::Decision& decision,
                 const CertificateProtos& certificates, Block& block) {
  switch (decision.question_case()) {
    case v1::Decision::kClientHello:
      return AddQuestion(decision.client_hello(), block);
    case v1::Decision::kOcspStaple:
      AddCertificates(certificates, 1, block);
      return block.AddList("responders",
                           Values(decision.ocsp_staple().ocsp_urls()));
    case v1::Decision::kSessionLookup:
      return block.Add("session", absl::BytesToHexString(
                                      decision.session_lookup().session_id()));
    case v1::Decision::kSessionStore:
      return AddQuestion(decision.session_store(), block);
    case v1::Decision::kVerifyPeer:
      return AddQuestion(decision.verify_peer(), certificates, block);
    case v1::Decision::kSign:
      return AddQuestion(decision.sign(), block);
    case v1::Decision::QUESTION_NOT_SET:
      return;
  }
}

// Choices returns the options of `decide resolve` for a type of question.
std::string Choices(v1::DecisionType type) {
  switch (type) {
    case v1::DECISION_TYPE_CLIENT_HELLO:
      return "--context ID, --alpn NAME or --client-cert MODE";
    case v1::DECISION_TYPE_OCSP_STAPLE:
      return "--ocsp-response FILE";
    case v1::DECISION_TYPE_SESSION_LOOKUP:
      return "--session FILE";
    case v1::DECISION_TYPE_SESSION_STORE:
      return "--stored";
    case v1::DECISION_TYPE_VERIFY_PEER:
      return "--accept or --reject";
    case v1::DECISION_TYPE_SIGN:
      return "--signature FILE";
    default:
      return "--no-opinion";
  }
}

}  // namespace

std::string QuestionPem(const v1::Decision& decision) {
  std::string pem;
  if (decision.has_ocsp_staple()) {
    pem = PemOf(decision.ocsp_staple().certificate());
  }
  for (const std::string& der : ChainOf(decision.verify_peer())) {
    pem += PemOf(der);
  }
  return pem;
}

Block DecisionBlock(const v1::Decision& decision,
                    const CertificateProtos& certificates, absl::Time now) {
  Block block({decision.name(), Tone::kStrong});
  block.Add("question", QuestionText(decision));
  block.Add("time left", TimeLeftCell(decision, now));
  block.Add("connection", decision.connection());
  block.Add("listener", decision.listener());
  block.Add("secure context", decision.secure_context());
  block.Add("role", EnumWord(v1::Role_Name(decision.role()), "ROLE_"));
  block.Add("local", ToString(FromProto(decision.local_address())));
  block.Add("remote", ToString(FromProto(decision.remote_address())));
  block.Add("server name", decision.server_name());
  AddQuestion(decision, certificates, block);
  return block;
}

Table DecisionTable(const v1::ListDecisionsResponse& list, absl::Time now) {
  Table table({"NAME", "QUESTION", "LISTENER", "CONTEXT", "REMOTE",
               "SERVER NAME", "TIME LEFT"});
  for (const v1::Decision& decision : list.decisions()) {
    table.AddRow(
        {decision.name(), QuestionText(decision),
         std::string(absl::StripPrefix(decision.listener(), "listeners/")),
         std::string(
             absl::StripPrefix(decision.secure_context(), "secureContexts/")),
         ToString(FromProto(decision.remote_address())), decision.server_name(),
         TimeLeftCell(decision, now)});
  }
  return table;
}

std::string AnswerHint(const v1::Decision& decision) {
  return absl::StrCat("answer it: tlsctl decide resolve ",
                      absl::StripPrefix(decision.name(), "decisions/"),
                      " with ", Choices(decision.type()), ", or --refuse");
}

}  // namespace tlsd::client::cli
