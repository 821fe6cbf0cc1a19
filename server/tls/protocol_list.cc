#include "server/tls/protocol_list.h"

#include <cstddef>

#include "absl/container/flat_hash_set.h"
#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "server/base/status_macros.h"

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

// ProtocolEncoder checks protocols as it appends them.
class ProtocolEncoder {
 public:
  absl::Status Append(absl::string_view field, absl::string_view protocol) {
    if (protocol.empty() || protocol.size() > kProtocolBytesMax) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "1 to 255 bytes");
    }
    if (!seen_.insert(protocol).second) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "each protocol once");
    }
    wire_.push_back(static_cast<char>(protocol.size()));
    wire_.append(protocol.data(), protocol.size());
    if (wire_.size() > kListBytesMax) {
      return FieldError(Reason::kAlpnInvalid, field, protocol,
                        "65535 bytes on the wire for all protocols together");
    }
    return absl::OkStatus();
  }

  std::string Take() { return std::move(wire_); }

 private:
  // Parts of what the caller holds.
  absl::flat_hash_set<absl::string_view> seen_;
  std::string wire_;
};

}  // namespace

absl::StatusOr<std::string> EncodeProtocols(
    absl::string_view field, const std::vector<std::string>& protocols) {
  ProtocolEncoder encoder;
  for (size_t i = 0; i < protocols.size(); ++i) {
    TLSD_RETURN_IF_ERROR(
        encoder.Append(absl::StrCat(field, "[", i, "]"), protocols[i]));
  }
  return encoder.Take();
}

absl::StatusOr<std::vector<std::string>> DecodeProtocols(
    absl::string_view field, absl::string_view wire) {
  std::vector<std::string> protocols;
  ProtocolEncoder encoder;
  absl::string_view rest = wire;
  while (!rest.empty()) {
    const size_t offset = wire.size() - rest.size();
    const std::optional<absl::string_view> protocol = TakeProtocol(rest);
    if (!protocol.has_value()) {
      return FieldError(
          Reason::kAlpnInvalid, field,
          absl::StrCat("a length of ", static_cast<uint8_t>(rest[0]),
                       " at byte ", offset, " with ", rest.size() - 1,
                       " bytes behind it"),
          "each protocol behind its length in one byte");
    }
    TLSD_RETURN_IF_ERROR(encoder.Append(field, *protocol));
    protocols.emplace_back(*protocol);
  }
  return protocols;
}

std::optional<absl::Span<const uint8_t>> SelectProtocol(
    absl::string_view preferred, absl::Span<const uint8_t> others) {
  while (const auto wanted = TakeProtocol(preferred)) {
    absl::string_view rest = AsText(others);
    while (const auto candidate = TakeProtocol(rest)) {
      if (*candidate != *wanted) continue;
      const size_t begin = candidate->data() - AsText(others).data();
      return others.subspan(begin, candidate->size());
    }
  }
  return std::nullopt;
}

}  // namespace tlsd::tls
