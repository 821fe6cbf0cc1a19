#include "server/control/secure_context_options.h"

#include <google/protobuf/util/field_mask_util.h>

#include <optional>
#include <set>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/fields.h"
#include "server/control/hooks.h"

namespace tlsd::control {
namespace {

using google::protobuf::FieldMask;
using google::protobuf::util::FieldMaskUtil;

// What a caller may not set.
const std::set<std::string>& OutputOnly() {
  static const auto& names = *new std::set<std::string>{
      "name",     "expire_time",       "create_time",
      "etag",     "effective_ciphers", "ignored_cipher_tokens",
      "warnings", "update_time",       "ech_config_list"};
  return names;
}

// Fields that exclude each other: to set the first is to give up the others,
// and the other way round.
constexpr const char* kAlternatives[][3] = {
    {"alpn_protocols", "alpn_protocols_wire", "alpn_protocols_wire"},
    {"npn_protocols", "npn_protocols_wire", "npn_protocols_wire"},
    {"secure_protocol", "min_version", "max_version"},
};

std::vector<std::string> Strings(
    const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

absl::StatusOr<tls::CredentialsOptions> ReadSource(
    const v1::Credentials& proto) {
  switch (proto.source_case()) {
    case v1::Credentials::kPem: {
      tls::PemCredentials pem;
      pem.certificate_chain = proto.pem().certificate_chain();
      pem.private_key = proto.pem().private_key();
      pem.passphrase = proto.pem().passphrase();
      pem.allow_outside_validity = proto.pem().allow_outside_validity();
      return tls::CredentialsOptions(std::move(pem));
    }
    case v1::Credentials::kDevelopment: {
      const auto& names = proto.development().server_names();
      return tls::CredentialsOptions(
          tls::DevelopmentCredentials{{names.begin(), names.end()}, ""});
    }
    case v1::Credentials::kPkcs12: {
      tls::Pkcs12Credentials pkcs12;
      pkcs12.pfx = proto.pkcs12().pfx();
      pkcs12.passphrase = proto.pkcs12().passphrase();
      pkcs12.allow_outside_validity = proto.pkcs12().allow_outside_validity();
      pkcs12.trust_certificates = proto.pkcs12().trust_certificates();
      return tls::CredentialsOptions(std::move(pkcs12));
    }
    case v1::Credentials::kRemote: {
      tls::RemoteCredentials remote;
      remote.certificate_chain = proto.remote().certificate_chain();
      remote.allow_outside_validity = proto.remote().allow_outside_validity();
      return tls::CredentialsOptions(std::move(remote));
    }
    case v1::Credentials::SOURCE_NOT_SET:
      break;
  }
  return FieldRequired("source (pem, pkcs12, remote or development)");
}

absl::StatusOr<tls::CredentialsOptions> ToCredentials(
    const v1::Credentials& proto) {
  TLSD_ASSIGN_OR_RETURN(tls::CredentialsOptions credentials, ReadSource(proto));
  std::visit(
      [&](auto& source) { source.ocsp_response = proto.ocsp_response(); },
      credentials);
  return credentials;
}

absl::StatusOr<std::optional<tls::TlsVersion>> ToTlsVersion(
    absl::string_view field, v1::TlsVersion proto) {
  switch (proto) {
    case v1::TLS_VERSION_UNSPECIFIED:
      return std::optional<tls::TlsVersion>();
    case v1::TLS_VERSION_TLS_1_0:
      return tls::TlsVersion::kTls10;
    case v1::TLS_VERSION_TLS_1_1:
      return tls::TlsVersion::kTls11;
    case v1::TLS_VERSION_TLS_1_2:
      return tls::TlsVersion::kTls12;
    case v1::TLS_VERSION_TLS_1_3:
      return tls::TlsVersion::kTls13;
    default:
      return FieldError(Reason::kFieldInvalid, field, absl::StrCat(proto),
                        "TLS_VERSION_TLS_1_0 to TLS_VERSION_TLS_1_3");
  }
}

absl::StatusOr<tls::NameRule> ToNameRule(const v1::NameRule& proto) {
  using Kind = tls::NameRule::Kind;
  switch (proto.rule_case()) {
    case v1::NameRule::kDns:
      return tls::NameRule{Kind::kDns, proto.dns()};
    case v1::NameRule::kIp:
      return tls::NameRule{Kind::kIp, proto.ip()};
    case v1::NameRule::kUri:
      return tls::NameRule{Kind::kUri, proto.uri()};
    case v1::NameRule::kUriPrefix:
      return tls::NameRule{Kind::kUriPrefix, proto.uri_prefix()};
    case v1::NameRule::kEmail:
      return tls::NameRule{Kind::kEmail, proto.email()};
    case v1::NameRule::RULE_NOT_SET:
      break;
  }
  return FieldRequired("rule (dns, ip, uri, uri_prefix or email)");
}

void ToProto(const tls::NameRule& rule, v1::NameRule& proto) {
  switch (rule.kind) {
    case tls::NameRule::Kind::kDns:
      proto.set_dns(rule.value);
      break;
    case tls::NameRule::Kind::kIp:
      proto.set_ip(rule.value);
      break;
    case tls::NameRule::Kind::kUri:
      proto.set_uri(rule.value);
      break;
    case tls::NameRule::Kind::kUriPrefix:
      proto.set_uri_prefix(rule.value);
      break;
    case tls::NameRule::Kind::kEmail:
      proto.set_email(rule.value);
      break;
  }
}

void ToProto(const tls::CredentialsOptions& options, v1::Credentials& proto) {
  if (const auto* pem = std::get_if<tls::PemCredentials>(&options)) {
    proto.mutable_pem()->set_certificate_chain(pem->certificate_chain);
    proto.mutable_pem()->set_allow_outside_validity(
        pem->allow_outside_validity);
  } else if (const auto* pkcs12 =
                 std::get_if<tls::Pkcs12Credentials>(&options)) {
    proto.mutable_pkcs12()->set_allow_outside_validity(
        pkcs12->allow_outside_validity);
    proto.mutable_pkcs12()->set_trust_certificates(pkcs12->trust_certificates);
  } else if (const auto* remote =
                 std::get_if<tls::RemoteCredentials>(&options)) {
    proto.mutable_remote()->set_certificate_chain(remote->certificate_chain);
    proto.mutable_remote()->set_allow_outside_validity(
        remote->allow_outside_validity);
  } else {
    const auto& names = std::get<tls::DevelopmentCredentials>(options);
    *proto.mutable_development()->mutable_server_names() = {
        names.server_names.begin(), names.server_names.end()};
  }
  std::visit(
      [&](const auto& source) {
        proto.set_ocsp_response(source.ocsp_response);
      },
      options);
}

absl::Status ReadPeers(const v1::SecureContext& proto,
                       tls::SecureContextOptions& options) {
  for (int i = 0; i < proto.credentials_size(); ++i) {
    absl::StatusOr<tls::CredentialsOptions> credentials =
        ToCredentials(proto.credentials(i));
    if (!credentials.ok()) {
      return PrefixField(credentials.status(),
                         absl::StrCat("credentials[", i, "]."));
    }
    options.credentials.push_back(*std::move(credentials));
  }
  const v1::TrustAnchors& anchors = proto.trust_anchors();
  options.trust_anchors.pems = Strings(anchors.pems());
  options.trust_anchors.system = anchors.system();
  options.trust_anchors.development = anchors.development();
  options.trust_anchors.allow_partial_chain = anchors.allow_partial_chain();
  options.revocation_lists.pems = Strings(proto.revocation_lists().pems());
  options.revocation_lists.leaf_only = proto.revocation_lists().leaf_only();
  const v1::PeerRules& rules = proto.peer_rules();
  for (int i = 0; i < rules.names_size(); ++i) {
    absl::StatusOr<tls::NameRule> rule = ToNameRule(rules.names(i));
    if (!rule.ok()) {
      return PrefixField(rule.status(),
                         absl::StrCat("peer_rules.names[", i, "]."));
    }
    options.peer_rules.names.push_back(*std::move(rule));
  }
  options.peer_rules.certificate_pins = Strings(rules.certificate_pins());
  options.peer_rules.public_key_pins = Strings(rules.public_key_pins());
  TLSD_ASSIGN_OR_RETURN(
      const std::optional<tls::ClientCertificateMode> mode,
      ToClientCertificateMode("client_certificate_mode",
                              proto.client_certificate_mode()));
  options.client_certificate_mode =
      mode.value_or(tls::ClientCertificateMode::kNone);
  return absl::OkStatus();
}

absl::Status ReadPolicy(const v1::SecureContext& proto,
                        tls::SecureContextOptions& options) {
  TLSD_ASSIGN_OR_RETURN(options.min_version,
                        ToTlsVersion("min_version", proto.min_version()));
  TLSD_ASSIGN_OR_RETURN(options.max_version,
                        ToTlsVersion("max_version", proto.max_version()));
  options.secure_protocol = proto.secure_protocol();
  options.ciphers = proto.ciphers();
  options.strict_ciphers = proto.strict_ciphers();
  options.prefer_client_ciphers = proto.prefer_client_ciphers();
  options.groups = Strings(proto.groups());
  options.dh_params = proto.dh_params();
  options.signature_algorithms = Strings(proto.signature_algorithms());
  options.signing_algorithms = Strings(proto.signing_algorithms());
  options.alpn_protocols = Strings(proto.alpn_protocols());
  options.alpn_protocols_wire = proto.alpn_protocols_wire();
  options.npn_protocols = Strings(proto.npn_protocols());
  options.npn_protocols_wire = proto.npn_protocols_wire();
  if (proto.has_session_timeout()) {
    TLSD_ASSIGN_OR_RETURN(
        options.session_timeout,
        ToDuration("session_timeout", proto.session_timeout(),
                   tls::kSessionTimeoutMin, tls::kSessionTimeoutMax));
  }
  options.session_id_context = proto.session_id_context();
  options.ticket_keys = Strings(proto.ticket_keys());
  options.disable_session_tickets = proto.disable_session_tickets();
  options.early_data = proto.early_data();
  for (const v1::EchKey& key : proto.ech_keys()) {
    options.ech_keys.push_back(
        {key.config(), key.private_key(), key.not_for_retry()});
  }
  TLSD_ASSIGN_OR_RETURN(options.hooks, ToHooks("hooks", proto.hooks(),
                                               HookPlace::kSecureContext));
  return absl::OkStatus();
}

bool IsSet(const v1::SecureContext& proto,
           const google::protobuf::FieldDescriptor* field) {
  const google::protobuf::Reflection* reflection = proto.GetReflection();
  return field->is_repeated() ? reflection->FieldSize(proto, field) > 0
                              : reflection->HasField(proto, field);
}

// The fields that an update names, one by one.
absl::StatusOr<std::set<std::string>> NamedFields(
    const v1::SecureContext& update, const FieldMask& mask) {
  std::set<std::string> all;
  std::set<std::string> set;
  const google::protobuf::Descriptor* type = v1::SecureContext::descriptor();
  for (int i = 0; i < type->field_count(); ++i) {
    const std::string& name = type->field(i)->name();
    if (OutputOnly().count(name) > 0) continue;
    all.insert(name);
    if (IsSet(update, type->field(i))) set.insert(name);
  }
  if (mask.paths().empty()) return set;
  std::set<std::string> named;
  for (const std::string& path : mask.paths()) {
    if (path == "*") return all;
    if (all.count(path) == 0) {
      return FieldError(Reason::kFieldInvalid, "update_mask", path,
                        absl::StrCat("\"*\" or ", absl::StrJoin(all, ", ")));
    }
    named.insert(path);
  }
  return named;
}

// Clears the alternatives to the fields of `named` that `update` sets. Those
// that it resets leave the others alone.
void ClearAlternatives(const std::set<std::string>& named,
                       const v1::SecureContext& update,
                       v1::SecureContext& context) {
  const google::protobuf::Descriptor& type = *v1::SecureContext::descriptor();
  const auto is_given = [&](const std::string& name) {
    return named.count(name) > 0 && IsSet(update, type.FindFieldByName(name));
  };
  for (const auto& group : kAlternatives) {
    // To reset a list is to reset it in either form.
    const bool is_reset =
        named.count(group[0]) > 0 && absl::EndsWith(group[1], "_wire");
    const bool has_first = is_reset || is_given(group[0]);
    const bool has_other = is_given(group[1]) || is_given(group[2]);
    for (const std::string name : group) {
      const bool gives_way = name == group[0] ? has_other : has_first;
      if (!gives_way || named.count(name) > 0) continue;
      context.GetReflection()->ClearField(&context, type.FindFieldByName(name));
    }
  }
}

}  // namespace

absl::StatusOr<std::optional<tls::ClientCertificateMode>>
ToClientCertificateMode(absl::string_view field,
                        v1::ClientCertificateMode mode) {
  using Mode = std::optional<tls::ClientCertificateMode>;
  switch (mode) {
    case v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED:
      return Mode();
    case v1::CLIENT_CERTIFICATE_MODE_NONE:
      return Mode(tls::ClientCertificateMode::kNone);
    case v1::CLIENT_CERTIFICATE_MODE_REQUEST:
      return Mode(tls::ClientCertificateMode::kRequest);
    case v1::CLIENT_CERTIFICATE_MODE_REQUIRE:
      return Mode(tls::ClientCertificateMode::kRequire);
    default:
      return FieldError(Reason::kFieldInvalid, field, absl::StrCat(mode),
                        "CLIENT_CERTIFICATE_MODE_NONE, _REQUEST or _REQUIRE");
  }
}

absl::StatusOr<tls::SecureContextOptions> ToSecureContextOptions(
    const v1::SecureContext& proto) {
  tls::SecureContextOptions options;
  TLSD_RETURN_IF_ERROR(ReadPeers(proto, options));
  TLSD_RETURN_IF_ERROR(ReadPolicy(proto, options));
  return options;
}

void ToProto(const tls::SecureContextOptions& options,
             v1::SecureContext& proto) {
  for (const tls::CredentialsOptions& credentials : options.credentials) {
    ToProto(credentials, *proto.add_credentials());
  }
  v1::TrustAnchors& anchors = *proto.mutable_trust_anchors();
  *anchors.mutable_pems() = {options.trust_anchors.pems.begin(),
                             options.trust_anchors.pems.end()};
  anchors.set_system(options.trust_anchors.system);
  anchors.set_development(options.trust_anchors.development);
  anchors.set_allow_partial_chain(options.trust_anchors.allow_partial_chain);
  if (!options.revocation_lists.pems.empty()) {
    v1::RevocationLists& lists = *proto.mutable_revocation_lists();
    *lists.mutable_pems() = {options.revocation_lists.pems.begin(),
                             options.revocation_lists.pems.end()};
    lists.set_leaf_only(options.revocation_lists.leaf_only);
  }
  const tls::PeerRulesOptions& rules = options.peer_rules;
  for (const tls::NameRule& rule : rules.names) {
    ToProto(rule, *proto.mutable_peer_rules()->add_names());
  }
  for (const std::string& pin : rules.certificate_pins) {
    proto.mutable_peer_rules()->add_certificate_pins(pin);
  }
  for (const std::string& pin : rules.public_key_pins) {
    proto.mutable_peer_rules()->add_public_key_pins(pin);
  }
  proto.set_client_certificate_mode(ToProto(options.client_certificate_mode));
  if (options.min_version.has_value()) {
    proto.set_min_version(ToProto(*options.min_version));
  }
  if (options.max_version.has_value()) {
    proto.set_max_version(ToProto(*options.max_version));
  }
  proto.set_secure_protocol(options.secure_protocol);
  proto.set_ciphers(options.ciphers);
  proto.set_strict_ciphers(options.strict_ciphers);
  proto.set_prefer_client_ciphers(options.prefer_client_ciphers);
  *proto.mutable_groups() = {options.groups.begin(), options.groups.end()};
  proto.set_dh_params(options.dh_params);
  *proto.mutable_signature_algorithms() = {options.signature_algorithms.begin(),
                                           options.signature_algorithms.end()};
  *proto.mutable_signing_algorithms() = {options.signing_algorithms.begin(),
                                         options.signing_algorithms.end()};
  *proto.mutable_alpn_protocols() = {options.alpn_protocols.begin(),
                                     options.alpn_protocols.end()};
  proto.set_alpn_protocols_wire(options.alpn_protocols_wire);
  *proto.mutable_npn_protocols() = {options.npn_protocols.begin(),
                                    options.npn_protocols.end()};
  proto.set_npn_protocols_wire(options.npn_protocols_wire);
  ToProto(options.session_timeout, *proto.mutable_session_timeout());
  proto.set_session_id_context(options.session_id_context);
  proto.set_disable_session_tickets(options.disable_session_tickets);
  proto.set_early_data(options.early_data);
  ToProto(options.hooks, proto.mutable_hooks());
}

absl::StatusOr<ContextChange> ApplyUpdate(
    const tls::SecureContextOptions& present, const v1::SecureContext& update,
    const FieldMask& mask) {
  TLSD_ASSIGN_OR_RETURN(const std::set<std::string> named,
                        NamedFields(update, mask));
  v1::SecureContext changed;
  ToProto(present, changed);
  ClearAlternatives(named, update, changed);
  FieldMask paths;
  for (const std::string& name : named) paths.add_paths(name);
  FieldMaskUtil::MergeOptions replace;
  replace.set_replace_message_fields(true);
  replace.set_replace_repeated_fields(true);
  FieldMaskUtil::MergeMessageTo(update, paths, replace, &changed);
  ContextChange change;
  TLSD_ASSIGN_OR_RETURN(change.options, ToSecureContextOptions(changed));
  change.kept.credentials = named.count("credentials") == 0;
  change.kept.ticket_keys = named.count("ticket_keys") == 0;
  change.kept.session_owner =
      change.kept.ticket_keys && named.count("session_id_context") == 0;
  change.kept.ech_keys = named.count("ech_keys") == 0;
  return change;
}

}  // namespace tlsd::control
