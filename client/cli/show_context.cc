#include "client/cli/show_context.h"

#include <string>
#include <vector>

#include "absl/strings/escaping.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/string_view.h"
#include "client/cli/cells.h"
#include "client/cli/hook_options.h"
#include "client/cli/humanize.h"
#include "client/cli/show_certificate.h"
#include "client/convert.h"

namespace tlsd::client::cli {
namespace {

std::vector<std::string> Strings(
    const google::protobuf::RepeatedPtrField<std::string>& field) {
  return {field.begin(), field.end()};
}

std::string TrustText(const v1::TrustAnchors& anchors) {
  std::vector<std::string> sources;
  if (anchors.certificate_count() > 0) {
    sources.push_back(Count(anchors.certificate_count(), "certificate"));
  }
  if (!anchors.system_path().empty()) {
    sources.push_back(absl::StrCat("system (", anchors.system_path(), ")"));
  } else if (anchors.system()) {
    sources.push_back("system");
  }
  if (anchors.development()) sources.push_back("development authority");
  if (anchors.allow_partial_chain()) sources.push_back("partial chains");
  return absl::StrJoin(sources, ", ");
}

std::string ClientCertificateText(const v1::SecureContext& context) {
  return EnumWord(
      v1::ClientCertificateMode_Name(context.client_certificate_mode()),
      "CLIENT_CERTIFICATE_MODE_");
}

std::string VersionText(v1::TlsVersion version) {
  switch (version) {
    case v1::TLS_VERSION_TLS_1_0:
      return "1.0";
    case v1::TLS_VERSION_TLS_1_1:
      return "1.1";
    case v1::TLS_VERSION_TLS_1_2:
      return "1.2";
    case v1::TLS_VERSION_TLS_1_3:
      return "1.3";
    default:
      return "";
  }
}

std::string VersionRange(v1::TlsVersion oldest, v1::TlsVersion newest) {
  if (oldest == newest) return VersionText(oldest);
  return absl::StrCat(VersionText(oldest), " to ", VersionText(newest));
}

std::string VersionsText(const v1::SecureContext& context) {
  const std::string range =
      VersionRange(context.min_version(), context.max_version());
  if (context.secure_protocol().empty()) return range;
  if (range.empty()) return context.secure_protocol();
  return absl::StrCat(range, " (", context.secure_protocol(), ")");
}

std::string RevocationText(const v1::SecureContext& context) {
  if (!context.has_revocation_lists()) return "";
  const v1::RevocationLists& lists = context.revocation_lists();
  return absl::StrCat(lists.leaf_only() ? "own certificate" : "whole chain",
                      ", ", Count(lists.pems_size(), "PEM text"));
}

std::string NameText(const v1::NameRule& rule) {
  switch (rule.rule_case()) {
    case v1::NameRule::kDns:
      return absl::StrCat("dns:", rule.dns());
    case v1::NameRule::kIp:
      return absl::StrCat("ip:", rule.ip());
    case v1::NameRule::kUri:
      return absl::StrCat("uri:", rule.uri());
    case v1::NameRule::kUriPrefix:
      return absl::StrCat("uri-prefix:", rule.uri_prefix());
    case v1::NameRule::kEmail:
      return absl::StrCat("email:", rule.email());
    case v1::NameRule::RULE_NOT_SET:
      break;
  }
  return "";
}

// KeyText tells the key, and whether the daemon has it.
std::string KeyText(const v1::Credentials& credentials) {
  const std::string& key = credentials.certificates(0).public_key();
  return credentials.has_remote() ? absl::StrCat(key, ", elsewhere") : key;
}

// OwnCertificates returns the first certificate of each of the credentials.
std::vector<const v1::Certificate*> OwnCertificates(
    const v1::SecureContext& context) {
  std::vector<const v1::Certificate*> own;
  for (const v1::Credentials& credentials : context.credentials()) {
    if (credentials.certificates_size() > 0) {
      own.push_back(&credentials.certificates(0));
    }
  }
  return own;
}

Cell ContextExpiryCell(const v1::SecureContext& context, absl::Time now) {
  if (!context.has_expire_time()) return "";
  return ExpiryCell(FromProto(context.expire_time()), now);
}

void AddCredentials(const v1::SecureContext& context, absl::Time now,
                    Block& block) {
  const bool has_many = OwnCertificates(context).size() > 1;
  int count = 0;
  for (const v1::Credentials& credentials : context.credentials()) {
    if (credentials.certificates().empty()) continue;
    const v1::Certificate& certificate = credentials.certificates(0);
    const std::string number = has_many ? absl::StrCat(" ", ++count) : "";
    block.Add(absl::StrCat("certificate", number), certificate.subject());
    block.Add("issuer", certificate.issuer());
    block.AddList("names", Strings(certificate.subject_alternative_names()));
    block.Add("key", KeyText(credentials));
    block.Add("expires",
              certificate.has_not_after_time()
                  ? ExpiryCell(FromProto(certificate.not_after_time()), now)
                  : ContextExpiryCell(context, now));
    block.Add("fingerprint", certificate.sha256_fingerprint());
    if (credentials.has_stapled_ocsp_response()) {
      block.Add("OCSP staple", OcspCell(credentials.stapled_ocsp_response()));
    }
  }
}

void AddPeerRules(const v1::PeerRules& rules, Block& block) {
  std::vector<std::string> names;
  for (const v1::NameRule& rule : rules.names()) {
    names.push_back(NameText(rule));
  }
  block.AddList("allowed names", names);
  block.AddList("certificate pins", Strings(rules.certificate_pins()));
  block.AddList("key pins", Strings(rules.public_key_pins()));
}

void AddPolicy(const v1::SecureContext& context, Block& block) {
  block.Add("TLS versions", VersionsText(context));
  block.AddList("ciphers", Strings(context.effective_ciphers()));
  block.AddList("ignored ciphers", Strings(context.ignored_cipher_tokens()),
                Tone::kCareful);
  if (context.strict_ciphers()) block.Add("unknown ciphers", "refused");
  if (context.prefer_client_ciphers()) block.Add("cipher order", "client's");
  block.AddList("groups", Strings(context.groups()));
  block.AddList("peers sign with", Strings(context.signature_algorithms()));
  block.AddList("we sign with", Strings(context.signing_algorithms()));
  block.AddList("ALPN", Strings(context.alpn_protocols()));
  block.AddList("NPN", Strings(context.npn_protocols()));
}

void AddSessions(const v1::SecureContext& context, Block& block) {
  if (context.has_session_timeout()) {
    block.Add("session timeout",
              HumanDuration(FromProto(context.session_timeout())));
  }
  block.Add("session ID context", context.session_id_context());
  if (context.disable_session_tickets()) block.Add("tickets", "none");
  if (context.early_data()) {
    block.Add("early data", {"yes; it can be replayed", Tone::kCareful});
  }
  block.Add("ECH config list", absl::Base64Escape(context.ech_config_list()));
}

}  // namespace

Block SecureContextBlock(const v1::SecureContext& context, absl::Time now) {
  Block block(
      {context.name().empty() ? "not kept" : context.name(), Tone::kStrong});
  AddCredentials(context, now, block);
  block.Add("trusts", TrustText(context.trust_anchors()));
  block.Add("revocation", RevocationText(context));
  AddPeerRules(context.peer_rules(), block);
  block.Add("client certificates", ClientCertificateText(context));
  AddPolicy(context, block);
  AddSessions(context, block);
  block.AddList("hooks", HookTexts(context.hooks()));
  for (const std::string& warning : context.warnings()) {
    block.Add("warning", {warning, Tone::kCareful});
  }
  block.Add("age",
            AgeText(context.has_create_time(), context.create_time(), now));
  const absl::Time changed = FromProto(context.update_time());
  if (changed > FromProto(context.create_time())) {
    block.Add("changed", HumanAge(changed, now));
  }
  return block;
}

Table SecureContextTable(const v1::ListSecureContextsResponse& list,
                         absl::Time now) {
  Table table({"NAME", "CERTIFICATE", "EXPIRES", "TRUSTS", "CLIENT CERT",
               "ALPN", "AGE"});
  for (const v1::SecureContext& context : list.secure_contexts()) {
    const std::vector<const v1::Certificate*> own = OwnCertificates(context);
    std::string certificate = own.empty() ? "" : own[0]->subject();
    if (own.size() > 1) {
      absl::StrAppend(&certificate, " and ", own.size() - 1, " more");
    }
    table.AddRow(
        {context.name(), certificate, ContextExpiryCell(context, now),
         TrustText(context.trust_anchors()), ClientCertificateText(context),
         absl::StrJoin(context.alpn_protocols(), ","),
         AgeText(context.has_create_time(), context.create_time(), now)});
  }
  return table;
}

Block EchRotationBlock(const std::string& context,
                       const v1::RotateEchKeysResponse& response) {
  Block block({absl::StrCat("rotated ", context), Tone::kStrong});
  block.Add("keys", absl::StrCat(response.key_count()));
  block.Add("ECH config list", absl::Base64Escape(response.ech_config_list()));
  return block;
}

std::string AlgorithmsText(const v1::ListAlgorithmsResponse& algorithms,
                           ColourMode mode) {
  Table table({"CIPHER SUITE", "STANDARD NAME", "TLS", "BITS"});
  for (const v1::CipherSuite& suite : algorithms.cipher_suites()) {
    table.AddRow({suite.name(), suite.standard_name(),
                  VersionRange(suite.min_version(), suite.max_version()),
                  absl::StrCat(suite.strength_bits())});
  }
  return absl::StrCat(table.Format(mode), "\ngroups      ",
                      absl::StrJoin(algorithms.groups(), " "), "\nsignatures  ",
                      absl::StrJoin(algorithms.signature_algorithms(), " "),
                      "\nmethods     ",
                      absl::StrJoin(algorithms.secure_protocols(), " "),
                      "\nciphers     ", algorithms.default_ciphers(), "\n");
}

}  // namespace tlsd::client::cli
