// The options of a context that say what to agree to: versions, ciphers, key
// exchange, application protocols, sessions, early data, encrypted
// ClientHellos.
#include <cstddef>
#include <map>

#include "absl/strings/str_cat.h"
#include "absl/strings/str_split.h"
#include "absl/strings/string_view.h"
#include "client/cli/context_options.h"
#include "client/cli/option_kinds.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

constexpr size_t kTicketKeyBytes = 48;

CLI::CheckedTransformer VersionNames() {
  static const auto& names = *new std::map<std::string, v1::TlsVersion>{
      {"1.0", v1::TLS_VERSION_TLS_1_0},
      {"1.1", v1::TLS_VERSION_TLS_1_1},
      {"1.2", v1::TLS_VERSION_TLS_1_2},
      {"1.3", v1::TLS_VERSION_TLS_1_3}};
  CLI::CheckedTransformer transformer(names);
  transformer.description("{1.0,1.1,1.2,1.3}");
  return transformer;
}

// SetList splits each of `values` at any of `separators`.
template <typename Repeated>
void SetList(const std::vector<std::string>& values, const char* separators,
             Repeated* field) {
  field->Clear();
  for (const std::string& value : values) {
    for (const absl::string_view part : absl::StrSplit(
             value, absl::ByAnyChar(separators), absl::SkipEmpty())) {
      *field->Add() = std::string(part);
    }
  }
}

}  // namespace

CLI::Option* ContextOptions::AddList(CLI::App& app, const std::string& flag,
                                     std::vector<std::string>& values,
                                     const std::string& description) {
  return app.add_option(flag, values, description)
      ->allow_extra_args(false)
      ->type_name("LIST");
}

void ContextOptions::AddVersions(CLI::App& app) {
  CLI::Option* oldest =
      app.add_option("--min-version", min_version_, "Oldest TLS version")
          ->transform(VersionNames())
          ->type_name("VERSION");
  CLI::Option* newest =
      app.add_option("--max-version", max_version_, "Newest TLS version")
          ->transform(VersionNames())
          ->type_name("VERSION");
  CLI::Option* method =
      app.add_option("--secure-protocol", secure_protocol_,
                     "The version by the name of an OpenSSL method, e.g. "
                     "TLSv1_2_method")
          ->excludes(oldest)
          ->excludes(newest)
          ->type_name("METHOD");
  Sets(oldest, "min_version", [this](v1::SecureContext& context) {
    context.set_min_version(min_version_);
  });
  Sets(newest, "max_version", [this](v1::SecureContext& context) {
    context.set_max_version(max_version_);
  });
  Sets(method, "secure_protocol", [this](v1::SecureContext& context) {
    context.set_secure_protocol(secure_protocol_);
  });
}

void ContextOptions::AddCiphers(CLI::App& app) {
  Sets(app.add_option("--ciphers", ciphers_,
                      "Cipher suites below TLS 1.3 in OpenSSL's syntax, e.g. "
                      "ECDHE+AESGCM")
           ->type_name("LIST"),
       "ciphers",
       [this](v1::SecureContext& context) { context.set_ciphers(ciphers_); });
  Sets(app.add_flag("--strict-ciphers", strict_ciphers_,
                    "Refuse --ciphers if any part of it is unknown"),
       "strict_ciphers", [this](v1::SecureContext& context) {
         context.set_strict_ciphers(strict_ciphers_);
       });
  Sets(app.add_flag("--prefer-client-ciphers", prefer_client_ciphers_,
                    "For servers: follow the client's order of cipher suites"),
       "prefer_client_ciphers", [this](v1::SecureContext& context) {
         context.set_prefer_client_ciphers(prefer_client_ciphers_);
       });
}

void ContextOptions::AddKeyExchange(CLI::App& app) {
  Sets(AddList(app, "--groups", groups_,
               "Groups of the key exchange, most preferred first: "
               "X25519,P-256"),
       "groups", [this](v1::SecureContext& context) {
         SetList(groups_, ",:", context.mutable_groups());
       });
  SetsOrFails(app.add_option("--dh-params", dh_params_path_,
                             "PEM file of Diffie-Hellman parameters, or auto; "
                             "checked, without effect")
                  ->type_name("FILE"),
              "dh_params",
              [this](const FileContents& files, v1::SecureContext& context) {
                if (dh_params_path_ == "auto") {
                  context.set_dh_params(dh_params_path_);
                  return absl::OkStatus();
                }
                const absl::StatusOr<std::string> pem =
                    files.Text(dh_params_path_);
                if (!pem.ok()) return pem.status();
                context.set_dh_params(*pem);
                return absl::OkStatus();
              });
  Sets(AddList(app, "--sigalgs", signature_algorithms_,
               "What peers may sign with, most preferred first: "
               "ecdsa_secp256r1_sha256"),
       "signature_algorithms", [this](v1::SecureContext& context) {
         SetList(signature_algorithms_,
                 ",:", context.mutable_signature_algorithms());
       });
  Sets(AddList(app, "--signing-sigalgs", signing_algorithms_,
               "What we may sign with, in the same form"),
       "signing_algorithms", [this](v1::SecureContext& context) {
         SetList(signing_algorithms_,
                 ",:", context.mutable_signing_algorithms());
       });
}

void ContextOptions::AddProtocols(CLI::App& app) {
  const CLI::Option* alpn =
      AddList(app, "--alpn", alpn_protocols_,
              "Application protocols, most preferred first: h2,http/1.1");
  Sets(alpn, "alpn_protocols", [this](v1::SecureContext& context) {
    SetList(alpn_protocols_, ",", context.mutable_alpn_protocols());
  });
  Names(alpn, "alpn_protocols_wire");
  const CLI::Option* npn = AddList(app, "--npn", npn_protocols_,
                                   "The same for NPN, which only TLS 1.2 has");
  Sets(npn, "npn_protocols", [this](v1::SecureContext& context) {
    SetList(npn_protocols_, ",", context.mutable_npn_protocols());
  });
  Names(npn, "npn_protocols_wire");
}

void ContextOptions::AddSessions(CLI::App& app) {
  Sets(AddDurationOption(app, "--session-timeout", session_timeout_,
                         "How long a session can be resumed (default 300s)"),
       "session_timeout", [this](v1::SecureContext& context) {
         *context.mutable_session_timeout() = ToProto(*session_timeout_);
       });
  Sets(app.add_option("--session-id-context", session_id_context_,
                      "Tells sessions of this context from others")
           ->type_name("TEXT"),
       "session_id_context", [this](v1::SecureContext& context) {
         context.set_session_id_context(session_id_context_);
       });
  CLI::Option* keys =
      app.add_option("--ticket-keys", ticket_keys_path_,
                     "File of ticket keys, 48 random bytes each; the first "
                     "encrypts")
          ->type_name("FILE");
  SetsOrFails(
      keys, "ticket_keys",
      [this](const FileContents& files, v1::SecureContext& context) {
        const absl::StatusOr<std::vector<std::string>> pieces =
            files.Pieces(ticket_keys_path_, kTicketKeyBytes);
        if (!pieces.ok()) return pieces.status();
        *context.mutable_ticket_keys() = {pieces->begin(), pieces->end()};
        return absl::OkStatus();
      });
  Sets(app.add_flag("--no-tickets", no_tickets_, "Give no session tickets"),
       "disable_session_tickets", [this](v1::SecureContext& context) {
         context.set_disable_session_tickets(no_tickets_);
       });
  Sets(AddHookOption(app, hooks_), "hooks", [this](v1::SecureContext& context) {
    *context.mutable_hooks() = hooks_;
  });
}

void ContextOptions::AddEarlyData(CLI::App& app) {
  Sets(app.add_flag("--early-data", early_data_,
                    "Take early data, or let clients send it; it can be "
                    "replayed"),
       "early_data", [this](v1::SecureContext& context) {
         context.set_early_data(early_data_);
       });
}

void ContextOptions::AddEch(CLI::App& app) {
  CLI::Option* configs =
      AddFiles(app, "--ech-config", ech_config_paths_,
               "For servers: file of the ECHConfig of an --ech-key; may be "
               "repeated");
  CLI::Option* keys =
      AddFiles(app, "--ech-key", ech_key_paths_,
               "For servers: file of a key of encrypted ClientHellos, 32 bytes "
               "of X25519; may be repeated");
  configs->needs(keys);
  keys->needs(configs);
  CLI::Option* not_for_retry =
      app.add_option("--ech-not-for-retry", ech_not_for_retry_,
                     "Do not offer this --ech-key, counted from 0, to clients "
                     "that have used another one; may be repeated")
          ->allow_extra_args(false)
          ->needs(keys)
          ->type_name("NUMBER");
  for (const CLI::Option* option : {configs, keys, not_for_retry}) {
    SetsOrFails(option, "ech_keys",
                [this](const FileContents& files, v1::SecureContext& context) {
                  return SetEchKeys(files, context);
                });
  }
}

absl::Status ContextOptions::SetEchKeys(const FileContents& files,
                                        v1::SecureContext& context) const {
  if (ech_config_paths_.size() != ech_key_paths_.size()) {
    return FieldError(Reason::kFieldInvalid, "--ech-key",
                      Times(ech_key_paths_.size()),
                      absl::StrCat("as often as --ech-config, ",
                                   Times(ech_config_paths_.size())));
  }
  context.clear_ech_keys();
  for (size_t i = 0; i < ech_key_paths_.size(); ++i) {
    const absl::StatusOr<std::string> config =
        files.Bytes(ech_config_paths_[i]);
    if (!config.ok()) return config.status();
    const absl::StatusOr<std::string> key = files.Bytes(ech_key_paths_[i]);
    if (!key.ok()) return key.status();
    v1::EchKey& added = *context.add_ech_keys();
    added.set_config(*config);
    added.set_private_key(*key);
  }
  for (const size_t index : ech_not_for_retry_) {
    if (index >= ech_key_paths_.size()) {
      return FieldError(Reason::kFieldInvalid, "--ech-not-for-retry",
                        absl::StrCat(index),
                        absl::StrCat("0 to ", ech_key_paths_.size() - 1));
    }
    context.mutable_ech_keys(static_cast<int>(index))->set_not_for_retry(true);
  }
  return absl::OkStatus();
}

}  // namespace tlsd::client::cli
