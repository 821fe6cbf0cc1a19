// The range of TLS versions of a context: from two bounds, or from the name of
// one of OpenSSL's methods.
//
// Pure functions; any thread may call them.
#ifndef TLSD_SERVER_TLS_VERSION_RANGE_H_
#define TLSD_SERVER_TLS_VERSION_RANGE_H_

#include <cstdint>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "server/tls/secure_context_options.h"

namespace tlsd::tls {

struct VersionRange {
  TlsVersion min = TlsVersion::kTls12;
  TlsVersion max = TlsVersion::kTls13;
};

// ChooseVersions returns what `options` say: TLS 1.2 to TLS 1.3 if nothing. It
// fails with VERSION_RANGE_EMPTY naming "min_version", with
// PROTOCOL_UNSUPPORTED naming "secure_protocol", and with FIELDS_CONFLICT if
// both ways are used.
absl::StatusOr<VersionRange> ChooseVersions(
    const SecureContextOptions& options);

// SecureProtocolNames returns the names that `secure_protocol` takes.
std::vector<std::string> SecureProtocolNames();

// ToProtocolVersion and FromProtocolVersion translate from and to the number on
// the wire, e.g. 0x0304; VersionName returns e.g. "TLSv1.3".
uint16_t ToProtocolVersion(TlsVersion version);
TlsVersion FromProtocolVersion(uint16_t version);
absl::string_view VersionName(TlsVersion version);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_VERSION_RANGE_H_
