#include "server/tls/peer_rules.h"

#include <openssl/digest.h>
#include <openssl/evp.h>
#include <openssl/mem.h>
#include <openssl/sha.h>
#include <openssl/x509v3.h>

#include <cstdint>
#include <optional>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_replace.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/tls/certificate.h"
#include "server/tls/public_key_facts.h"
#include "server/tls/server_identity.h"
#include "server/tls/server_name.h"
#include "server/tls/sha256.h"
#include "server/tls/ssl_error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kCountMax = 100;
constexpr size_t kNameBytesMax = 2048;

absl::string_view KindName(NameRule::Kind kind) {
  switch (kind) {
    case NameRule::Kind::kDns:
      return "dns";
    case NameRule::Kind::kIp:
      return "ip";
    case NameRule::Kind::kUri:
      return "uri";
    case NameRule::Kind::kUriPrefix:
      return "uri_prefix";
    case NameRule::Kind::kEmail:
      return "email";
  }
  return "";
}

absl::Status CheckCount(absl::string_view field, size_t count) {
  if (count <= kCountMax) return absl::OkStatus();
  return FieldError(Reason::kFieldInvalid, field, absl::StrCat(count),
                    absl::StrCat("at most ", kCountMax));
}

bool IsPrintableAscii(absl::string_view text) {
  return absl::c_all_of(text,
                        [](unsigned char c) { return absl::ascii_isgraph(c); });
}

// Normalize returns `rule` as it is compared, or what is wrong with it.
absl::StatusOr<NameRule> Normalize(absl::string_view field,
                                   const NameRule& rule) {
  if (rule.value.empty()) return FieldRequired(field);
  if (rule.kind == NameRule::Kind::kDns || rule.kind == NameRule::Kind::kIp) {
    TLSD_ASSIGN_OR_RETURN(const ServerName name,
                          ParseServerName(field, rule.value));
    const bool is_ip = name.kind == ServerName::Kind::kIpAddress;
    if (is_ip != (rule.kind == NameRule::Kind::kIp)) {
      return FieldError(
          Reason::kServerNameInvalid, field, rule.value,
          is_ip ? "a DNS name; an address goes in \"ip\"" : "an IP address");
    }
    return NameRule{rule.kind, name.text};
  }
  if (rule.value.size() > kNameBytesMax || !IsPrintableAscii(rule.value)) {
    return FieldError(Reason::kFieldInvalid, field, rule.value,
                      "printable ASCII, at most 2048 bytes");
  }
  // Else "spiffe://example.org" would let "spiffe://example.org.evil" in.
  if (rule.kind == NameRule::Kind::kUriPrefix &&
      !absl::EndsWith(rule.value, "/")) {
    return FieldError(Reason::kFieldInvalid, field, rule.value,
                      "the start of a URI that ends with a slash, e.g. "
                      "\"spiffe://example.org/\"");
  }
  const bool is_email = rule.kind == NameRule::Kind::kEmail;
  if (absl::StrContains(rule.value, is_email ? "@" : ":")) return rule;
  return FieldError(Reason::kFieldInvalid, field, rule.value,
                    is_email ? "an email address, e.g. \"ops@example.com\""
                             : "a URI with its scheme, e.g. "
                               "\"spiffe://example.org/web\"");
}

std::optional<std::string> DecodePin(absl::string_view text) {
  absl::ConsumePrefix(&text, "sha256/");
  const std::string hex = absl::StrReplaceAll(text, {{":", ""}});
  if (hex.size() == 2 * SHA256_DIGEST_LENGTH &&
      absl::c_all_of(hex, absl::ascii_isxdigit)) {
    return absl::HexStringToBytes(hex);
  }
  std::string bytes;
  if (absl::Base64Unescape(text, &bytes) &&
      bytes.size() == SHA256_DIGEST_LENGTH) {
    return bytes;
  }
  return std::nullopt;
}

absl::StatusOr<std::set<std::string>> DecodePins(
    absl::string_view field, const std::vector<std::string>& texts) {
  TLSD_RETURN_IF_ERROR(CheckCount(field, texts.size()));
  std::set<std::string> pins;
  for (size_t i = 0; i < texts.size(); ++i) {
    const std::optional<std::string> pin = DecodePin(texts[i]);
    if (!pin.has_value()) {
      return FieldError(Reason::kFieldInvalid, absl::StrCat(field, "[", i, "]"),
                        texts[i],
                        "a SHA-256 in hexadecimal (64 digits) or base64");
    }
    pins.insert(*pin);
  }
  return pins;
}

bool UriFits(absl::string_view uri, const NameRule& rule) {
  return rule.kind == NameRule::Kind::kUri ? uri == rule.value
                                           : absl::StartsWith(uri, rule.value);
}

bool HasUri(X509* certificate, const NameRule& rule) {
  const bssl::UniquePtr<GENERAL_NAMES> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(
          certificate, NID_subject_alt_name, /*out_critical=*/nullptr,
          /*out_idx=*/nullptr)));
  if (names == nullptr) return false;
  for (const GENERAL_NAME* name : names.get()) {
    if (name->type != GEN_URI) continue;
    const ASN1_STRING* uri = name->d.uniformResourceIdentifier;
    if (UriFits({reinterpret_cast<const char*>(ASN1_STRING_get0_data(uri)),
                 static_cast<size_t>(ASN1_STRING_length(uri))},
                rule)) {
      return true;
    }
  }
  return false;
}

bool NameFits(X509* certificate, const NameRule& rule) {
  switch (rule.kind) {
    case NameRule::Kind::kDns:
      return CheckServerIdentity(certificate, {ServerName::Kind::kDns,
                                               rule.value}) == X509_V_OK;
    case NameRule::Kind::kIp:
      return CheckServerIdentity(certificate, {ServerName::Kind::kIpAddress,
                                               rule.value}) == X509_V_OK;
    case NameRule::Kind::kEmail:
      return X509_check_email(certificate, rule.value.data(), rule.value.size(),
                              X509_CHECK_FLAG_NEVER_CHECK_SUBJECT) == 1;
    case NameRule::Kind::kUri:
    case NameRule::Kind::kUriPrefix:
      return HasUri(certificate, rule);
  }
  return false;
}

}  // namespace

absl::StatusOr<PeerRules> PeerRules::Parse(const PeerRulesOptions& options) {
  PeerRules rules;
  TLSD_RETURN_IF_ERROR(CheckCount("peer_rules.names", options.names.size()));
  for (size_t i = 0; i < options.names.size(); ++i) {
    const NameRule& rule = options.names[i];
    TLSD_ASSIGN_OR_RETURN(NameRule normalized,
                          Normalize(absl::StrCat("peer_rules.names[", i, "].",
                                                 KindName(rule.kind)),
                                    rule));
    rules.names_.push_back(std::move(normalized));
  }
  TLSD_ASSIGN_OR_RETURN(
      rules.certificate_pins_,
      DecodePins("peer_rules.certificate_pins", options.certificate_pins));
  TLSD_ASSIGN_OR_RETURN(
      rules.public_key_pins_,
      DecodePins("peer_rules.public_key_pins", options.public_key_pins));
  return rules;
}

PeerRules::Result PeerRules::Check(X509* certificate) const {
  const ErrorQueueGuard guard;
  if (!certificate_pins_.empty() &&
      certificate_pins_.count(Sha256(EncodeDer(certificate))) == 0) {
    return Result::kPinMismatch;
  }
  if (!public_key_pins_.empty() &&
      public_key_pins_.count(Sha256(PublicKeyDer(certificate))) == 0) {
    return Result::kPinMismatch;
  }
  const bool name_fits =
      names_.empty() || absl::c_any_of(names_, [&](const NameRule& rule) {
        return NameFits(certificate, rule);
      });
  return name_fits ? Result::kFulfilled : Result::kNameMismatch;
}

std::string PeerRules::digest() const {
  std::string text;
  for (const NameRule& rule : names_) {
    absl::StrAppend(&text, KindName(rule.kind), ":", rule.value.size(), ":",
                    rule.value, ";");
  }
  for (const std::string& pin : certificate_pins_) {
    absl::StrAppend(&text, "certificate:", pin, ";");
  }
  for (const std::string& pin : public_key_pins_) {
    absl::StrAppend(&text, "key:", pin, ";");
  }
  return Sha256(text);
}

}  // namespace tlsd::tls
