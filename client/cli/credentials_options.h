// CredentialsOptions is the part of a command line that names own certificates
// and keys.
//
// It reads the files that are named, and judges nothing that is in them: the
// daemon does. It belongs to the command whose options it adds, and to one
// thread.
#ifndef TLSD_CLIENT_CLI_CREDENTIALS_OPTIONS_H_
#define TLSD_CLIENT_CLI_CREDENTIALS_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <cstddef>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "client/cli/file_content.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::client::cli {

// Times returns how often an option was given: "1 time", "2 times".
std::string Times(size_t count);

class CredentialsOptions {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit CredentialsOptions(CLI::App& app);
  CredentialsOptions(const CredentialsOptions&) = delete;
  CredentialsOptions& operator=(const CredentialsOptions&) = delete;

  // are_given reports whether the command line names any.
  bool are_given() const;

  // Set replaces the credentials of `context` by those of the command line, in
  // its order. It fails with FIELD_INVALID if a file cannot be read, or the
  // counts of --cert, --key, --passphrase-file and --ocsp-response do not fit.
  absl::Status Set(const FileContents& files, v1::SecureContext& context) const;

 private:
  absl::Status CheckCounts() const;
  absl::Status AddPem(const FileContents& files, size_t index,
                      v1::SecureContext& context) const;
  absl::Status AddPfx(const FileContents& files, size_t index,
                      v1::SecureContext& context) const;
  absl::Status AddRemote(const FileContents& files, size_t index,
                         v1::SecureContext& context) const;
  absl::Status AddOcspResponses(const FileContents& files,
                                v1::SecureContext& context) const;

  // Passphrase returns that of the next credentials, of which `context` has
  // those before, or "".
  absl::StatusOr<std::string> Passphrase(
      const FileContents& files, const v1::SecureContext& context) const;

  const CLI::App& app_;
  const CLI::Option* certificate_ = nullptr;
  const CLI::Option* pfx_ = nullptr;
  const CLI::Option* remote_ = nullptr;
  std::vector<std::string> certificate_paths_;
  std::vector<std::string> key_paths_;
  std::vector<std::string> pfx_paths_;
  std::vector<std::string> remote_paths_;
  std::vector<std::string> passphrase_paths_;
  std::vector<std::string> ocsp_response_paths_;
  bool trust_pfx_ = false;
  bool allow_outside_validity_ = false;
  bool development_ = false;
  std::vector<std::string> development_names_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_CREDENTIALS_OPTIONS_H_
