// What BoringSSL says went wrong, as an absl::Status.
//
// This is the only reader of BoringSSL's error queue, which belongs to the
// thread. Nothing of the queue leaves this folder but names, in metadata.
#ifndef TLSD_SERVER_TLS_SSL_ERROR_H_
#define TLSD_SERVER_TLS_SSL_ERROR_H_

#include <cstdint>
#include <optional>
#include <string>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"

namespace tlsd::tls {

// ErrorQueueGuard empties the thread's error queue when it comes and when it
// goes, so that no call sees the errors of another.
class ErrorQueueGuard {
 public:
  ErrorQueueGuard();
  ~ErrorQueueGuard();
  ErrorQueueGuard(const ErrorQueueGuard&) = delete;
  ErrorQueueGuard& operator=(const ErrorQueueGuard&) = delete;
};

// LibraryError is an entry of the queue, e.g. {ERR_LIB_SSL,
// SSL_R_NO_SHARED_CIPHER, "SSL", "NO_SHARED_CIPHER"}; all zero and empty if
// there was none.
struct LibraryError {
  int library = 0;
  int reason = 0;
  std::string library_name;
  std::string reason_name;
};

// TakeLibraryError returns the least recent entry, which is the most specific
// one (err.h), and empties the queue.
LibraryError TakeLibraryError();

// InternalError returns INTERNAL for a BoringSSL call that can only fail for
// want of memory or by a fault of tlsd, and empties the queue.
absl::Status InternalError(absl::string_view what);

// AlertName returns the name of an alert in the registry of the IANA, e.g.
// "unknown_ca"; "alert_200" if it has none.
std::string AlertName(uint8_t alert);

// AlertNumber returns the alert that the registry calls `name`, if there is
// one.
std::optional<uint8_t> AlertNumber(absl::string_view name);

// FailedCall is what is known of a BoringSSL call that failed.
struct FailedCall {
  // What SSL_get_error said.
  int ssl_error = 0;
  bool handshake_complete = false;
  // Whether the failure is in the very first bytes of the peer.
  bool at_first_record = false;
  std::optional<uint8_t> alert_sent;
  // Whether the peer has asked us for a certificate, and we have shown none.
  bool certificate_withheld = false;
  // Whether it was in a renegotiation.
  bool renegotiating = false;
  // The alert that the peer sent in cleartext when ciphertext was due.
  std::optional<uint8_t> cleartext_alert;
};

// ErrorOfFailedCall returns why `call` failed, and empties the queue. Metadata:
// "library" and "library_reason" as BoringSSL names them; "alert" and
// "alert_code" if the peer sent one, "alert_sent" if we did;
// "certificate_withheld" if that may be why the peer sent one.
//
// It does not know of certificates: a failed verification is the caller's to
// explain.
absl::Status ErrorOfFailedCall(const FailedCall& call);

}  // namespace tlsd::tls

#endif  // TLSD_SERVER_TLS_SSL_ERROR_H_
