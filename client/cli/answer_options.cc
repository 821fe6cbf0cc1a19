#include "client/cli/answer_options.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "client/cli/option_kinds.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

constexpr absl::string_view kNone = "none";

// BytesOrNone returns the content of a file, or "" for `none`.
absl::StatusOr<std::string> BytesOrNone(const FileContents& files,
                                        const std::string& path) {
  if (path == kNone) return "";
  return files.Bytes(path);
}

}  // namespace

AnswerOptions::AnswerOptions(CLI::App& app) {
  AddClientHello(app);
  AddFiles(app);
  AddFlags(app);
}

absl::Status AnswerOptions::Fill(const FileContents& files,
                                 v1::DecisionAnswer& answer) const {
  const Choice* chosen = nullptr;
  int count = 0;
  for (const Choice& choice : choices_) {
    const bool is_given = std::any_of(
        choice.options.begin(), choice.options.end(),
        [](const CLI::Option* option) { return option->count() > 0; });
    if (!is_given) continue;
    chosen = &choice;
    ++count;
  }
  if (count != 1) {
    return FieldError(Reason::kFieldInvalid, "answer",
                      absl::StrCat(count, " answers"),
                      "one, e.g. --accept, or --refuse");
  }
  if (alert_option_->count() > 0 && !reject_ && !refuse_) {
    return FieldError(Reason::kFieldInvalid, "--alert", alert_,
                      "beside --reject or --refuse");
  }
  return chosen->set(files, answer);
}

void AnswerOptions::AddClientHello(CLI::App& app) {
  const CLI::Option* context =
      app.add_option("--context,-c", context_,
                     "To a client hello: the secure context, by ID or name");
  const CLI::Option* alpn = app.add_option(
      "--alpn", alpn_protocol_, "To a client hello: the application protocol");
  const CLI::Option* client_certificate =
      app.add_option("--client-cert", client_certificates_,
                     "To a client hello: whether it is asked for a certificate")
          ->transform(ClientCertificateNames())
          ->type_name("MODE");
  choices_.push_back(
      {{context, alpn, client_certificate},
       [this](const FileContents&, v1::DecisionAnswer& answer) {
         v1::ClientHelloAnswer& hello = *answer.mutable_client_hello();
         hello.set_secure_context(ResourceName(kSecureContexts, context_));
         hello.set_alpn_protocol(alpn_protocol_);
         hello.set_client_certificate_mode(client_certificates_);
         return absl::OkStatus();
       }});
}

void AnswerOptions::AddFiles(CLI::App& app) {
  CLI::Option* ocsp_response =
      app.add_option("--ocsp-response", ocsp_response_path_,
                     "To ocsp staple: file of the response in DER, or none")
          ->type_name("FILE");
  AddDurationOption(app, "--reuse-for", reuse_for_,
                    "Staple it for so long without asking")
      ->needs(ocsp_response);
  choices_.push_back(
      {{ocsp_response},
       [this](const FileContents& files, v1::DecisionAnswer& answer) {
         const absl::StatusOr<std::string> bytes =
             BytesOrNone(files, ocsp_response_path_);
         if (!bytes.ok()) return bytes.status();
         v1::OcspStapleAnswer& staple = *answer.mutable_ocsp_staple();
         staple.set_ocsp_response(*bytes);
         if (reuse_for_.has_value()) {
           *staple.mutable_reuse_for() = ToProto(*reuse_for_);
         }
         return absl::OkStatus();
       }});
  choices_.push_back(
      {{app.add_option("--session", session_path_,
                       "To session lookup: file of the session, or none")
            ->type_name("FILE")},
       [this](const FileContents& files, v1::DecisionAnswer& answer) {
         const absl::StatusOr<std::string> bytes =
             BytesOrNone(files, session_path_);
         if (!bytes.ok()) return bytes.status();
         answer.mutable_session_lookup()->set_session(*bytes);
         return absl::OkStatus();
       }});
  choices_.push_back(
      {{app.add_option("--signature", signature_path_,
                       "To sign: file of the signature")
            ->type_name("FILE")},
       [this](const FileContents& files, v1::DecisionAnswer& answer) {
         const absl::StatusOr<std::string> bytes = files.Bytes(signature_path_);
         if (!bytes.ok()) return bytes.status();
         answer.mutable_sign()->set_signature(*bytes);
         return absl::OkStatus();
       }});
}

void AnswerOptions::AddFlags(CLI::App& app) {
  const auto add = [&](const std::string& flag, bool& value,
                       const std::string& description,
                       std::function<void(v1::DecisionAnswer&)> set) {
    choices_.push_back({{app.add_flag(flag, value, description)},
                        [set = std::move(set)](const FileContents&,
                                               v1::DecisionAnswer& answer) {
                          set(answer);
                          return absl::OkStatus();
                        }});
  };
  add("--stored", stored_, "To session store: they are kept",
      [](v1::DecisionAnswer& answer) { answer.mutable_session_store(); });
  add("--accept", accept_, "To verify peer: accept it, whatever tlsd would do",
      [](v1::DecisionAnswer& answer) {
        answer.mutable_verify_peer()->set_accept(true);
      });
  add("--reject", reject_, "To verify peer: do not",
      [this](v1::DecisionAnswer& answer) {
        answer.mutable_verify_peer()->set_alert(alert_);
      });
  add("--refuse", refuse_, "To any: end the handshake",
      [this](v1::DecisionAnswer& answer) {
        answer.mutable_refuse()->set_alert(alert_);
      });
  add("--no-opinion", no_opinion_,
      "To any but sign: go on as if nobody had been asked",
      [](v1::DecisionAnswer& answer) { answer.mutable_no_opinion(); });
  alert_option_ =
      app.add_option("--alert", alert_,
                     "What the peer gets that is rejected or refused, e.g. "
                     "access_denied")
          ->type_name("NAME");
}

}  // namespace tlsd::client::cli
