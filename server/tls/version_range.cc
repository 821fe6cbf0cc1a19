#include "server/tls/version_range.h"

#include <openssl/ssl.h>

#include "absl/strings/match.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/str_join.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

struct Method {
  absl::string_view name;
  VersionRange versions;
};

// OpenSSL's methods, without what follows the version. The flexible ones mean
// the default range: that is what they are used for today.
constexpr Method kMethods[] = {
    {"SSLv23", {TlsVersion::kTls12, TlsVersion::kTls13}},
    {"TLS", {TlsVersion::kTls12, TlsVersion::kTls13}},
    {"TLSv1", {TlsVersion::kTls10, TlsVersion::kTls10}},
    {"TLSv1_1", {TlsVersion::kTls11, TlsVersion::kTls11}},
    {"TLSv1_2", {TlsVersion::kTls12, TlsVersion::kTls12}},
};

constexpr absl::string_view kEndings[] = {"_method", "_client_method",
                                          "_server_method"};

std::string Allowed(absl::string_view name) {
  std::string allowed = absl::StrJoin(SecureProtocolNames(), ", ");
  if (absl::StartsWith(name, "SSLv2") || absl::StartsWith(name, "SSLv3")) {
    absl::StrAppend(&allowed,
                    "; SSL 2 and 3 are broken (RFC 6176, RFC 7568) and the "
                    "library has them no more");
  }
  if (absl::StartsWith(name, "TLSv1_3")) {
    absl::StrAppend(&allowed,
                    "; OpenSSL has no such method: set min_version instead");
  }
  return allowed;
}

absl::StatusOr<VersionRange> FindMethod(absl::string_view name) {
  for (const Method& method : kMethods) {
    for (const absl::string_view ending : kEndings) {
      if (name == absl::StrCat(method.name, ending)) return method.versions;
    }
  }
  return FieldError(Reason::kProtocolUnsupported, "secure_protocol", name,
                    Allowed(name));
}

}  // namespace

std::vector<std::string> SecureProtocolNames() {
  std::vector<std::string> names;
  for (const Method& method : kMethods) {
    for (const absl::string_view ending : kEndings) {
      names.push_back(absl::StrCat(method.name, ending));
    }
  }
  return names;
}

absl::StatusOr<VersionRange> ChooseVersions(
    const SecureContextOptions& options) {
  if (!options.secure_protocol.empty()) {
    if (options.min_version.has_value() || options.max_version.has_value()) {
      return FieldError(Reason::kFieldsConflict, "secure_protocol",
                        options.secure_protocol,
                        "either secure_protocol, or min_version and "
                        "max_version");
    }
    return FindMethod(options.secure_protocol);
  }
  VersionRange versions;
  versions.min = options.min_version.value_or(versions.min);
  versions.max = options.max_version.value_or(versions.max);
  if (versions.min <= versions.max) return versions;
  return FieldError(
      Reason::kVersionRangeEmpty, "min_version", VersionName(versions.min),
      absl::StrCat("at most max_version, ", VersionName(versions.max)));
}

uint16_t ToProtocolVersion(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return TLS1_VERSION;
    case TlsVersion::kTls11:
      return TLS1_1_VERSION;
    case TlsVersion::kTls12:
      return TLS1_2_VERSION;
    case TlsVersion::kTls13:
      break;
  }
  return TLS1_3_VERSION;
}

TlsVersion FromProtocolVersion(uint16_t version) {
  switch (version) {
    // Of cipher suites alone: those of SSL 3 are those of TLS 1.0.
    case SSL3_VERSION:
    case TLS1_VERSION:
      return TlsVersion::kTls10;
    case TLS1_1_VERSION:
      return TlsVersion::kTls11;
    case TLS1_2_VERSION:
      return TlsVersion::kTls12;
    default:
      return TlsVersion::kTls13;
  }
}

absl::string_view VersionName(TlsVersion version) {
  switch (version) {
    case TlsVersion::kTls10:
      return "TLSv1";
    case TlsVersion::kTls11:
      return "TLSv1.1";
    case TlsVersion::kTls12:
      return "TLSv1.2";
    case TlsVersion::kTls13:
      break;
  }
  return "TLSv1.3";
}

}  // namespace tlsd::tls
