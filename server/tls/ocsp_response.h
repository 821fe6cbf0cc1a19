// OcspResponseFacts is what an OCSP response (RFC 6960) says: plain data.
//
// Nothing is verified: the library has no OCSP. Any thread may use it.
#ifndef TLSD_SERVER_TLS_OCSP_RESPONSE_H_
#define TLSD_SERVER_TLS_OCSP_RESPONSE_H_

#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"

namespace tlsd::tls {

struct OcspResponseFacts {
  // The response itself.
  std::string der;
  // "successful", "malformedRequest", "internalError", "tryLater",
  // "sigRequired" or "unauthorized". Only a successful one has the rest.
  std::string response_status;
  // "good", "revoked" or "unknown": of the first certificate that it is about.
  std::string certificate_status;
  // Of that certificate, in upper-case hexadecimal.
  std::string serial_number;
  std::optional<absl::Time> produced_time;
  std::optional<absl::Time> this_update_time;
  std::optional<absl::Time> next_update_time;
  std::optional<absl::Time> revocation_time;
};

inline constexpr size_t kOcspResponseBytesMax = 64 * 1024;

// ParseOcspResponse reads `der`. It fails with OCSP_RESPONSE_INVALID, naming
// `field`, if that is no OCSPResponse, has something behind it, is longer than
// kOcspResponseBytesMax, or is a successful one that is not of the basic type
// (RFC 6960 section 4.2.1).
absl::StatusOr<OcspResponseFacts> ParseOcspResponse(absl::string_view field,
                                                    absl::string_view der);

// ParseStaple does the same for a response that shall be kept; it fails as well
// if the response is not successful.
absl::StatusOr<OcspResponseFacts> ParseStaple(absl::string_view field,
                                              absl::string_view der);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_OCSP_RESPONSE_H_
