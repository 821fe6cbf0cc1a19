// ALPN (RFC 7301): protocol lists and the server's choice. Pure functions; any
// thread may call them.
#ifndef TLSD_SERVER_TLS_ALPN_H_
#define TLSD_SERVER_TLS_ALPN_H_

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tlsd::tls {

// EncodeAlpn returns `protocols` in wire form, each behind its length. It fails
// with ALPN_INVALID, naming "alpn_protocols[i]", if one is empty, longer than
// 255 bytes or named twice, or if all are longer than 65535 bytes on the wire.
absl::StatusOr<std::string> EncodeAlpn(
    const std::vector<std::string>& protocols);

// SelectAlpn returns the first of `supported` that `offered` has too, as a part
// of `offered`; both in wire form.
std::optional<absl::Span<const uint8_t>> SelectAlpn(
    absl::string_view supported, absl::Span<const uint8_t> offered);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_ALPN_H_
