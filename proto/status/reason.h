// The closed list of reasons why something can fail in tlsd.
//
// It is the one place where reasons are declared: name, canonical code, who is
// at fault, and a line for docs/error_reasons.md. The list is append-only; a
// reason is never renamed, and never changes its code. Callers branch on code
// and reason, never on text.
//
// It holds no state and may be used from any thread.
#ifndef TLSD_PROTO_STATUS_REASON_H_
#define TLSD_PROTO_STATUS_REASON_H_

#include <optional>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"

namespace tlsd {

// X(enumerator, NAME, family, canonical code, meaning)
#define TLSD_REASONS(X)                                                        \
  /* What the caller asked for. */                                             \
  X(kFieldRequired, "FIELD_REQUIRED", kCaller, kInvalidArgument,               \
    "A required field is not set.")                                            \
  X(kFieldInvalid, "FIELD_INVALID", kCaller, kInvalidArgument,                 \
    "The value of a field is outside what is allowed.")                        \
  X(kIdInvalid, "ID_INVALID", kCaller, kInvalidArgument,                       \
    "A resource ID does not match [a-z]([a-z0-9-]{0,61}[a-z0-9])?.")           \
  X(kNameInvalid, "NAME_INVALID", kCaller, kInvalidArgument,                   \
    "A resource name has not the form collection/ID.")                         \
  X(kPageTokenInvalid, "PAGE_TOKEN_INVALID", kCaller, kInvalidArgument,        \
    "A page token is not one that this daemon gave.")                          \
  X(kStreamMessageInvalid, "STREAM_MESSAGE_INVALID", kCaller,                  \
    kInvalidArgument, "A message of a stream is empty or out of order.")       \
  X(kContextNotFound, "CONTEXT_NOT_FOUND", kCaller, kNotFound,                 \
    "There is no secure context of that name.")                                \
  X(kListenerNotFound, "LISTENER_NOT_FOUND", kCaller, kNotFound,               \
    "There is no listener of that name.")                                      \
  X(kConnectionNotFound, "CONNECTION_NOT_FOUND", kCaller, kNotFound,           \
    "There is no connection of that name.")                                    \
  X(kContextExists, "CONTEXT_EXISTS", kCaller, kAlreadyExists,                 \
    "There is a secure context of that name already.")                         \
  X(kListenerExists, "LISTENER_EXISTS", kCaller, kAlreadyExists,               \
    "There is a listener of that name already.")                               \
  X(kContextInUse, "CONTEXT_IN_USE", kCaller, kFailedPrecondition,             \
    "A listener uses the secure context.")                                     \
  X(kEtagMismatch, "ETAG_MISMATCH", kCaller, kAborted,                         \
    "The resource has changed since its etag was read.")                       \
  X(kConnectionAttached, "CONNECTION_ATTACHED", kCaller, kFailedPrecondition,  \
    "Another call, or another connection, has the cleartext.")                 \
  X(kConnectionClosed, "CONNECTION_CLOSED", kCaller, kFailedPrecondition,      \
    "The connection has ended.")                                               \
  X(kHandshakeNotComplete, "HANDSHAKE_NOT_COMPLETE", kCaller,                  \
    kFailedPrecondition, "The handshake is not complete.")                     \
  X(kHandlerMismatch, "HANDLER_MISMATCH", kCaller, kFailedPrecondition,        \
    "The listener's handler keeps the cleartext to itself.")                   \
  X(kWriteAfterShutdown, "WRITE_AFTER_SHUTDOWN", kCaller, kFailedPrecondition, \
    "Cleartext was written after close_notify.")                               \
  X(kWaitTimeout, "WAIT_TIMEOUT", kCaller, kDeadlineExceeded,                  \
    "Nothing happened in the time given; nothing is lost.")                    \
  X(kCallCancelled, "CALL_CANCELLED", kCaller, kCancelled,                     \
    "The caller has left.")                                                    \
  X(kResumeTokenInvalid, "RESUME_TOKEN_INVALID", kCaller, kInvalidArgument,    \
    "A resume token is not one that a daemon gave.")                           \
  X(kEventsCompacted, "EVENTS_COMPACTED", kCaller, kOutOfRange,                \
    "The events after a resume token are no longer kept.")                     \
  X(kConsumerTooSlow, "CONSUMER_TOO_SLOW", kCaller, kResourceExhausted,        \
    "A watcher has fallen behind.")                                            \
  X(kDecisionNotPending, "DECISION_NOT_PENDING", kCaller, kFailedPrecondition, \
    "A decision was answered, has timed out, or its connection has ended.")    \
  X(kDecisionAnswerInvalid, "DECISION_ANSWER_INVALID", kCaller,                \
    kInvalidArgument,                                                          \
    "An answer does not fit its decision, or cannot be used.")                 \
  X(kDecisionRefused, "DECISION_REFUSED", kCaller, kFailedPrecondition,        \
    "A handler of decisions has refused the handshake.")                       \
  X(kDecisionTimeout, "DECISION_TIMEOUT", kCaller, kDeadlineExceeded,          \
    "Nobody has answered a decision that the handshake cannot do without.")    \
  X(kServerNameNotFound, "SERVER_NAME_NOT_FOUND", kCaller, kNotFound,          \
    "A listener has no context of its own for a server name.")                 \
  X(kRoleMismatch, "ROLE_MISMATCH", kCaller, kFailedPrecondition,              \
    "A connection plays the other role.")                                      \
  X(kKeyLogDisabled, "KEY_LOG_DISABLED", kCaller, kFailedPrecondition,         \
    "The daemon was started without --key_log.")                               \
  X(kProtectionMismatch, "PROTECTION_MISMATCH", kCaller, kFailedPrecondition,  \
    "A connection is plain, and what was asked for is part of TLS.")           \
  X(kVersionMismatch, "VERSION_MISMATCH", kCaller, kFailedPrecondition,        \
    "The connection's version of TLS has not what was asked for.")             \
  X(kRenegotiationUnsupported, "RENEGOTIATION_UNSUPPORTED", kCaller,           \
    kUnimplemented, "Nobody can begin a renegotiation.")                       \
  /* What was configured. */                                                   \
  X(kPemInvalid, "PEM_INVALID", kConfiguration, kInvalidArgument,              \
    "PEM text holds no such thing, or a malformed one.")                       \
  X(kKeyUnsupported, "KEY_UNSUPPORTED", kConfiguration, kInvalidArgument,      \
    "A key is of a kind or size that is not supported.")                       \
  X(kKeyMismatch, "KEY_MISMATCH", kConfiguration, kInvalidArgument,            \
    "A private key is not that of the certificate.")                           \
  X(kPassphraseRequired, "PASSPHRASE_REQUIRED", kConfiguration,                \
    kInvalidArgument, "A private key is encrypted and no passphrase came.")    \
  X(kPassphraseWrong, "PASSPHRASE_WRONG", kConfiguration, kInvalidArgument,    \
    "A private key does not open with the passphrase.")                        \
  X(kChainOrderInvalid, "CHAIN_ORDER_INVALID", kConfiguration,                 \
    kInvalidArgument, "A certificate is not issued by the next of its chain.") \
  X(kCertificateExpired, "CERTIFICATE_EXPIRED", kConfiguration,                \
    kInvalidArgument, "The own certificate's validity has ended.")             \
  X(kCertificateNotYetValid, "CERTIFICATE_NOT_YET_VALID", kConfiguration,      \
    kInvalidArgument, "The own certificate's validity has not begun.")         \
  X(kTrustStoreEmpty, "TRUST_STORE_EMPTY", kConfiguration,                     \
    kFailedPrecondition, "No certificate is trusted, so none can verify.")     \
  X(kVersionRangeEmpty, "VERSION_RANGE_EMPTY", kConfiguration,                 \
    kInvalidArgument, "The oldest TLS version is newer than the newest.")      \
  X(kAlpnInvalid, "ALPN_INVALID", kConfiguration, kInvalidArgument,            \
    "An ALPN protocol is empty, too long, or named twice.")                    \
  X(kServerNameInvalid, "SERVER_NAME_INVALID", kConfiguration,                 \
    kInvalidArgument, "A server name is no DNS name.")                         \
  X(kCredentialsRequired, "CREDENTIALS_REQUIRED", kConfiguration,              \
    kFailedPrecondition, "A server needs a certificate and its key.")          \
  X(kAddressInvalid, "ADDRESS_INVALID", kConfiguration, kInvalidArgument,      \
    "An address has not the form host:port or unix:/path.")                    \
  X(kAddressInUse, "ADDRESS_IN_USE", kConfiguration, kAlreadyExists,           \
    "Another socket has the address.")                                         \
  X(kAddressDenied, "ADDRESS_DENIED", kConfiguration, kPermissionDenied,       \
    "The daemon may not use the address.")                                     \
  X(kAddressUnavailable, "ADDRESS_UNAVAILABLE", kConfiguration,                \
    kFailedPrecondition, "The host has no such address.")                      \
  X(kKeyRequired, "KEY_REQUIRED", kConfiguration, kInvalidArgument,            \
    "Credentials hold no private key.")                                        \
  X(kKeyAmbiguous, "KEY_AMBIGUOUS", kConfiguration, kInvalidArgument,          \
    "Credentials hold more than one private key.")                             \
  X(kPkcs12Invalid, "PKCS12_INVALID", kConfiguration, kInvalidArgument,        \
    "A PKCS#12 file is malformed, or has no certificate.")                     \
  X(kCrlInvalid, "CRL_INVALID", kConfiguration, kInvalidArgument,              \
    "PEM text holds no revocation list, or a malformed one.")                  \
  X(kProtocolUnsupported, "PROTOCOL_UNSUPPORTED", kConfiguration,              \
    kInvalidArgument, "There is no such protocol method, or not any more.")    \
  X(kCiphersInvalid, "CIPHERS_INVALID", kConfiguration, kInvalidArgument,      \
    "A cipher list is malformed, or not to be had.")                           \
  X(kGroupUnsupported, "GROUP_UNSUPPORTED", kConfiguration, kInvalidArgument,  \
    "There is no such group, or it is named twice.")                           \
  X(kSignatureAlgorithmUnsupported, "SIGNATURE_ALGORITHM_UNSUPPORTED",         \
    kConfiguration, kInvalidArgument,                                          \
    "There is no such signature algorithm, or it is named twice.")             \
  X(kDhParamsTooSmall, "DH_PARAMS_TOO_SMALL", kConfiguration,                  \
    kInvalidArgument, "Diffie-Hellman parameters have fewer than 1024 bits.")  \
  X(kTicketKeysInvalid, "TICKET_KEYS_INVALID", kConfiguration,                 \
    kInvalidArgument, "A ticket key has not 48 bytes, or is given twice.")     \
  X(kFieldsConflict, "FIELDS_CONFLICT", kConfiguration, kInvalidArgument,      \
    "Two fields are set that exclude each other.")                             \
  X(kSessionInvalid, "SESSION_INVALID", kConfiguration, kInvalidArgument,      \
    "A TLS session is malformed.")                                             \
  X(kOcspResponseInvalid, "OCSP_RESPONSE_INVALID", kConfiguration,             \
    kInvalidArgument, "An OCSP response is malformed.")                        \
  X(kEchKeyInvalid, "ECH_KEY_INVALID", kConfiguration, kInvalidArgument,       \
    "A key or configuration of encrypted ClientHellos is malformed.")          \
  /* What the peer did. */                                                     \
  X(kPeerAlert, "PEER_ALERT", kPeer, kFailedPrecondition,                      \
    "The peer ended the connection with an alert.")                            \
  X(kPeerIncompatible, "PEER_INCOMPATIBLE", kPeer, kFailedPrecondition,        \
    "The peer shares no version, cipher suite, group or signature algorithm.") \
  X(kNoApplicationProtocol, "NO_APPLICATION_PROTOCOL", kPeer,                  \
    kFailedPrecondition, "The peer shares no ALPN protocol.")                  \
  X(kPeerCertificateUntrusted, "PEER_CERTIFICATE_UNTRUSTED", kPeer,            \
    kFailedPrecondition, "No trust anchor vouches for the certificate.")       \
  X(kPeerCertificateExpired, "PEER_CERTIFICATE_EXPIRED", kPeer,                \
    kFailedPrecondition, "A certificate of the peer is not valid now.")        \
  X(kPeerCertificateNameMismatch, "PEER_CERTIFICATE_NAME_MISMATCH", kPeer,     \
    kFailedPrecondition, "The certificate is for another name.")               \
  X(kPeerCertificateRequired, "PEER_CERTIFICATE_REQUIRED", kPeer,              \
    kFailedPrecondition, "The peer has shown no certificate.")                 \
  X(kPeerCertificateInvalid, "PEER_CERTIFICATE_INVALID", kPeer,                \
    kFailedPrecondition, "The certificate cannot be used for this.")           \
  X(kPeerMisbehaved, "PEER_MISBEHAVED", kPeer, kAborted,                       \
    "The peer broke the protocol.")                                            \
  X(kNotTls, "NOT_TLS", kPeer, kAborted,                                       \
    "The peer speaks something else, e.g. plain HTTP.")                        \
  X(kTlsProtocolError, "TLS_PROTOCOL_ERROR", kPeer, kAborted,                  \
    "TLS failed in a way that has no reason of its own.")                      \
  X(kHandshakeTimeout, "HANDSHAKE_TIMEOUT", kPeer, kDeadlineExceeded,          \
    "The handshake was not complete in time.")                                 \
  X(kPeerCertificateRevoked, "PEER_CERTIFICATE_REVOKED", kPeer,                \
    kFailedPrecondition,                                                       \
    "A certificate of the peer was revoked by its issuer.")                    \
  X(kPeerCertificatePinMismatch, "PEER_CERTIFICATE_PIN_MISMATCH", kPeer,       \
    kFailedPrecondition,                                                       \
    "The certificate is none of those that the pins allow.")                   \
  X(kServerNameUnrecognized, "SERVER_NAME_UNRECOGNIZED", kPeer,                \
    kFailedPrecondition,                                                       \
    "The client asked for a server name that the listener does not have.")     \
  X(kEchRejected, "ECH_REJECTED", kPeer, kFailedPrecondition,                  \
    "The server could not read the encrypted ClientHello.")                    \
  X(kRenegotiationRefused, "RENEGOTIATION_REFUSED", kPeer, kAborted,           \
    "A client has tried to renegotiate.")                                      \
  X(kRenegotiationLimit, "RENEGOTIATION_LIMIT", kPeer, kAborted,               \
    "A server has asked for renegotiation too often.")                         \
  X(kProxyHeaderInvalid, "PROXY_HEADER_INVALID", kPeer, kAborted,              \
    "A PROXY header is missing or malformed.")                                 \
  X(kIdleTimeout, "IDLE_TIMEOUT", kPeer, kDeadlineExceeded,                    \
    "Nothing has moved for as long as the idle timeout.")                      \
  /* What lies between. */                                                     \
  X(kNameNotResolved, "NAME_NOT_RESOLVED", kTransport, kUnavailable,           \
    "A host name has no address.")                                             \
  X(kConnectRefused, "CONNECT_REFUSED", kTransport, kUnavailable,              \
    "Nobody listens at the address.")                                          \
  X(kConnectFailed, "CONNECT_FAILED", kTransport, kUnavailable,                \
    "The address cannot be reached.")                                          \
  X(kConnectTimeout, "CONNECT_TIMEOUT", kTransport, kDeadlineExceeded,         \
    "The address did not answer in time.")                                     \
  X(kTransportReset, "TRANSPORT_RESET", kTransport, kUnavailable,              \
    "The peer or the network cut the connection.")                             \
  X(kTlsTruncated, "TLS_TRUNCATED", kTransport, kDataLoss,                     \
    "The transport ended without close_notify: bytes may be missing.")         \
  X(kRecordCorrupt, "RECORD_CORRUPT", kTransport, kDataLoss,                   \
    "A record was altered on its way.")                                        \
  X(kUpstreamFailed, "UPSTREAM_FAILED", kTransport, kUnavailable,              \
    "The upstream that a connection is forwarded to has failed.")              \
  X(kPipeBroken, "PIPE_BROKEN", kTransport, kUnavailable,                      \
    "The connection at the other end of a pipe has failed.")                   \
  /* The daemon itself. */                                                     \
  X(kLimitReached, "LIMIT_REACHED", kServer, kResourceExhausted,               \
    "A limit of the daemon is reached.")                                       \
  X(kDescriptorsExhausted, "DESCRIPTORS_EXHAUSTED", kServer,                   \
    kResourceExhausted, "The process has no file descriptor left.")            \
  X(kListenerClosing, "LISTENER_CLOSING", kServer, kUnavailable,               \
    "The listener is being deleted.")                                          \
  X(kConnectionReset, "CONNECTION_RESET", kServer, kAborted,                   \
    "A caller has reset the connection.")                                      \
  X(kShuttingDown, "SHUTTING_DOWN", kServer, kUnavailable,                     \
    "The daemon is stopping.")                                                 \
  X(kInternal, "INTERNAL", kServer, kInternal,                                 \
    "A fault of tlsd. Please report it.")

enum class Reason {
#define TLSD_REASON_ENUMERATOR(enumerator, name, family, code, meaning) \
  enumerator,
  TLSD_REASONS(TLSD_REASON_ENUMERATOR)
#undef TLSD_REASON_ENUMERATOR
};

// ReasonFamily says who is at fault.
enum class ReasonFamily { kCaller, kConfiguration, kPeer, kTransport, kServer };

// ReasonInfo is a row of the list.
struct ReasonInfo {
  Reason reason;
  absl::string_view name;
  ReasonFamily family;
  absl::StatusCode code;
  absl::string_view meaning;
};

// AllReasons returns the list, in its order.
absl::Span<const ReasonInfo> AllReasons();

// GetReasonInfo returns the row of `reason`.
const ReasonInfo& GetReasonInfo(Reason reason);

// FindReason returns the reason called `name`, if there is one.
std::optional<Reason> FindReason(absl::string_view name);

}  // namespace tlsd

#endif  // TLSD_PROTO_STATUS_REASON_H_
