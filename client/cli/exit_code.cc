#include "client/cli/exit_code.h"

#include <optional>

#include "absl/strings/str_cat.h"
#include "client/unreachable.h"
#include "proto/status/error.h"

namespace tlsd::client::cli {
namespace {

// NextStepOfConnection is for what a connection cannot do.
std::string NextStepOfConnection(Reason reason) {
  switch (reason) {
    case Reason::kConnectionAttached:
      return "see who has it: tlsctl conns ID; leave it free with connect "
             "--detach or accept --detach";
    case Reason::kProtectionMismatch:
      return "begin TLS over it: tlsctl connection upgrade ID";
    case Reason::kVersionMismatch:
      return "see its version: tlsctl conns ID";
    case Reason::kRenegotiationUnsupported:
      return "for fresh keys: tlsctl connection update-keys ID";
    default:
      return "";
  }
}

std::string NextStepOf(Reason reason) {
  switch (reason) {
    case Reason::kContextNotFound:
      return "list the contexts: tlsctl context list";
    case Reason::kListenerNotFound:
      return "list the listeners: tlsctl listeners";
    case Reason::kConnectionNotFound:
      return "list the connections: tlsctl conns --all";
    case Reason::kContextInUse:
      return "take it from its listeners or close them first, or say --force";
    case Reason::kServerNameNotFound:
      return "list the names: tlsctl listener contexts LISTENER";
    case Reason::kContextExists:
      return "take another ID, or: tlsctl context delete ID";
    case Reason::kListenerExists:
      return "take another --id, or: tlsctl close listeners/ID";
    case Reason::kAddressInUse:
      return "let the daemon pick a free port: tlsctl listen 127.0.0.1:0 ...";
    case Reason::kCredentialsRequired:
      return "make a context with a certificate: tlsctl context create --dev";
    case Reason::kPassphraseRequired:
      return "give it with --passphrase-file";
    case Reason::kHandlerMismatch:
      return "take connections of a listener that was made without --echo";
    case Reason::kPeerCertificateUntrusted:
      return "trust its issuer with a context that has --ca, or look at it "
             "with --insecure";
    case Reason::kPeerCertificateNameMismatch:
      return "say the name you expect with --expected-name, or look at it with "
             "--insecure";
    case Reason::kPeerCertificatePinMismatch:
      return "compare its pins with the context's: tlsctl context show ID";
    case Reason::kPeerCertificateRevoked:
      return "look at it with --insecure; its issuer has taken it back";
    case Reason::kPassphraseWrong:
      return "give the right one with --passphrase-file";
    case Reason::kGroupUnsupported:
    case Reason::kSignatureAlgorithmUnsupported:
    case Reason::kProtocolUnsupported:
    case Reason::kCiphersInvalid:
      return "list what there is: tlsctl context algorithms";
    case Reason::kEtagMismatch:
      return "somebody else has changed it: look, and try again";
    case Reason::kNotTls:
      return "check the port: what answers there does not speak TLS";
    case Reason::kDecisionNotPending:
      return "list what waits: tlsctl decide list";
    case Reason::kDecisionTimeout:
      return "start what answers, or answer yourself: tlsctl decide wait";
    case Reason::kDecisionRefused:
      return "ask whoever answers: a handler of decisions has refused it";
    case Reason::kKeyLogDisabled:
      return "start the daemon with --key_log";
    case Reason::kRoleMismatch:
      return "name a connection of `connect`: clients have sessions";
    case Reason::kSessionInvalid:
      return "leave --session-in out, for a full handshake";
    case Reason::kOcspResponseInvalid:
      return "give it in DER, as a responder has sent it";
    case Reason::kEchKeyInvalid:
      return "let the daemon make one: tlsctl context rotate-ech-keys ID NAME";
    case Reason::kEventsCompacted:
      return "leave --since out";
    default:
      return NextStepOfConnection(reason);
  }
}

// The server's newer list is for the next try (draft-ietf-tls-esni section
// 6.1.6).
std::string EchNextStep(const ErrorDetail& detail) {
  const auto configs = detail.metadata.find("retry_configs");
  if (configs == detail.metadata.end() || configs->second.empty()) {
    return "leave --ech-config-list out: the server has none to offer";
  }
  return absl::StrCat("try with what the server offers: echo ", configs->second,
                      " | base64 -d > FILE; --ech-config-list FILE");
}

}  // namespace

const absl::string_view kExitCodesHelp =
    "Exit codes:\n"
    "  0  ok\n"
    "  1  the TLS outcome failed: handshake, unauthorized, truncated; or\n"
    "     a certificate is for another name\n"
    "  2  usage\n"
    "  3  the daemon cannot be reached\n"
    "  4  not found\n"
    "  5  timeout\n"
    "  6  denied\n"
    "  7  another error\n";

ExitCode ExitCodeOf(const absl::Status& status) {
  if (status.ok()) return ExitCode::kOk;
  if (IsDaemonUnreachable(status)) return ExitCode::kUnreachable;
  switch (status.code()) {
    case absl::StatusCode::kInvalidArgument:
      return ExitCode::kUsage;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kTimeout;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kDenied;
    default:
      break;
  }
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  if (!detail.has_value()) return ExitCode::kOtherError;
  // The fault is nobody's, and yet there is no handshake.
  if (detail->reason == Reason::kDecisionRefused) return ExitCode::kTlsFailed;
  const ReasonFamily family = GetReasonInfo(detail->reason).family;
  return family == ReasonFamily::kPeer || family == ReasonFamily::kTransport
             ? ExitCode::kTlsFailed
             : ExitCode::kOtherError;
}

std::string NextStep(const absl::Status& status, absl::string_view address) {
  if (IsDaemonUnreachable(status)) {
    return absl::StrCat("start it: tlsd --control=", address,
                        ", or say where it is: tlsctl --address ADDRESS, "
                        "TLSD_ADDRESS=ADDRESS");
  }
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  if (detail.has_value() && detail->reason == Reason::kEchRejected) {
    return EchNextStep(*detail);
  }
  if (detail.has_value()) return NextStepOf(detail->reason);
  if (status.code() == absl::StatusCode::kPermissionDenied) {
    return "run it as the user that runs tlsd: its socket is for that user "
           "alone";
  }
  return "";
}

}  // namespace tlsd::client::cli
