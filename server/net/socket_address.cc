#include "server/net/socket_address.h"

#include <algorithm>
#include <optional>

#include "absl/strings/ascii.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "proto/status/error.h"
#include "server/net/raw_address.h"

namespace tlsd::net {
namespace {

constexpr absl::string_view kUnixPrefix = "unix:";
constexpr absl::string_view kAllowed =
    "host:port, [IPv6 address]:port, :port (every interface) or unix:/path";
constexpr absl::string_view kIpAllowed =
    "an IP address without a zone, with or without a port, as in 192.0.2.1, "
    "192.0.2.1:80, 2001:db8::1 or [2001:db8::1]:80";
constexpr size_t kHostBytesMax = 253;
constexpr size_t kPortDigitsMax = 5;
constexpr int kPortMax = 65535;

bool IsIpv6Address(absl::string_view host) {
  return absl::StrContains(host, ':') && IsIpAddress(host);
}

bool IsHostChar(char c) {
  return absl::ascii_isalnum(c) || c == '-' || c == '_' || c == '.';
}

bool IsHost(absl::string_view host) {
  if (host.empty() || IsIpAddress(host)) return !absl::StrContains(host, ':');
  if (host.size() > kHostBytesMax ||
      !std::all_of(host.begin(), host.end(), IsHostChar)) {
    return false;
  }
  // getaddrinfo would read "127.1" and "1" as addresses in their ancient forms.
  return std::any_of(host.begin(), host.end(), absl::ascii_isalpha);
}

bool ParsePort(absl::string_view text, uint16_t& port) {
  int number = 0;
  if (text.size() > kPortDigitsMax ||
      !std::all_of(text.begin(), text.end(), absl::ascii_isdigit) ||
      !absl::SimpleAtoi(text, &number) || number > kPortMax) {
    return false;
  }
  port = static_cast<uint16_t>(number);
  return true;
}

absl::StatusOr<Endpoint> ParseUnixEndpoint(absl::string_view field,
                                           absl::string_view text) {
  const absl::string_view path = absl::StripPrefix(text, kUnixPrefix);
  if (path.size() < 2 || path.front() != '/' ||
      path.size() > kUnixPathBytesMax || absl::StrContains(path, '\0')) {
    return FieldError(Reason::kAddressInvalid, field, text,
                      absl::StrCat("unix: and an absolute path of at most ",
                                   kUnixPathBytesMax, " bytes"));
  }
  Endpoint endpoint;
  endpoint.path = std::string(path);
  return endpoint;
}

std::string HostAndPort(absl::string_view host, uint16_t port) {
  return absl::StrContains(host, ':') ? absl::StrCat("[", host, "]:", port)
                                      : absl::StrCat(host, ":", port);
}

}  // namespace

std::string SocketAddress::ToString() const {
  switch (family) {
    case Family::kNone:
      return "";
    case Family::kIpv4:
    case Family::kIpv6:
      return HostAndPort(text, port);
    case Family::kUnix:
      return absl::StrCat(kUnixPrefix, text);
  }
  return "";
}

std::string Endpoint::ToString() const {
  return is_unix() ? absl::StrCat(kUnixPrefix, path) : HostAndPort(host, port);
}

absl::StatusOr<Endpoint> ParseEndpoint(absl::string_view field,
                                       absl::string_view text) {
  if (absl::StartsWith(text, kUnixPrefix)) {
    return ParseUnixEndpoint(field, text);
  }
  Endpoint endpoint;
  const size_t colon = text.rfind(':');
  if (colon == absl::string_view::npos ||
      !ParsePort(text.substr(colon + 1), endpoint.port)) {
    return FieldError(Reason::kAddressInvalid, field, text, kAllowed);
  }
  absl::string_view host = text.substr(0, colon);
  const bool in_brackets =
      absl::ConsumePrefix(&host, "[") && absl::ConsumeSuffix(&host, "]");
  if (in_brackets ? !IsIpv6Address(host) : !IsHost(host)) {
    return FieldError(Reason::kAddressInvalid, field, text, kAllowed);
  }
  endpoint.host = std::string(host);
  return endpoint;
}

absl::StatusOr<SocketAddress> ParseIpEndpoint(absl::string_view field,
                                              absl::string_view text) {
  absl::string_view host = text;
  uint16_t port = 0;
  bool is_good = true;
  if (absl::ConsumePrefix(&host, "[")) {
    const size_t end = host.find(']');
    const absl::string_view rest =
        end == absl::string_view::npos ? "" : host.substr(end + 1);
    is_good = absl::StartsWith(rest, ":") && ParsePort(rest.substr(1), port);
    host = host.substr(0, end);
    is_good = is_good && absl::StrContains(host, ':');
  } else if (const size_t colon = host.find(':');
             colon != absl::string_view::npos && colon == host.rfind(':')) {
    is_good = ParsePort(host.substr(colon + 1), port);
    host = host.substr(0, colon);
  }
  const std::optional<RawAddress> address = RawFromIp(host, port);
  if (!is_good || !address.has_value()) {
    return FieldError(Reason::kAddressInvalid, field, text, kIpAllowed);
  }
  return FromRaw(*address);
}

bool IsIpAddress(absl::string_view host) {
  const size_t percent = host.find('%');
  if (percent == absl::string_view::npos) {
    return RawFromIp(host, 0).has_value();
  }
  // RFC 4007 11: an IPv6 address may name its zone.
  const absl::string_view ip = host.substr(0, percent);
  return percent + 1 < host.size() && absl::StrContains(ip, ':') &&
         RawFromIp(ip, 0).has_value();
}

}  // namespace tlsd::net
