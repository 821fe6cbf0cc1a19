// `tlsctl certs` and `tlsctl cert ...`: what certificates say.
#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include "absl/strings/match.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/file_content.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show_certificate.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::CertificateService::Stub;

constexpr UnaryMethod kParse = {"tlsd.v1.CertificateService/ParseCertificate",
                                &Service::ParseCertificate};
constexpr UnaryMethod kCheck = {
    "tlsd.v1.CertificateService/CheckServerIdentity",
    &Service::CheckServerIdentity};
constexpr UnaryMethod kListOwn = {
    "tlsd.v1.CertificateService/ListOwnCertificates",
    &Service::ListOwnCertificates};
constexpr UnaryMethod kListTrusted = {
    "tlsd.v1.CertificateService/ListTrustedCertificates",
    &Service::ListTrustedCertificates};
constexpr UnaryMethod kGetPeer = {
    "tlsd.v1.ConnectionService/GetPeerCertificate",
    &v1::ConnectionService::Stub::GetPeerCertificate};

constexpr int64_t kDaysMax = 36500;

// CheckCommand is the command line of `cert check`.
struct CheckCommand {
  std::string path;
  std::string name;
};

// PeerCommand is the command line of `cert peer`.
struct PeerCommand {
  std::string connection;
  bool chain = false;
};

// SetSourceFile puts the certificates of a file into `request`, PEM or DER. Of
// a file that is not read its name says which.
template <typename Request>
absl::Status SetSourceFile(const Invocation& run, const std::string& path,
                           Request& request) {
  const FileContents files(run.prints_grpc() ? FileUse::kMark : FileUse::kRead);
  const absl::StatusOr<std::string> bytes = files.Bytes(path);
  if (!bytes.ok()) return bytes.status();
  const bool is_pem = files.are_marks()
                          ? !absl::EndsWithIgnoreCase(path, ".der")
                          : absl::StrContains(*bytes, "-----BEGIN");
  if (!is_pem) {
    request.set_der(*bytes);
    return absl::OkStatus();
  }
  const absl::StatusOr<std::string> text =
      files.are_marks() ? files.Text(path) : bytes;
  if (!text.ok()) return text.status();
  request.set_pem(*text);
  return absl::OkStatus();
}

absl::Status ShowFile(Invocation& run, const std::string& path) {
  v1::ParseCertificateRequest request;
  const absl::Status set = SetSourceFile(run, path, request);
  if (!set.ok()) return set;
  return run.Perform(kParse, request,
                     [&](const v1::ParseCertificateResponse& response) {
                       return CertificatesText(response.certificates(),
                                               absl::Now(), run.out_colour());
                     });
}

// Check ends with `exit_code` kTlsFailed, and no error, if the certificate is
// for another name: that is the answer.
absl::Status Check(Invocation& run, const CheckCommand& command,
                   ExitCode& exit_code) {
  v1::CheckServerIdentityRequest request;
  request.set_server_name(command.name);
  const absl::Status set = SetSourceFile(run, command.path, request);
  if (!set.ok()) return set;
  if (run.prints_grpc()) return run.PrintGrpc(kCheck.name, request);
  const absl::StatusOr<v1::CheckServerIdentityResponse> response =
      run.Call(kCheck, request, run.timeout());
  if (!response.ok()) return response.status();
  if (!response->matches()) exit_code = ExitCode::kTlsFailed;
  return run.Print(run.is_json() ? PrettyJson(*response)
                                 : ServerIdentityText(*response, command.name,
                                                      run.out_colour()));
}

absl::Status ShowPeer(Invocation& run, const PeerCommand& command) {
  v1::GetPeerCertificateRequest request;
  request.set_name(ResourceName(kConnections, command.connection));
  request.set_detailed(command.chain);
  return run.Perform(
      kGetPeer, request, [&](const v1::GetPeerCertificateResponse& response) {
        return PeerCertificateText(response, absl::Now(), run.out_colour());
      });
}

absl::Status ListOwn(Invocation& run, const std::optional<int64_t>& days) {
  v1::ListOwnCertificatesRequest request;
  if (days.has_value()) {
    *request.mutable_ends_within() = ToProto(absl::Hours(24 * *days));
  }
  return run.PerformList(
      kListOwn, request, [&](const v1::ListOwnCertificatesResponse& list) {
        return OwnCertificateTable(list).Format(run.out_colour());
      });
}

absl::Status ListTrusted(Invocation& run, const std::string& context) {
  v1::ListTrustedCertificatesRequest request;
  request.set_secure_context(ResourceName(kSecureContexts, context));
  return run.PerformList(
      kListTrusted, request,
      [&](const v1::ListTrustedCertificatesResponse& list) {
        std::string text =
            TrustedCertificateTable(list, absl::Now()).Format(run.out_colour());
        if (!list.system_path().empty()) {
          absl::StrAppend(
              &text,
              Paint({absl::StrCat("system store: ", list.system_path()),
                     Tone::kFaint},
                    run.out_colour()),
              "\n");
        }
        return text;
      });
}

void AddCheck(CLI::App& cert, Invocation& run) {
  CLI::App* check = cert.add_subcommand(
      "check", "Say whether a certificate is for a name; exits 1 if not");
  auto command = std::make_shared<CheckCommand>();
  check->add_option("file", command->path, "File of it, PEM or DER")
      ->required();
  check->add_option("name", command->name, "A DNS name or an IP address")
      ->required();
  check->callback([&run, command] {
    ExitCode exit_code = ExitCode::kOk;
    const absl::Status checked = Check(run, *command, exit_code);
    run.Finish(checked, exit_code);
  });
}

}  // namespace

void AddCertificateCommands(CLI::App& app, Invocation& run) {
  CLI::App* certs = app.add_subcommand(
      "certs", "List the own certificates of all contexts, and their end");
  auto days = std::make_shared<std::optional<int64_t>>();
  certs
      ->add_option("--within", *days,
                   "Only those that end in so many days, or have ended")
      ->check(CLI::Range(int64_t{0}, kDaysMax))
      ->type_name("DAYS");
  certs->callback([&run, days] { run.Finish(ListOwn(run, *days)); });

  CLI::App* cert = app.add_subcommand("cert", "Read certificates");
  cert->require_subcommand(1);
  auto path = std::make_shared<std::string>();
  CLI::App* show =
      cert->add_subcommand("show", "Show what the certificates of a file say");
  show->add_option("file", *path, "File of them, PEM or DER")->required();
  show->callback([&run, path] { run.Finish(ShowFile(run, *path)); });

  AddCheck(*cert, run);

  auto peer_command = std::make_shared<PeerCommand>();
  CLI::App* peer =
      cert->add_subcommand("peer", "Show what the peer of a connection shows");
  peer->add_option("connection", peer_command->connection, "Its ID or name")
      ->required();
  peer->add_flag("--chain", peer_command->chain, "The whole chain");
  peer->callback(
      [&run, peer_command] { run.Finish(ShowPeer(run, *peer_command)); });

  auto context = std::make_shared<std::string>();
  CLI::App* trusted =
      cert->add_subcommand("trusted", "List the certificates that are trusted");
  trusted->add_option("context", *context,
                      "By the secure context of this ID or name (default: by "
                      "the system)");
  trusted->callback(
      [&run, context] { run.Finish(ListTrusted(run, *context)); });
}

}  // namespace tlsd::client::cli
