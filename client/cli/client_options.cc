#include "client/cli/client_options.h"

#include "absl/strings/str_cat.h"
#include "client/cli/option_kinds.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

// As proto/tlsd/v1 has them.
constexpr absl::Duration kConnectTimeout = absl::Seconds(30);
constexpr absl::Duration kHandshakeTimeout = absl::Seconds(120);
constexpr absl::Duration kHandshakeTimeoutMax = absl::Hours(1);
constexpr int kRenegotiationCountMax = 1000;

}  // namespace

ClientCommandLine::ClientCommandLine(CLI::App& app, const std::string& prefix) {
  const auto flag = [&](absl::string_view name, absl::string_view letter = "") {
    if (prefix.empty() && !letter.empty()) {
      return absl::StrCat("--", name, ",-", letter);
    }
    return absl::StrCat("--", prefix, name);
  };
  CLI::Option* context =
      app.add_option(flag("context", "c"), context_,
                     "The secure context, by ID or name (default: the "
                     "system's trust store)");
  CLI::Option* server_name =
      app.add_option(flag("server-name", "n"), server_name_,
                     "The name to ask for and to find in the certificate");
  CLI::Option* expected_name =
      app.add_option(flag("expected-name"), expected_name_,
                     "The name to find in the certificate, if it is not the "
                     "one to ask for");
  CLI::Option* insecure =
      app.add_flag(flag("insecure", "k"), insecure_,
                   prefix.empty() ? "Connect to an unauthorized server too; "
                                    "`connect` exits 1 in the end"
                                  : "Connect to an unauthorized server too");
  CLI::Option* skip_name_check =
      app.add_flag(flag("skip-name-check"), skip_name_check_,
                   "Accept a certificate with any name")
          ->excludes(expected_name);
  CLI::Option* request_ocsp =
      app.add_flag(flag("request-ocsp"), request_ocsp_,
                   "Ask for the OCSP response of the server's certificate; it "
                   "is shown, and not judged");
  CLI::Option* ech =
      app.add_option(flag("ech-config-list"), ech_config_list_path_,
                     "File of an ECHConfigList to encrypt the ClientHello with")
          ->type_name("FILE");
  CLI::Option* limit =
      app.add_option(flag("renegotiation-limit"), renegotiation_limit_,
                     "Answer so many of a server's requests for renegotiation "
                     "(default 3; 0 refuses)")
          ->check(CLI::Range(0, kRenegotiationCountMax))
          ->type_name("COUNT");
  CLI::Option* window =
      AddDurationOption(app, flag("renegotiation-window"),
                        renegotiation_window_, "In this time (default 10m)")
          ->needs(limit);
  options_ = {context,  server_name,     expected_name,
              insecure, skip_name_check, request_ocsp,
              ech,      limit,           window};
}

std::string ClientCommandLine::context() const {
  return ResourceName(kSecureContexts, context_);
}

std::string ClientCommandLine::checked_name(absl::string_view host) const {
  if (skip_name_check_) return "";
  if (!expected_name_.empty()) return expected_name_;
  return server_name_.empty() ? std::string(host) : server_name_;
}

absl::Status ClientCommandLine::Fill(const FileContents& files,
                                     v1::ConnectRequest& request) const {
  request.set_secure_context(context());
  request.set_server_name(server_name_);
  request.set_expected_name(expected_name_);
  request.set_skip_name_check(skip_name_check_);
  if (insecure_) request.set_verification(v1::PEER_VERIFICATION_REPORT);
  request.set_request_ocsp(request_ocsp_);
  if (renegotiation_limit_.has_value()) {
    v1::RenegotiationLimit& limit = *request.mutable_renegotiation_limit();
    limit.set_count(*renegotiation_limit_);
    if (renegotiation_window_.has_value()) {
      *limit.mutable_window() = ToProto(*renegotiation_window_);
    }
  }
  if (ech_config_list_path_.empty()) return absl::OkStatus();
  const absl::StatusOr<std::string> list = files.Bytes(ech_config_list_path_);
  if (!list.ok()) return list.status();
  request.set_ech_config_list(*list);
  return absl::OkStatus();
}

RoleCommandLine::RoleCommandLine(CLI::App& app)
    : server_(app.add_flag("--server", is_server_,
                           "Play the server (default: the client)")),
      client_(app) {
  app.add_option("--listener,-l", listener_,
                 "For a server, instead of --context: take the context, the "
                 "contexts by name and the hooks of this listener")
      ->needs(server_)
      ->excludes(client_.options().front());
  app.add_option("--client-cert", client_certificates_,
                 "For a server: ask the client for a certificate (default: as "
                 "the context says)")
      ->needs(server_)
      ->transform(ClientCertificateNames())
      ->type_name("MODE");
  AddHookOption(app, hooks_);
  AddDurationOption(app, "--idle-timeout", idle_timeout_,
                    "End it after so long without a byte in either direction "
                    "(default: never)");
  AddClientOption(
      app.add_option("--session-in", session_in_path_,
                     "File of a session to resume, as `connect --session-out` "
                     "wrote it")
          ->type_name("FILE"));
  // A server has a context too.
  for (size_t i = 1; i < client_.options().size(); ++i) {
    AddClientOption(client_.options()[i]);
  }
}

void RoleCommandLine::AddClientOption(CLI::Option* option) {
  option->excludes(server_);
}

absl::Duration RoleCommandLine::HandshakeTimeMax(
    const std::optional<absl::Duration>& timeout) const {
  if (timeout.has_value()) return *timeout;
  if (!is_server_) return kConnectTimeout;
  // That of a listener is the daemon's to know.
  return listener_.empty() ? kHandshakeTimeout : kHandshakeTimeoutMax;
}

absl::Status RoleCommandLine::FillClient(
    const FileContents& files, const std::optional<absl::Duration>& timeout,
    v1::ConnectRequest& client) const {
  *client.mutable_hooks() = hooks_;
  if (timeout.has_value()) *client.mutable_timeout() = ToProto(*timeout);
  if (!session_in_path_.empty()) {
    const absl::StatusOr<std::string> session = files.Bytes(session_in_path_);
    if (!session.ok()) return session.status();
    client.set_session(*session);
  }
  FillSocketOptions(client);
  return client_.Fill(files, client);
}

void RoleCommandLine::FillServer(const std::optional<absl::Duration>& timeout,
                                 v1::ServerOptions& server) const {
  server.set_secure_context(client_.context());
  server.set_listener(ResourceName(kListeners, listener_));
  *server.mutable_hooks() = hooks_;
  if (timeout.has_value()) {
    *server.mutable_handshake_timeout() = ToProto(*timeout);
  }
  server.set_client_certificate_mode(client_certificates_);
  FillSocketOptions(server);
}

template <typename Role>
void RoleCommandLine::FillSocketOptions(Role& role) const {
  if (!idle_timeout_.has_value()) return;
  *role.mutable_socket_options()->mutable_idle_timeout() =
      ToProto(*idle_timeout_);
}

}  // namespace tlsd::client::cli
