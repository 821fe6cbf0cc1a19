// Lists of application protocols, as ALPN (RFC 7301) and NPN have them: from
// names to wire form and back, and the choice of one.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_PROTOCOL_LIST_H_
#define TLSD_SERVER_TLS_PROTOCOL_LIST_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tlsd::tls {

// EncodeProtocols returns `protocols` in wire form, each behind its length. It
// fails with ALPN_INVALID, naming "`field`[i]", if one is empty, longer than
// 255 bytes or named twice, or if all are longer than 65535 bytes on the wire.
absl::StatusOr<std::string> EncodeProtocols(
    absl::string_view field, const std::vector<std::string>& protocols);

// DecodeProtocols returns the protocols of `wire`. It fails with ALPN_INVALID,
// naming `field`, if it is malformed, and for the same reasons.
absl::StatusOr<std::vector<std::string>> DecodeProtocols(
    absl::string_view field, absl::string_view wire);

// SelectProtocol returns the first of `preferred` that `others` has too, as a
// part of `others`; both in wire form.
std::optional<absl::Span<const uint8_t>> SelectProtocol(
    absl::string_view preferred, absl::Span<const uint8_t> others);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_PROTOCOL_LIST_H_
