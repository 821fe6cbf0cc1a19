#include "client/cli/context_options.h"

#include <algorithm>
#include <utility>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/cli/option_kinds.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

constexpr absl::string_view kGroups[] = {"trust_anchors", "revocation_lists",
                                         "peer_rules"};

// The fields that --default can name.
constexpr absl::string_view kFields[] = {"credentials",
                                         "trust_anchors",
                                         "revocation_lists",
                                         "peer_rules",
                                         "client_certificate_mode",
                                         "min_version",
                                         "max_version",
                                         "secure_protocol",
                                         "ciphers",
                                         "strict_ciphers",
                                         "prefer_client_ciphers",
                                         "groups",
                                         "dh_params",
                                         "signature_algorithms",
                                         "signing_algorithms",
                                         "alpn_protocols",
                                         "npn_protocols",
                                         "session_timeout",
                                         "session_id_context",
                                         "ticket_keys",
                                         "disable_session_tickets",
                                         "hooks",
                                         "early_data",
                                         "ech_keys"};

template <typename Repeated>
absl::Status SetTexts(const FileContents& files,
                      const std::vector<std::string>& paths, Repeated* field) {
  field->Clear();
  for (const std::string& path : paths) {
    const absl::StatusOr<std::string> text = files.Text(path);
    if (!text.ok()) return text.status();
    *field->Add() = *text;
  }
  return absl::OkStatus();
}

absl::Status SetNameRule(const std::string& text, v1::NameRule& rule) {
  const std::pair<std::string, std::string> parts =
      absl::StrSplit(text, absl::MaxSplits(':', 1));
  const auto& [kind, value] = parts;
  if (kind == "dns") {
    rule.set_dns(value);
  } else if (kind == "ip") {
    rule.set_ip(value);
  } else if (kind == "uri") {
    rule.set_uri(value);
  } else if (kind == "uri-prefix") {
    rule.set_uri_prefix(value);
  } else if (kind == "email") {
    rule.set_email(value);
  }
  if (rule.rule_case() == v1::NameRule::RULE_NOT_SET || value.empty()) {
    return FieldError(Reason::kFieldInvalid, "--allow-name", text,
                      "dns:NAME, ip:ADDRESS, uri:URI, uri-prefix:START or "
                      "email:ADDRESS");
  }
  return absl::OkStatus();
}

void AddPath(const std::string& path, google::protobuf::FieldMask& mask) {
  const auto& paths = mask.paths();
  if (std::find(paths.begin(), paths.end(), path) == paths.end()) {
    mask.add_paths(path);
  }
}

}  // namespace

bool NamesASource(const v1::TrustAnchors& anchors) {
  return !anchors.pems().empty() || anchors.system() || anchors.development();
}

ContextOptions::ContextOptions(CLI::App& app) : credentials_(app) {
  AddTrust(app);
  AddRevocation(app);
  AddPeerRules(app);
  AddVersions(app);
  AddCiphers(app);
  AddKeyExchange(app);
  AddProtocols(app);
  AddSessions(app);
  AddEarlyData(app);
  AddEch(app);
}

void ContextOptions::AddDefault(CLI::App& app) {
  app.add_option("--default", defaults_,
                 "Give this field its default again; may be repeated")
      ->allow_extra_args(false)
      ->check(
          CLI::IsMember(
              std::vector<std::string>(std::begin(kFields), std::end(kFields)))
              .description(absl::StrCat("{", absl::StrJoin(kFields, ","), "}")))
      ->type_name("FIELD");
}

std::vector<std::string> ContextOptions::given_groups() const {
  std::vector<std::string> given;
  for (const absl::string_view group : kGroups) {
    const bool is_given =
        std::any_of(fields_.begin(), fields_.end(), [&](const Field& field) {
          return field.path == group && field.option->count() > 0;
        });
    if (is_given) given.push_back(std::string(group));
  }
  return given;
}

absl::Status ContextOptions::Fill(const FileContents& files,
                                  v1::SecureContext& context,
                                  google::protobuf::FieldMask& mask) const {
  if (credentials_.are_given()) {
    const absl::Status set = credentials_.Set(files, context);
    if (!set.ok()) return set;
    mask.add_paths("credentials");
  }
  for (const Field& field : fields_) {
    if (field.option->count() == 0) continue;
    const absl::Status set = field.set(files, context);
    if (!set.ok()) return set;
    AddPath(field.path, mask);
  }
  const absl::Status trust = CheckTrust(context);
  if (!trust.ok()) return trust;
  if (context.has_revocation_lists() &&
      context.revocation_lists().pems().empty() && !files.are_marks()) {
    return FieldError(Reason::kFieldInvalid, "--crl-leaf-only",
                      "no revocation lists", "where there are some: --crl");
  }
  for (const std::string& path : defaults_) {
    const auto& paths = mask.paths();
    if (std::find(paths.begin(), paths.end(), path) != paths.end()) {
      return FieldError(Reason::kFieldInvalid, "--default", path,
                        "fields that no other option gives");
    }
  }
  for (const std::string& path : defaults_) AddPath(path, mask);
  return absl::OkStatus();
}

absl::Status ContextOptions::CheckTrust(
    const v1::SecureContext& context) const {
  const bool are_given = std::any_of(
      trust_sources_.begin(), trust_sources_.end(),
      [](const CLI::Option* option) { return option->count() > 0; });
  if (!are_given || NamesASource(context.trust_anchors())) {
    return absl::OkStatus();
  }
  return FieldError(Reason::kFieldInvalid, "trust_anchors", "no source",
                    "another source, or --default trust_anchors for the "
                    "system's store");
}

CLI::Option* ContextOptions::AddFiles(CLI::App& app, const std::string& flag,
                                      std::vector<std::string>& paths,
                                      const std::string& description) {
  return app.add_option(flag, paths, description)
      ->allow_extra_args(false)
      ->type_name("FILE");
}

void ContextOptions::Sets(const CLI::Option* option, const std::string& path,
                          std::function<void(v1::SecureContext&)> set) {
  SetsOrFails(
      option, path,
      [set = std::move(set)](const FileContents&, v1::SecureContext& context) {
        set(context);
        return absl::OkStatus();
      });
}

void ContextOptions::SetsOrFails(const CLI::Option* option,
                                 const std::string& path, Setter set) {
  fields_.push_back({path, option, std::move(set)});
}

void ContextOptions::Names(const CLI::Option* option, const std::string& path) {
  Sets(option, path, [](v1::SecureContext&) {});
}

void ContextOptions::AddTrust(CLI::App& app) {
  const std::string path = "trust_anchors";
  const CLI::Option* files_to_trust =
      AddFiles(app, "--ca", trusted_paths_,
               "PEM file of certificates to trust; may be repeated");
  SetsOrFails(files_to_trust, path,
              [this](const FileContents& files, v1::SecureContext& context) {
                return SetTexts(
                    files, trusted_paths_,
                    context.mutable_trust_anchors()->mutable_pems());
              });
  const CLI::Option* system =
      app.add_flag("--trust-system", trust_system_,
                   "Trust the system's store (the default if nothing is "
                   "named)");
  Sets(system, path, [this](v1::SecureContext& context) {
    context.mutable_trust_anchors()->set_system(trust_system_);
  });
  const CLI::Option* development =
      app.add_flag("--trust-dev", trust_development_,
                   "Trust the daemon's development authority");
  Sets(development, path, [this](v1::SecureContext& context) {
    context.mutable_trust_anchors()->set_development(trust_development_);
  });
  trust_sources_ = {files_to_trust, system, development};
  Sets(app.add_flag("--partial-chain", partial_chain_,
                    "Let a chain end at any certificate that is trusted"),
       path, [this](v1::SecureContext& context) {
         context.mutable_trust_anchors()->set_allow_partial_chain(
             partial_chain_);
       });
  Sets(app.add_option("--client-cert", client_certificates_,
                      "For servers: ask clients for a certificate")
           ->transform(ClientCertificateNames())
           ->type_name("MODE"),
       "client_certificate_mode", [this](v1::SecureContext& context) {
         context.set_client_certificate_mode(client_certificates_);
       });
}

void ContextOptions::AddRevocation(CLI::App& app) {
  const std::string path = "revocation_lists";
  SetsOrFails(
      AddFiles(app, "--crl", revocation_paths_,
               "PEM file of revocation lists; may be repeated"),
      path, [this](const FileContents& files, v1::SecureContext& context) {
        return SetTexts(files, revocation_paths_,
                        context.mutable_revocation_lists()->mutable_pems());
      });
  Sets(app.add_flag("--crl-leaf-only", leaf_only_,
                    "Check the peer's own certificate only, not its issuers"),
       path, [this](v1::SecureContext& context) {
         context.mutable_revocation_lists()->set_leaf_only(leaf_only_);
       });
}

void ContextOptions::AddPeerRules(CLI::App& app) {
  const std::string path = "peer_rules";
  Sets(app.add_option("--pin-cert", certificate_pins_,
                      "Only peers whose certificate has this SHA-256 "
                      "fingerprint; may be repeated")
           ->allow_extra_args(false)
           ->type_name("PIN"),
       path, [this](v1::SecureContext& context) {
         *context.mutable_peer_rules()->mutable_certificate_pins() = {
             certificate_pins_.begin(), certificate_pins_.end()};
       });
  Sets(app.add_option("--pin-key", key_pins_,
                      "Only peers whose public key has this SHA-256; may be "
                      "repeated")
           ->allow_extra_args(false)
           ->type_name("PIN"),
       path, [this](v1::SecureContext& context) {
         *context.mutable_peer_rules()->mutable_public_key_pins() = {
             key_pins_.begin(), key_pins_.end()};
       });
  SetsOrFails(
      app.add_option("--allow-name", allowed_names_,
                     "Only peers whose certificate is for this: dns:NAME, "
                     "ip:ADDRESS, uri:URI, uri-prefix:START or "
                     "email:ADDRESS; may be repeated")
          ->allow_extra_args(false)
          ->type_name("KIND:VALUE"),
      path, [this](const FileContents&, v1::SecureContext& context) {
        v1::PeerRules& rules = *context.mutable_peer_rules();
        rules.clear_names();
        for (const std::string& text : allowed_names_) {
          const absl::Status set = SetNameRule(text, *rules.add_names());
          if (!set.ok()) return set;
        }
        return absl::OkStatus();
      });
}

}  // namespace tlsd::client::cli
