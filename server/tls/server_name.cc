#include "server/tls/server_name.h"

#include <arpa/inet.h>

#include <cstddef>

#include "absl/algorithm/container.h"
#include "absl/strings/ascii.h"
#include "absl/strings/escaping.h"
#include "absl/strings/str_split.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kNameBytesMax = 253;
constexpr size_t kLabelBytesMax = 63;

bool IsIpAddress(int family, const std::string& text) {
  in6_addr address;
  return inet_pton(family, text.c_str(), &address) == 1;
}

bool IsLabel(absl::string_view label) {
  return !label.empty() && label.size() <= kLabelBytesMax &&
         absl::c_all_of(label, [](char c) {
           return absl::ascii_isalnum(c) || c == '-' || c == '_';
         });
}

// EndsInNumber reports what resolvers take for the end of an IPv4 address in
// one of its loose forms, e.g. "127.1" or "0x7f000001".
bool EndsInNumber(absl::string_view last_label) {
  if (absl::c_all_of(last_label, absl::ascii_isdigit)) return true;
  return absl::ConsumePrefix(&last_label, "0x") &&
         absl::c_all_of(last_label, absl::ascii_isxdigit);
}

bool IsDnsName(absl::string_view name) {
  if (name.empty() || name.size() > kNameBytesMax) return false;
  absl::string_view last;
  for (absl::string_view label : absl::StrSplit(name, '.')) {
    if (!IsLabel(label)) return false;
    last = label;
  }
  return !EndsInNumber(last);
}

}  // namespace

absl::StatusOr<ServerName> ParseServerName(absl::string_view field,
                                           absl::string_view name) {
  // inet_pton stops at a NUL, so that "127.0.0.1\0.example" would pass.
  if (name.find('\0') == absl::string_view::npos) {
    const std::string address(name.substr(0, name.find('%')));
    if (IsIpAddress(AF_INET6, address) ||
        (address.size() == name.size() && IsIpAddress(AF_INET, address))) {
      return ServerName{ServerName::Kind::kIpAddress,
                        absl::AsciiStrToLower(address)};
    }
  }
  const absl::string_view dns_name = absl::StripSuffix(name, ".");
  if (!IsDnsName(dns_name)) {
    return FieldError(Reason::kServerNameInvalid, field, name,
                      "a DNS name in ASCII (IDNs in the \"xn--\" form) or an "
                      "IP address");
  }
  return ServerName{ServerName::Kind::kDns, absl::AsciiStrToLower(dns_name)};
}

std::string DisplayServerName(absl::string_view name) {
  return absl::CHexEscape(name);
}

}  // namespace tlsd::tls
