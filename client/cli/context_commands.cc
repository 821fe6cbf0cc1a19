// `tlsctl context ...`: secure contexts and algorithms.
#include <fstream>
#include <iterator>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/cli/commands.h"
#include "client/cli/option_kinds.h"
#include "client/cli/show.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

using Service = v1::SecureContextService::Stub;

constexpr UnaryMethod kCreate = {
    "tlsd.v1.SecureContextService/CreateSecureContext",
    &Service::CreateSecureContext};
constexpr UnaryMethod kGet = {"tlsd.v1.SecureContextService/GetSecureContext",
                              &Service::GetSecureContext};
constexpr UnaryMethod kList = {
    "tlsd.v1.SecureContextService/ListSecureContexts",
    &Service::ListSecureContexts};
constexpr UnaryMethod kDelete = {
    "tlsd.v1.SecureContextService/DeleteSecureContext",
    &Service::DeleteSecureContext};
constexpr UnaryMethod kListAlgorithms = {
    "tlsd.v1.SecureContextService/ListAlgorithms", &Service::ListAlgorithms};

// CreateOptions is the command line of `context create`.
struct CreateOptions {
  std::string id;
  std::string certificate_path;
  std::string key_path;
  std::string passphrase_path;
  bool allow_outside_validity = false;
  bool development = false;
  std::vector<std::string> development_names;
  std::vector<std::string> trusted_paths;
  bool trust_system = false;
  bool trust_development = false;
  v1::TlsVersion min_version = v1::TLS_VERSION_UNSPECIFIED;
  v1::TlsVersion max_version = v1::TLS_VERSION_UNSPECIFIED;
  std::vector<std::string> alpn_protocols;
  v1::ClientCertificateMode client_certificates =
      v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
};

const std::map<std::string, v1::TlsVersion>& VersionNames() {
  static const auto& names = *new std::map<std::string, v1::TlsVersion>{
      {"1.0", v1::TLS_VERSION_TLS_1_0},
      {"1.1", v1::TLS_VERSION_TLS_1_1},
      {"1.2", v1::TLS_VERSION_TLS_1_2},
      {"1.3", v1::TLS_VERSION_TLS_1_3}};
  return names;
}

const std::map<std::string, v1::ClientCertificateMode>&
ClientCertificateNames() {
  static const auto& names =
      *new std::map<std::string, v1::ClientCertificateMode>{
          {"none", v1::CLIENT_CERTIFICATE_MODE_NONE},
          {"request", v1::CLIENT_CERTIFICATE_MODE_REQUEST},
          {"require", v1::CLIENT_CERTIFICATE_MODE_REQUIRE}};
  return names;
}

// FileText returns the content of a file, or what stands for it in a request
// that is only printed.
absl::StatusOr<std::string> FileText(const Invocation& run,
                                     const std::string& path) {
  if (run.prints_grpc()) return FileContentMark(path);
  std::ifstream file(path, std::ios::binary);
  std::string text((std::istreambuf_iterator<char>(file)),
                   std::istreambuf_iterator<char>());
  if (!file) {
    return FieldError(Reason::kFieldInvalid, "file", path,
                      "a file that can be read");
  }
  return text;
}

absl::Status SetPem(const Invocation& run, const CreateOptions& options,
                    v1::PemCredentials& pem) {
  const absl::StatusOr<std::string> chain =
      FileText(run, options.certificate_path);
  if (!chain.ok()) return chain.status();
  pem.set_certificate_chain(*chain);
  const absl::StatusOr<std::string> key = FileText(run, options.key_path);
  if (!key.ok()) return key.status();
  pem.set_private_key(*key);
  if (!options.passphrase_path.empty()) {
    const absl::StatusOr<std::string> passphrase =
        FileText(run, options.passphrase_path);
    if (!passphrase.ok()) return passphrase.status();
    // An editor ends the line; the passphrase does not.
    pem.set_passphrase(std::string(absl::StripSuffix(*passphrase, "\n")));
  }
  pem.set_allow_outside_validity(options.allow_outside_validity);
  return absl::OkStatus();
}

absl::Status SetTrust(const Invocation& run, const CreateOptions& options,
                      v1::SecureContext& context) {
  if (options.trusted_paths.empty() && !options.trust_system &&
      !options.trust_development) {
    return absl::OkStatus();
  }
  v1::TrustAnchors& anchors = *context.mutable_trust_anchors();
  for (const std::string& path : options.trusted_paths) {
    const absl::StatusOr<std::string> pem = FileText(run, path);
    if (!pem.ok()) return pem.status();
    anchors.add_pems(*pem);
  }
  anchors.set_system(options.trust_system);
  anchors.set_development(options.trust_development);
  return absl::OkStatus();
}

absl::Status Create(Invocation& run, const CreateOptions& options) {
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id(options.id);
  v1::SecureContext& context = *request.mutable_secure_context();
  if (options.development) {
    context.add_credentials()
        ->mutable_development()
        ->mutable_server_names()
        ->Add(options.development_names.begin(),
              options.development_names.end());
  } else if (!options.certificate_path.empty()) {
    const absl::Status set =
        SetPem(run, options, *context.add_credentials()->mutable_pem());
    if (!set.ok()) return set;
  }
  const absl::Status set = SetTrust(run, options, context);
  if (!set.ok()) return set;
  context.set_min_version(options.min_version);
  context.set_max_version(options.max_version);
  context.mutable_alpn_protocols()->Add(options.alpn_protocols.begin(),
                                        options.alpn_protocols.end());
  context.set_client_certificate_mode(options.client_certificates);
  return run.Perform(kCreate, request, [&](const v1::SecureContext& created) {
    return SecureContextBlock(created, absl::Now()).Format(run.out_colour());
  });
}

absl::Status Show(Invocation& run, const std::string& id) {
  v1::GetSecureContextRequest request;
  request.set_name(ResourceName(kSecureContexts, id));
  return run.Perform(kGet, request, [&](const v1::SecureContext& context) {
    return SecureContextBlock(context, absl::Now()).Format(run.out_colour());
  });
}

absl::Status List(Invocation& run) {
  return run.PerformList(
      kList, v1::ListSecureContextsRequest(),
      [&](const v1::ListSecureContextsResponse& list) {
        return SecureContextTable(list, absl::Now()).Format(run.out_colour());
      });
}

absl::Status Delete(Invocation& run, const std::string& id, bool force) {
  v1::DeleteSecureContextRequest request;
  request.set_name(ResourceName(kSecureContexts, id));
  request.set_force(force);
  return run.Perform(kDelete, request, [&](const google::protobuf::Empty&) {
    return absl::StrCat("deleted ", request.name(), "\n");
  });
}

absl::Status ShowAlgorithms(Invocation& run) {
  return run.Perform(
      kListAlgorithms, v1::ListAlgorithmsRequest(),
      [&](const v1::ListAlgorithmsResponse& algorithms) {
        return absl::StrCat(
            CipherSuiteTable(algorithms).Format(run.out_colour()),
            "\ngroups      ", absl::StrJoin(algorithms.groups(), " "),
            "\nsignatures  ",
            absl::StrJoin(algorithms.signature_algorithms(), " "), "\n");
      });
}

void AddCredentialsOptions(CLI::App& create, CreateOptions& options) {
  CLI::Option* certificate =
      create.add_option("--cert", options.certificate_path,
                        "PEM file of the certificate, then its intermediates");
  CLI::Option* key = create.add_option("--key", options.key_path,
                                       "PEM file of the private key");
  certificate->needs(key)->type_name("FILE");
  key->needs(certificate)->type_name("FILE");
  create
      .add_option("--passphrase-file", options.passphrase_path,
                  "File with the passphrase of the key")
      ->needs(key)
      ->type_name("FILE");
  create
      .add_flag("--allow-outside-validity", options.allow_outside_validity,
                "Accept a certificate that is not valid now")
      ->needs(certificate);
  CLI::Option* development =
      create.add_flag("--dev", options.development,
                      "Let the daemon make a development certificate");
  development->excludes(certificate);
  create
      .add_option("--dev-name", options.development_names,
                  "DNS name or IP address of the development certificate")
      ->needs(development)
      ->allow_extra_args(false);
}

void AddTrustOptions(CLI::App& create, CreateOptions& options) {
  create
      .add_option("--ca", options.trusted_paths,
                  "PEM file of certificates to trust; may be repeated")
      ->allow_extra_args(false)
      ->type_name("FILE");
  create.add_flag("--trust-system", options.trust_system,
                  "Trust the system's store (the default if nothing is named)");
  create.add_flag("--trust-dev", options.trust_development,
                  "Trust the daemon's development authority");
  create
      .add_option("--client-cert", options.client_certificates,
                  "For servers: ask clients for a certificate")
      ->transform(CLI::CheckedTransformer(ClientCertificateNames())
                      .description("{none,request,require}"))
      ->type_name("MODE");
}

void AddProtocolOptions(CLI::App& create, CreateOptions& options) {
  const auto versions =
      CLI::CheckedTransformer(VersionNames()).description("{1.0,1.1,1.2,1.3}");
  create.add_option("--min-version", options.min_version, "Oldest TLS version")
      ->transform(versions)
      ->type_name("VERSION");
  create.add_option("--max-version", options.max_version, "Newest TLS version")
      ->transform(versions)
      ->type_name("VERSION");
  create
      .add_option("--alpn", options.alpn_protocols,
                  "Application protocols, most preferred first: h2,http/1.1")
      ->delimiter(',')
      ->allow_extra_args(false);
}

void AddCreate(CLI::App& context, Invocation& run) {
  CLI::App* create =
      context.add_subcommand("create", "Create a secure context");
  auto options = std::make_shared<CreateOptions>();
  create->add_option("id", options->id,
                     "Its ID; without one the daemon picks one");
  AddCredentialsOptions(*create, *options);
  AddTrustOptions(*create, *options);
  AddProtocolOptions(*create, *options);
  create->callback([&run, options] { run.Finish(Create(run, *options)); });
}

}  // namespace

void AddContextCommands(CLI::App& app, Invocation& run) {
  CLI::App* context = app.add_subcommand("context", "Manage secure contexts");
  context->require_subcommand(1);
  AddCreate(*context, run);

  auto id = std::make_shared<std::string>();
  CLI::App* show = context->add_subcommand("show", "Show one secure context");
  show->add_option("id", *id, "Its ID or name")->required();
  show->callback([&run, id] { run.Finish(Show(run, *id)); });

  CLI::App* list = context->add_subcommand("list", "List the secure contexts");
  list->callback([&run] { run.Finish(List(run)); });

  auto force = std::make_shared<bool>(false);
  CLI::App* remove =
      context->add_subcommand("delete", "Delete a secure context");
  remove->add_option("id", *id, "Its ID or name")->required();
  remove->add_flag("--force", *force,
                   "Although listeners name it; they keep using it");
  remove->callback([&run, id, force] { run.Finish(Delete(run, *id, *force)); });

  CLI::App* algorithms = context->add_subcommand(
      "algorithms", "List the cipher suites, groups and signatures");
  algorithms->callback([&run] { run.Finish(ShowAlgorithms(run)); });
}

}  // namespace tlsd::client::cli
