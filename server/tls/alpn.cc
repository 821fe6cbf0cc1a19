#include "server/tls/alpn.h"

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

constexpr size_t kProtocolBytesMax = 255;
// RFC 7301 section 3.1: the list has a length of two bytes.
constexpr size_t kListBytesMax = 65535;

// TakeProtocol removes the first protocol of `list`; nothing if it is at its
// end or malformed.
std::optional<absl::string_view> TakeProtocol(absl::string_view& list) {
  if (list.empty()) return std::nullopt;
  const size_t size = static_cast<uint8_t>(list[0]);
  if (list.size() < 1 + size) return std::nullopt;
  const absl::string_view protocol = list.substr(1, size);
  list.remove_prefix(1 + size);
  return protocol;
}

absl::string_view AsText(absl::Span<const uint8_t> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

}  // namespace

absl::StatusOr<std::string> EncodeAlpn(
    const std::vector<std::string>& protocols) {
  std::string wire;
  absl::flat_hash_set<absl::string_view> seen;
  for (size_t i = 0; i < protocols.size(); ++i) {
    const std::string& protocol = protocols[i];
    const std::string field = absl::StrCat("alpn_protocols[", i, "]");
    if (protocol.empty() || protocol.size() > kProtocolBytesMax) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "1 to 255 bytes");
    }
    if (!seen.insert(protocol).second) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "each protocol once");
    }
    wire.push_back(static_cast<char>(protocol.size()));
    wire.append(protocol);
    if (wire.size() > kListBytesMax) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "65535 bytes on the wire for all protocols together");
    }
  }
  return wire;
}

std::optional<absl::Span<const uint8_t>> SelectAlpn(
    absl::string_view supported, absl::Span<const uint8_t> offered) {
  while (const auto wanted = TakeProtocol(supported)) {
    absl::string_view rest = AsText(offered);
    while (const auto candidate = TakeProtocol(rest)) {
      if (*candidate != *wanted) continue;
      const size_t begin = candidate->data() - AsText(offered).data();
      return offered.subspan(begin, candidate->size());
    }
  }
  return std::nullopt;
}

}  // namespace tlsd::tls
