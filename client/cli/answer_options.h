// AnswerOptions is the part of a command line that says what somebody says to a
// decision.
//
// It reads the files that are named, and judges nothing that is in them, nor
// whether the answer fits the question: the daemon does. It belongs to the
// command whose options it adds, and to one thread.
#ifndef TLSD_CLIENT_CLI_ANSWER_OPTIONS_H_
#define TLSD_CLIENT_CLI_ANSWER_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/file_content.h"
#include "tlsd/v1/decision_service.pb.h"

namespace tlsd::client::cli {

class AnswerOptions {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit AnswerOptions(CLI::App& app);
  AnswerOptions(const AnswerOptions&) = delete;
  AnswerOptions& operator=(const AnswerOptions&) = delete;

  // Fill puts the answer into `answer`. It fails with FIELD_INVALID unless the
  // command line gives exactly one, and if a file cannot be read.
  absl::Status Fill(const FileContents& files,
                    v1::DecisionAnswer& answer) const;

 private:
  using Setter =
      std::function<absl::Status(const FileContents&, v1::DecisionAnswer&)>;

  // Choice is one answer and the options that give it: any of them.
  struct Choice {
    std::vector<const CLI::Option*> options;
    Setter set;
  };

  void AddClientHello(CLI::App& app);
  void AddFiles(CLI::App& app);
  void AddFlags(CLI::App& app);

  std::vector<Choice> choices_;
  std::string context_;
  std::string alpn_protocol_;
  v1::ClientCertificateMode client_certificates_ =
      v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
  std::string ocsp_response_path_;
  std::optional<absl::Duration> reuse_for_;
  std::string session_path_;
  std::string signature_path_;
  bool stored_ = false;
  bool accept_ = false;
  bool reject_ = false;
  bool refuse_ = false;
  bool no_opinion_ = false;
  const CLI::Option* alert_option_ = nullptr;
  std::string alert_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_ANSWER_OPTIONS_H_
