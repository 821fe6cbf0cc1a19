// ContextOptions is the command line of `context create` and `context update`:
// everything that can be said of a secure context.
//
// It turns options into the message and the mask that names what was given. It
// reads the files that are named, and judges nothing: the daemon does. It
// belongs to the command whose options it adds, and to one thread.
#ifndef TLSD_CLIENT_CLI_CONTEXT_OPTIONS_H_
#define TLSD_CLIENT_CLI_CONTEXT_OPTIONS_H_

#include <google/protobuf/field_mask.pb.h>

#include <CLI/CLI.hpp>
#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "client/cli/credentials_options.h"
#include "client/cli/file_content.h"
#include "client/cli/hook_options.h"
#include "tlsd/v1/secure_context_service.pb.h"

namespace tlsd::client::cli {

// NamesASource reports whether `anchors` say whom to trust. Those that do not
// mean the system's store.
bool NamesASource(const v1::TrustAnchors& anchors);

class ContextOptions {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit ContextOptions(CLI::App& app);
  ContextOptions(const ContextOptions&) = delete;
  ContextOptions& operator=(const ContextOptions&) = delete;

  // AddDefault adds --default, which only a change has a use for.
  void AddDefault(CLI::App& app);

  // given_groups returns the fields of which the command line gives parts, and
  // which have others that it may not give: "trust_anchors",
  // "revocation_lists", "peer_rules".
  std::vector<std::string> given_groups() const;

  // Fill puts what was given into `context`, over what is there, and its paths
  // into `mask`. It fails with FIELD_INVALID if a file cannot be read, if a
  // value has not the form that the command line asks for, if what is given
  // takes the last source of trust away, and if a field is both given and named
  // by --default.
  absl::Status Fill(const FileContents& files, v1::SecureContext& context,
                    google::protobuf::FieldMask& mask) const;

 private:
  using Setter =
      std::function<absl::Status(const FileContents&, v1::SecureContext&)>;

  // Field is an option and the field that it sets; several options may set
  // parts of one.
  struct Field {
    std::string path;
    const CLI::Option* option;
    Setter set;
  };

  // CheckTrust fails if sources of trust were given and none is left: it would
  // not mean nobody, but the system's store.
  absl::Status CheckTrust(const v1::SecureContext& context) const;

  void AddTrust(CLI::App& app);
  void AddRevocation(CLI::App& app);
  void AddPeerRules(CLI::App& app);
  void AddVersions(CLI::App& app);
  void AddCiphers(CLI::App& app);
  void AddKeyExchange(CLI::App& app);
  void AddProtocols(CLI::App& app);
  void AddSessions(CLI::App& app);
  void AddEarlyData(CLI::App& app);
  void AddEch(CLI::App& app);

  // SetEchKeys reads the keys and their configurations.
  absl::Status SetEchKeys(const FileContents& files,
                          v1::SecureContext& context) const;

  // The kinds of options. Each returns the option that it has added.
  CLI::Option* AddFiles(CLI::App& app, const std::string& flag,
                        std::vector<std::string>& paths,
                        const std::string& description);
  CLI::Option* AddList(CLI::App& app, const std::string& flag,
                       std::vector<std::string>& values,
                       const std::string& description);

  // Sets makes `option` set the field at `path`; SetsOrFails does where that
  // can fail.
  void Sets(const CLI::Option* option, const std::string& path,
            std::function<void(v1::SecureContext&)> set);
  void SetsOrFails(const CLI::Option* option, const std::string& path,
                   Setter set);

  // Names adds a path to the mask that the daemon shall see beside another.
  void Names(const CLI::Option* option, const std::string& path);

  CredentialsOptions credentials_;
  std::vector<Field> fields_;
  std::vector<std::string> defaults_;

  std::vector<const CLI::Option*> trust_sources_;
  std::vector<std::string> trusted_paths_;
  bool trust_system_ = false;
  bool trust_development_ = false;
  bool partial_chain_ = false;
  std::vector<std::string> revocation_paths_;
  bool leaf_only_ = false;
  std::vector<std::string> certificate_pins_;
  std::vector<std::string> key_pins_;
  std::vector<std::string> allowed_names_;
  v1::ClientCertificateMode client_certificates_ =
      v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;

  v1::TlsVersion min_version_ = v1::TLS_VERSION_UNSPECIFIED;
  v1::TlsVersion max_version_ = v1::TLS_VERSION_UNSPECIFIED;
  std::string secure_protocol_;
  std::string ciphers_;
  bool strict_ciphers_ = false;
  bool prefer_client_ciphers_ = false;
  std::vector<std::string> groups_;
  std::string dh_params_path_;
  std::vector<std::string> signature_algorithms_;
  std::vector<std::string> signing_algorithms_;

  std::vector<std::string> alpn_protocols_;
  std::vector<std::string> npn_protocols_;
  std::optional<absl::Duration> session_timeout_;
  std::string session_id_context_;
  std::string ticket_keys_path_;
  bool no_tickets_ = false;
  HookProtos hooks_;
  bool early_data_ = false;
  std::vector<std::string> ech_config_paths_;
  std::vector<std::string> ech_key_paths_;
  std::vector<size_t> ech_not_for_retry_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_CONTEXT_OPTIONS_H_
