#include "server/tls/ssl_error.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <utility>
#include <vector>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"

namespace tlsd::tls {
namespace {

struct AlertRow {
  uint8_t code;
  const char* name;
};

// https://www.iana.org/assignments/tls-parameters, "TLS Alerts".
constexpr AlertRow kAlerts[] = {
    {0, "close_notify"},
    {10, "unexpected_message"},
    {20, "bad_record_mac"},
    {21, "decryption_failed"},
    {22, "record_overflow"},
    {30, "decompression_failure"},
    {40, "handshake_failure"},
    {41, "no_certificate"},
    {42, "bad_certificate"},
    {43, "unsupported_certificate"},
    {44, "certificate_revoked"},
    {45, "certificate_expired"},
    {46, "certificate_unknown"},
    {47, "illegal_parameter"},
    {48, "unknown_ca"},
    {49, "access_denied"},
    {50, "decode_error"},
    {51, "decrypt_error"},
    {52, "too_many_cids_requested"},
    {60, "export_restriction"},
    {70, "protocol_version"},
    {71, "insufficient_security"},
    {80, "internal_error"},
    {86, "inappropriate_fallback"},
    {90, "user_canceled"},
    {100, "no_renegotiation"},
    {109, "missing_extension"},
    {110, "unsupported_extension"},
    {111, "certificate_unobtainable"},
    {112, "unrecognized_name"},
    {113, "bad_certificate_status_response"},
    {114, "bad_certificate_hash_value"},
    {115, "unknown_psk_identity"},
    {116, "certificate_required"},
    {120, "no_application_protocol"},
    {121, "ech_required"},
};

struct ReasonRow {
  int ssl_reason;
  Reason reason;
  const char* text;
};

constexpr ReasonRow kReasons[] = {
    {SSL_R_HTTP_REQUEST, Reason::kNotTls, "the peer speaks plain HTTP"},
    {SSL_R_HTTPS_PROXY_REQUEST, Reason::kNotTls,
     "the peer takes this for an HTTP proxy"},
    {SSL_R_UNSUPPORTED_PROTOCOL, Reason::kPeerIncompatible,
     "no TLS version in common"},
    {SSL_R_WRONG_SSL_VERSION, Reason::kPeerIncompatible,
     "no TLS version in common"},
    {SSL_R_INAPPROPRIATE_FALLBACK, Reason::kPeerIncompatible,
     "the peer offers an older TLS version than both sides have"},
    {SSL_R_WRONG_VERSION_ON_EARLY_DATA, Reason::kPeerIncompatible,
     "the server has gone back to an older TLS version than that of the "
     "session; connect again without early data"},
    {SSL_R_NO_SHARED_CIPHER, Reason::kPeerIncompatible,
     "no cipher suite in common"},
    {SSL_R_NO_SHARED_GROUP, Reason::kPeerIncompatible,
     "no key exchange group in common"},
    {SSL_R_WRONG_CURVE, Reason::kPeerIncompatible,
     "no key exchange group in common"},
    {SSL_R_NO_COMMON_SIGNATURE_ALGORITHMS, Reason::kPeerIncompatible,
     "no signature algorithm in common"},
    {SSL_R_WRONG_SIGNATURE_TYPE, Reason::kPeerIncompatible,
     "the peer signs in a way that is not accepted"},
    {SSL_R_NO_APPLICATION_PROTOCOL, Reason::kNoApplicationProtocol,
     "no application protocol (ALPN) in common"},
    {SSL_R_PEER_DID_NOT_RETURN_A_CERTIFICATE, Reason::kPeerCertificateRequired,
     "the client has shown no certificate, and one is required"},
    {SSL_R_KEY_USAGE_BIT_INCORRECT, Reason::kPeerCertificateInvalid,
     "the key usage of the peer's certificate forbids this use"},
    {SSL_R_CANNOT_PARSE_LEAF_CERT, Reason::kPeerCertificateInvalid,
     "the peer's certificate is malformed"},
    {SSL_R_WRONG_CERTIFICATE_TYPE, Reason::kPeerCertificateInvalid,
     "the peer's certificate is of the wrong kind for the cipher suite"},
    {SSL_R_UNKNOWN_CERTIFICATE_TYPE, Reason::kPeerCertificateInvalid,
     "the key of the peer's certificate is of an unknown kind"},
    {SSL_R_BAD_ECC_CERT, Reason::kPeerCertificateInvalid,
     "the curve of the peer's certificate is not accepted"},
    {SSL_R_DECRYPTION_FAILED_OR_BAD_RECORD_MAC, Reason::kRecordCorrupt,
     "a record was altered on its way"},
    {SSL_R_DECRYPTION_FAILED, Reason::kRecordCorrupt,
     "a record was altered on its way"},
    {SSL_R_WRONG_VERSION_NUMBER, Reason::kPeerMisbehaved,
     "a record bears a wrong version"},
    {SSL_R_DIGEST_CHECK_FAILED, Reason::kPeerMisbehaved,
     "the two sides have not seen the same handshake"},
    {SSL_R_BAD_SIGNATURE, Reason::kPeerMisbehaved,
     "the peer's signature of the handshake is wrong"},
    {SSL_R_TLS13_DOWNGRADE, Reason::kPeerMisbehaved,
     "somebody has forced an older TLS version"},
    {SSL_R_NO_RENEGOTIATION, Reason::kRenegotiationRefused,
     "the client tried to renegotiate, which is refused"},
    {SSL_R_RENEGOTIATION_MISMATCH, Reason::kPeerMisbehaved,
     "the server has mixed up this connection and another (RFC 5746)"},
    {SSL_R_SERVER_CERT_CHANGED, Reason::kPeerMisbehaved,
     "the server has shown another certificate when it renegotiated"},
    {SSL_R_EXCESSIVE_MESSAGE_SIZE, Reason::kPeerMisbehaved,
     "a handshake message is too long"},
    {SSL_R_DECODE_ERROR, Reason::kPeerMisbehaved,
     "a handshake message is malformed"},
    {SSL_R_CLIENTHELLO_PARSE_FAILED, Reason::kPeerMisbehaved,
     "the ClientHello is malformed"},
    {SSL_R_PARSE_TLSEXT, Reason::kPeerMisbehaved,
     "an extension of the handshake is malformed"},
    {SSL_R_ERROR_PARSING_EXTENSION, Reason::kPeerMisbehaved,
     "an extension of the handshake is malformed"},
    {SSL_R_UNEXPECTED_MESSAGE, Reason::kPeerMisbehaved,
     "a handshake message came out of order"},
    {SSL_R_UNEXPECTED_RECORD, Reason::kPeerMisbehaved,
     "a record came out of order"},
    {SSL_R_BAD_ALERT, Reason::kPeerMisbehaved, "an alert is malformed"},
    {SSL_R_UNKNOWN_ALERT_TYPE, Reason::kPeerMisbehaved,
     "an alert is malformed"},
    {SSL_R_TOO_MANY_WARNING_ALERTS, Reason::kPeerMisbehaved,
     "the peer floods us with alerts"},
    {SSL_R_TOO_MANY_KEY_UPDATES, Reason::kPeerMisbehaved,
     "the peer floods us with key updates"},
    {SSL_R_TOO_MANY_EMPTY_FRAGMENTS, Reason::kPeerMisbehaved,
     "the peer floods us with empty records"},
    {SSL_R_TOO_MUCH_READ_EARLY_DATA, Reason::kPeerMisbehaved,
     "the client sends more early data than it may"},
    {SSL_R_TOO_MUCH_SKIPPED_EARLY_DATA, Reason::kPeerMisbehaved,
     "the client sends more early data than it may"},
    {SSL_R_ENCRYPTED_LENGTH_TOO_LONG, Reason::kPeerMisbehaved,
     "a record is too long"},
    {SSL_R_DATA_LENGTH_TOO_LONG, Reason::kPeerMisbehaved,
     "a record is too long"},
};

const char* Phase(const FailedCall& call) {
  return call.handshake_complete ? "TLS failed" : "the TLS handshake failed";
}

absl::Status PeerAlertError(const FailedCall& call, uint8_t alert,
                            ErrorMetadata metadata) {
  const std::string name = AlertName(alert);
  metadata["alert"] = name;
  metadata["alert_code"] = absl::StrCat(alert);
  std::string message =
      absl::StrCat("the peer ended the ",
                   call.handshake_complete ? "connection" : "handshake",
                   " with the alert ", name, " (", alert, ")");
  if (call.certificate_withheld) {
    metadata["certificate_withheld"] = "true";
    absl::StrAppend(&message,
                    "; it had asked for a certificate, and no credentials of "
                    "the secure context suited it");
  }
  return MakeError(Reason::kPeerAlert, message, std::move(metadata));
}

bool IsCertificateLibrary(int library) {
  return library == ERR_LIB_X509 || library == ERR_LIB_X509V3 ||
         library == ERR_LIB_ASN1;
}

struct Explanation {
  Reason reason;
  std::string text;
};

Explanation Explain(const FailedCall& call, const LibraryError& error) {
  if (error.library == 0) {
    return {Reason::kInternal, absl::StrCat("the library does not say why (",
                                            call.ssl_error, ")")};
  }
  if (IsCertificateLibrary(error.library)) {
    return {Reason::kPeerCertificateInvalid,
            absl::StrCat("the peer's certificate is malformed (",
                         error.reason_name, ")")};
  }
  if (error.library == ERR_LIB_SSL) {
    if (call.at_first_record && error.reason == SSL_R_WRONG_VERSION_NUMBER) {
      return {Reason::kNotTls, "what the peer speaks is not TLS"};
    }
    if (call.renegotiating && error.reason == SSL_R_UNEXPECTED_RECORD) {
      return {Reason::kTlsProtocolError,
              "the server has sent cleartext while it renegotiated, which the "
              "library cannot take"};
    }
    for (const ReasonRow& row : kReasons) {
      if (row.ssl_reason == error.reason) return {row.reason, row.text};
    }
  }
  return {Reason::kTlsProtocolError, error.reason_name};
}

// TakeLibraryErrors returns the queue, least recent entry first, and empties
// it.
std::vector<LibraryError> TakeLibraryErrors() {
  std::vector<LibraryError> errors;
  while (const uint32_t packed = ERR_get_error()) {
    const char* library = ERR_lib_error_string(packed);
    const char* reason = ERR_reason_error_string(packed);
    errors.push_back({ERR_GET_LIB(packed), ERR_GET_REASON(packed),
                      library != nullptr ? library : "",
                      reason != nullptr ? reason : ""});
  }
  return errors;
}

// MostTelling returns the entry that says what happened to the connection.
// Below the first entry of the TLS library lie those of the ciphers it called,
// which only say that a tag or a signature did not match; but of a certificate
// the parser knows more.
LibraryError MostTelling(const std::vector<LibraryError>& errors) {
  if (errors.empty()) return {};
  if (IsCertificateLibrary(errors.front().library)) return errors.front();
  for (const LibraryError& error : errors) {
    if (error.library == ERR_LIB_SSL) return error;
  }
  return errors.front();
}

// To clear an empty queue takes as long as to clear a full one.
void EmptyErrorQueue() {
  if (ERR_peek_error() != 0) ERR_clear_error();
}

}  // namespace

ErrorQueueGuard::ErrorQueueGuard() { EmptyErrorQueue(); }
ErrorQueueGuard::~ErrorQueueGuard() { EmptyErrorQueue(); }

LibraryError TakeLibraryError() {
  const std::vector<LibraryError> errors = TakeLibraryErrors();
  return errors.empty() ? LibraryError{} : errors.front();
}

absl::Status InternalError(absl::string_view what) {
  const LibraryError error = TakeLibraryError();
  return MakeError(Reason::kInternal, absl::StrCat(what, " failed"),
                   {{"call", std::string(what)},
                    {"library", error.library_name},
                    {"library_reason", error.reason_name}});
}

std::string AlertName(uint8_t alert) {
  for (const AlertRow& row : kAlerts) {
    if (row.code == alert) return row.name;
  }
  return absl::StrCat("alert_", alert);
}

std::optional<uint8_t> AlertNumber(absl::string_view name) {
  for (const AlertRow& row : kAlerts) {
    if (row.name == name) return row.code;
  }
  return std::nullopt;
}

absl::Status ErrorOfFailedCall(const FailedCall& call) {
  const LibraryError error = MostTelling(TakeLibraryErrors());
  ErrorMetadata metadata;
  if (error.library != 0) {
    metadata["library"] = error.library_name;
    metadata["library_reason"] = error.reason_name;
  }
  if (call.ssl_error == SSL_ERROR_ZERO_RETURN) {
    return PeerAlertError(call, SSL_AD_CLOSE_NOTIFY, std::move(metadata));
  }
  if (error.library == ERR_LIB_SSL && error.reason >= SSL_AD_REASON_OFFSET) {
    return PeerAlertError(
        call, static_cast<uint8_t>(error.reason - SSL_AD_REASON_OFFSET),
        std::move(metadata));
  }
  if (call.cleartext_alert.has_value()) {
    return PeerAlertError(call, *call.cleartext_alert, std::move(metadata));
  }
  if (call.alert_sent.has_value()) {
    metadata["alert_sent"] = AlertName(*call.alert_sent);
  }
  const Explanation explanation = Explain(call, error);
  if (explanation.reason == Reason::kPeerCertificateRequired) {
    // As the verdict has it, which BoringSSL does not ask for here.
    metadata["verify_error"] = "NO_PEER_CERTIFICATE";
  }
  return MakeError(explanation.reason,
                   absl::StrCat(Phase(call), ": ", explanation.text),
                   std::move(metadata));
}

}  // namespace tlsd::tls
