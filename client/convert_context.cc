// Secure contexts: what is asked for, when they are made and when they are
// changed, and what they are.
#include <algorithm>
#include <variant>

#include "absl/strings/string_view.h"
#include "client/convert.h"
#include "client/convert_fields.h"

namespace tlsd::client {
namespace {

void Write(const PemCredentials& pem, v1::Credentials& credentials) {
  v1::PemCredentials& to = *credentials.mutable_pem();
  to.set_certificate_chain(pem.certificate_chain);
  to.set_private_key(pem.private_key);
  to.set_passphrase(pem.passphrase);
  to.set_allow_outside_validity(pem.allow_outside_validity);
  credentials.set_ocsp_response(pem.ocsp_response);
}

void Write(const Pkcs12Credentials& pkcs12, v1::Credentials& credentials) {
  v1::Pkcs12Credentials& to = *credentials.mutable_pkcs12();
  to.set_pfx(pkcs12.pfx);
  to.set_passphrase(pkcs12.passphrase);
  to.set_allow_outside_validity(pkcs12.allow_outside_validity);
  to.set_trust_certificates(pkcs12.trust_certificates);
  credentials.set_ocsp_response(pkcs12.ocsp_response);
}

void Write(const DevelopmentCredentials& development,
           v1::Credentials& credentials) {
  Assign(development.server_names,
         credentials.mutable_development()->mutable_server_names());
  credentials.set_ocsp_response(development.ocsp_response);
}

void Write(const RemoteCredentials& remote, v1::Credentials& credentials) {
  v1::RemoteCredentials& to = *credentials.mutable_remote();
  to.set_certificate_chain(remote.certificate_chain);
  to.set_allow_outside_validity(remote.allow_outside_validity);
  credentials.set_ocsp_response(remote.ocsp_response);
}

void Write(const std::vector<EchKey>& keys, v1::SecureContext& to) {
  for (const EchKey& key : keys) {
    v1::EchKey& message = *to.add_ech_keys();
    message.set_config(key.config);
    message.set_private_key(key.private_key);
    message.set_not_for_retry(key.not_for_retry);
  }
}

void Write(const CredentialsList& list, v1::SecureContext& to) {
  for (const Credentials& credentials : list) {
    std::visit([&](const auto& each) { Write(each, *to.add_credentials()); },
               credentials);
  }
}

void Write(const TrustAnchors& anchors, v1::SecureContext& to) {
  if (anchors.pems.empty() && !anchors.system && !anchors.development &&
      !anchors.allow_partial_chain) {
    return;
  }
  v1::TrustAnchors& message = *to.mutable_trust_anchors();
  Assign(anchors.pems, message.mutable_pems());
  message.set_system(anchors.system);
  message.set_development(anchors.development);
  message.set_allow_partial_chain(anchors.allow_partial_chain);
}

void Write(const RevocationLists& lists, v1::SecureContext& to) {
  if (lists.pems.empty() && !lists.leaf_only) return;
  v1::RevocationLists& message = *to.mutable_revocation_lists();
  Assign(lists.pems, message.mutable_pems());
  message.set_leaf_only(lists.leaf_only);
}

void Write(const NameRule& rule, v1::NameRule& to) {
  switch (rule.kind) {
    case NameKind::kDns:
      to.set_dns(rule.value);
      break;
    case NameKind::kIp:
      to.set_ip(rule.value);
      break;
    case NameKind::kUri:
      to.set_uri(rule.value);
      break;
    case NameKind::kUriPrefix:
      to.set_uri_prefix(rule.value);
      break;
    case NameKind::kEmail:
      to.set_email(rule.value);
      break;
  }
}

void Write(const PeerRules& rules, v1::SecureContext& to) {
  if (rules.names.empty() && rules.certificate_pins.empty() &&
      rules.public_key_pins.empty()) {
    return;
  }
  v1::PeerRules& message = *to.mutable_peer_rules();
  for (const NameRule& rule : rules.names) Write(rule, *message.add_names());
  Assign(rules.certificate_pins, message.mutable_certificate_pins());
  Assign(rules.public_key_pins, message.mutable_public_key_pins());
}

// The WriteXFields functions hand each field of `from`, which is options or an
// update, to `write`: its path in a mask, its value, and what puts that into
// `to`.
template <typename Fields, typename Writer>
void WritePeerFields(const Fields& from, v1::SecureContext& to, Writer write) {
  const auto message = [&to](const auto& value) { Write(value, to); };
  write("credentials", from.credentials, message);
  write("trust_anchors", from.trust_anchors, message);
  write("revocation_lists", from.revocation_lists, message);
  write("peer_rules", from.peer_rules, message);
  write("client_certificate_mode", from.client_certificate_mode,
        [&](ClientCertificateMode mode) {
          to.set_client_certificate_mode(ToProto(mode));
        });
}

template <typename Fields, typename Writer>
void WritePolicyFields(const Fields& from, v1::SecureContext& to,
                       Writer write) {
  write("min_version", from.min_version,
        [&](TlsVersion version) { to.set_min_version(ToProto(version)); });
  write("max_version", from.max_version,
        [&](TlsVersion version) { to.set_max_version(ToProto(version)); });
  write("secure_protocol", from.secure_protocol,
        [&](const auto& name) { to.set_secure_protocol(name); });
  write("ciphers", from.ciphers,
        [&](const auto& ciphers) { to.set_ciphers(ciphers); });
  write("strict_ciphers", from.strict_ciphers,
        [&](bool strict) { to.set_strict_ciphers(strict); });
  write("prefer_client_ciphers", from.prefer_client_ciphers,
        [&](bool prefer) { to.set_prefer_client_ciphers(prefer); });
  write("groups", from.groups,
        [&](const auto& groups) { Assign(groups, to.mutable_groups()); });
  write("dh_params", from.dh_params,
        [&](const auto& pem) { to.set_dh_params(pem); });
  write("signature_algorithms", from.signature_algorithms,
        [&](const auto& names) {
          Assign(names, to.mutable_signature_algorithms());
        });
  write("signing_algorithms", from.signing_algorithms, [&](const auto& names) {
    Assign(names, to.mutable_signing_algorithms());
  });
}

template <typename Fields, typename Writer>
void WriteProtocolFields(const Fields& from, v1::SecureContext& to,
                         Writer write) {
  write("alpn_protocols", from.alpn_protocols,
        [&](const auto& names) { Assign(names, to.mutable_alpn_protocols()); });
  write("alpn_protocols_wire", from.alpn_protocols_wire,
        [&](const auto& wire) { to.set_alpn_protocols_wire(wire); });
  write("npn_protocols", from.npn_protocols,
        [&](const auto& names) { Assign(names, to.mutable_npn_protocols()); });
  write("npn_protocols_wire", from.npn_protocols_wire,
        [&](const auto& wire) { to.set_npn_protocols_wire(wire); });
}

template <typename Fields, typename Writer>
void WriteSessionFields(const Fields& from, v1::SecureContext& to,
                        Writer write) {
  write("session_timeout", from.session_timeout, [&](absl::Duration timeout) {
    if (timeout == absl::ZeroDuration()) return;
    *to.mutable_session_timeout() = ToProto(timeout);
  });
  write("session_id_context", from.session_id_context,
        [&](const auto& bytes) { to.set_session_id_context(bytes); });
  write("ticket_keys", from.ticket_keys,
        [&](const auto& keys) { Assign(keys, to.mutable_ticket_keys()); });
  write("disable_session_tickets", from.disable_session_tickets,
        [&](bool disable) { to.set_disable_session_tickets(disable); });
  write("hooks", from.hooks,
        [&](const Hooks& hooks) { *to.mutable_hooks() = ToProto(hooks); });
  write("early_data", from.early_data,
        [&](bool use) { to.set_early_data(use); });
  write("ech_keys", from.ech_keys, [&](const auto& keys) { Write(keys, to); });
}

template <typename Fields, typename Writer>
void WriteFields(const Fields& from, v1::SecureContext& to, Writer write) {
  WritePeerFields(from, to, write);
  WritePolicyFields(from, to, write);
  WriteProtocolFields(from, to, write);
  WriteSessionFields(from, to, write);
}

// AddOtherForm resets the one form of protocols when the other is set: they
// exclude each other.
void AddOtherForm(absl::string_view name, absl::string_view wire,
                  google::protobuf::FieldMask& mask) {
  const auto has = [&](absl::string_view path) {
    return std::find(mask.paths().begin(), mask.paths().end(), path) !=
           mask.paths().end();
  };
  const bool has_name = has(name);
  const bool has_wire = has(wire);
  if (has_name && !has_wire) mask.add_paths(std::string(wire));
  if (has_wire && !has_name) mask.add_paths(std::string(name));
}

NameRule ReadRule(const v1::NameRule& rule) {
  switch (rule.rule_case()) {
    case v1::NameRule::kIp:
      return {NameKind::kIp, rule.ip()};
    case v1::NameRule::kUri:
      return {NameKind::kUri, rule.uri()};
    case v1::NameRule::kUriPrefix:
      return {NameKind::kUriPrefix, rule.uri_prefix()};
    case v1::NameRule::kEmail:
      return {NameKind::kEmail, rule.email()};
    default:
      return {NameKind::kDns, rule.dns()};
  }
}

PeerRules ReadRules(const v1::PeerRules& rules) {
  PeerRules result;
  for (const v1::NameRule& rule : rules.names()) {
    result.names.push_back(ReadRule(rule));
  }
  result.certificate_pins = Strings(rules.certificate_pins());
  result.public_key_pins = Strings(rules.public_key_pins());
  return result;
}

CredentialsSource SourceOf(const v1::Credentials& credentials) {
  switch (credentials.source_case()) {
    case v1::Credentials::kPem:
      return CredentialsSource::kPem;
    case v1::Credentials::kPkcs12:
      return CredentialsSource::kPkcs12;
    case v1::Credentials::kDevelopment:
      return CredentialsSource::kDevelopment;
    case v1::Credentials::kRemote:
      return CredentialsSource::kRemote;
    default:
      return CredentialsSource::kUnknown;
  }
}

void ReadPeerFields(const v1::SecureContext& context,
                    SecureContextFacts& facts) {
  for (const v1::Credentials& credentials : context.credentials()) {
    CredentialsFacts& own = facts.credentials.emplace_back();
    own.source = SourceOf(credentials);
    own.certificates = FromProto(credentials.certificates());
    if (credentials.has_stapled_ocsp_response()) {
      own.stapled_ocsp_response =
          FromProto(credentials.stapled_ocsp_response());
    }
  }
  const v1::TrustAnchors& anchors = context.trust_anchors();
  facts.trusts_system = anchors.system() || !anchors.system_path().empty();
  facts.trusts_development = anchors.development();
  facts.trusted_pems = Strings(anchors.pems());
  facts.allows_partial_chain = anchors.allow_partial_chain();
  facts.system_trust_path = anchors.system_path();
  facts.trusted_certificate_count = anchors.certificate_count();
  if (context.has_revocation_lists()) {
    facts.revocation_lists = {Strings(context.revocation_lists().pems()),
                              context.revocation_lists().leaf_only()};
  }
  facts.peer_rules = ReadRules(context.peer_rules());
  facts.client_certificate_mode = FromProto(context.client_certificate_mode());
}

void ReadPolicyFields(const v1::SecureContext& context,
                      SecureContextFacts& facts) {
  facts.min_version = FromProto(context.min_version());
  facts.max_version = FromProto(context.max_version());
  facts.secure_protocol = context.secure_protocol();
  facts.ciphers = context.ciphers();
  facts.strict_ciphers = context.strict_ciphers();
  facts.prefer_client_ciphers = context.prefer_client_ciphers();
  facts.effective_ciphers = Strings(context.effective_ciphers());
  facts.ignored_cipher_tokens = Strings(context.ignored_cipher_tokens());
  facts.warnings = Strings(context.warnings());
  facts.groups = Strings(context.groups());
  facts.dh_params = context.dh_params();
  facts.signature_algorithms = Strings(context.signature_algorithms());
  facts.signing_algorithms = Strings(context.signing_algorithms());
  facts.alpn_protocols = Strings(context.alpn_protocols());
  facts.npn_protocols = Strings(context.npn_protocols());
}

}  // namespace

v1::ClientCertificateMode ToProto(ClientCertificateMode mode) {
  switch (mode) {
    case ClientCertificateMode::kNone:
      return v1::CLIENT_CERTIFICATE_MODE_NONE;
    case ClientCertificateMode::kRequest:
      return v1::CLIENT_CERTIFICATE_MODE_REQUEST;
    case ClientCertificateMode::kRequire:
      return v1::CLIENT_CERTIFICATE_MODE_REQUIRE;
  }
  return v1::CLIENT_CERTIFICATE_MODE_UNSPECIFIED;
}

ClientCertificateMode FromProto(v1::ClientCertificateMode mode) {
  switch (mode) {
    case v1::CLIENT_CERTIFICATE_MODE_REQUEST:
      return ClientCertificateMode::kRequest;
    case v1::CLIENT_CERTIFICATE_MODE_REQUIRE:
      return ClientCertificateMode::kRequire;
    default:
      return ClientCertificateMode::kNone;
  }
}

v1::CreateSecureContextRequest ToProto(const SecureContextOptions& options) {
  v1::CreateSecureContextRequest request;
  request.set_secure_context_id(options.id);
  WriteFields(
      options, *request.mutable_secure_context(),
      [](absl::string_view, const auto& value, auto set) { set(value); });
  return request;
}

v1::UpdateSecureContextRequest ToProto(const std::string& name,
                                       const SecureContextUpdate& update) {
  v1::UpdateSecureContextRequest request;
  request.mutable_secure_context()->set_name(name);
  request.mutable_secure_context()->set_etag(update.etag);
  google::protobuf::FieldMask& mask = *request.mutable_update_mask();
  WriteFields(update, *request.mutable_secure_context(),
              [&mask](absl::string_view path, const auto& value, auto set) {
                if (!value.has_value()) return;
                set(*value);
                mask.add_paths(std::string(path));
              });
  AddOtherForm("alpn_protocols", "alpn_protocols_wire", mask);
  AddOtherForm("npn_protocols", "npn_protocols_wire", mask);
  return request;
}

SecureContextFacts FromProto(const v1::SecureContext& context) {
  SecureContextFacts facts;
  facts.name = context.name();
  ReadPeerFields(context, facts);
  ReadPolicyFields(context, facts);
  facts.session_timeout = FromProto(context.session_timeout());
  facts.session_id_context = context.session_id_context();
  facts.disables_session_tickets = context.disable_session_tickets();
  facts.hooks = FromProto(context.hooks());
  facts.early_data = context.early_data();
  facts.ech_config_list = context.ech_config_list();
  facts.expire_time = TimeIf(context.has_expire_time(), context.expire_time());
  facts.create_time = TimeIf(context.has_create_time(), context.create_time());
  facts.update_time = TimeIf(context.has_update_time(), context.update_time());
  facts.etag = context.etag();
  return facts;
}

AlgorithmFacts FromProto(const v1::ListAlgorithmsResponse& response) {
  AlgorithmFacts facts;
  for (const v1::CipherSuite& suite : response.cipher_suites()) {
    facts.cipher_suites.push_back(
        {suite.name(), suite.standard_name(), FromProto(suite.min_version()),
         FromProto(suite.max_version()), suite.strength_bits()});
  }
  facts.groups = Strings(response.groups());
  facts.signature_algorithms = Strings(response.signature_algorithms());
  facts.secure_protocols = Strings(response.secure_protocols());
  facts.default_ciphers = response.default_ciphers();
  return facts;
}

}  // namespace tlsd::client
