// Options for the TLS of a connection that begins: what a client says of its
// handshake, and which end the daemon plays where both are possible.
//
// Each class turns options into a message. It reads the files that are named,
// and judges nothing: the daemon does. It belongs to the command whose options
// it adds, and to one thread.
#ifndef TLSD_CLIENT_CLI_CLIENT_OPTIONS_H_
#define TLSD_CLIENT_CLI_CLIENT_OPTIONS_H_

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "client/cli/file_content.h"
#include "client/cli/hook_options.h"
#include "tlsd/v1/connection_service.pb.h"
#include "tlsd/v1/transport.pb.h"

namespace tlsd::client::cli {

// ClientCommandLine is what every client's handshake can be told: the context,
// names, how strict to be, OCSP, ECH and renegotiation.
class ClientCommandLine {
 public:
  // Adds the options to `app`, which must not outlive it. `prefix` stands
  // before their names, as in "--forward-server-name"; those with one have no
  // short form.
  explicit ClientCommandLine(CLI::App& app, const std::string& prefix = "");
  ClientCommandLine(const ClientCommandLine&) = delete;
  ClientCommandLine& operator=(const ClientCommandLine&) = delete;

  // options returns all of them, the context first.
  const std::vector<CLI::Option*>& options() const { return options_; }

  // context returns the name of the context, or "".
  std::string context() const;

  // checked_name returns the name that the daemon looks for in the server's
  // certificate, "" if there is none. `host` is that of the address, for want
  // of another.
  std::string checked_name(absl::string_view host) const;

  // Fill puts what was given into `request`. It fails with FIELD_INVALID if a
  // file cannot be read.
  absl::Status Fill(const FileContents& files,
                    v1::ConnectRequest& request) const;

 private:
  std::vector<CLI::Option*> options_;
  std::string context_;
  std::string server_name_;
  std::string expected_name_;
  bool insecure_ = false;
  bool skip_name_check_ = false;
  bool request_ocsp_ = false;
  std::string ech_config_list_path_;
  std::optional<int> renegotiation_limit_;
  std::optional<absl::Duration> renegotiation_window_;
};

// RoleCommandLine is which end of TLS the daemon plays over what exists: a
// client, or with --server a server.
class RoleCommandLine {
 public:
  // Adds the options to `app`, which must not outlive it.
  explicit RoleCommandLine(CLI::App& app);
  RoleCommandLine(const RoleCommandLine&) = delete;
  RoleCommandLine& operator=(const RoleCommandLine&) = delete;

  // AddClientOption makes `option` one that --server excludes.
  void AddClientOption(CLI::Option* option);

  // Fill puts what was given into `request`, which has a client and a server.
  // `timeout` is for the handshake. It fails with FIELD_INVALID if a file
  // cannot be read.
  template <typename Request>
  absl::Status Fill(const FileContents& files,
                    const std::optional<absl::Duration>& timeout,
                    Request& request) const {
    if (!is_server_) {
      return FillClient(files, timeout, *request.mutable_client());
    }
    FillServer(timeout, *request.mutable_server());
    return absl::OkStatus();
  }

  // HandshakeTimeMax returns how long the daemon may take for the handshake.
  absl::Duration HandshakeTimeMax(
      const std::optional<absl::Duration>& timeout) const;

 private:
  absl::Status FillClient(const FileContents& files,
                          const std::optional<absl::Duration>& timeout,
                          v1::ConnectRequest& client) const;
  void FillServer(const std::optional<absl::Duration>& timeout,
                  v1::ServerOptions& server) const;

  // FillSocketOptions sets those of either role, if any are given.
  template <typename Role>
  void FillSocketOptions(Role& role) const;

  bool is_server_ = false;
  CLI::Option* server_ = nullptr;
  std::string listener_;
  v1::ClientCertificateMode client_certificates_ =
      v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
  std::string session_in_path_;
  HookProtos hooks_;
  std::optional<absl::Duration> idle_timeout_;
  ClientCommandLine client_;
};

}  // namespace tlsd::client::cli

#endif  // TLSD_CLIENT_CLI_CLIENT_OPTIONS_H_
