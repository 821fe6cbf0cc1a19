// InteropTest brings the daemon together with a foreign TLS peer: a process
// that shares no TLS code with it, on loopback, in one version of TLS.
//
// A peer that is not installed fails the test, with the package that has it.
#ifndef TLSD_TESTS_INTEROP_INTEROP_FIXTURE_H_
#define TLSD_TESTS_INTEROP_INTEROP_FIXTURE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "proto/status/reason.h"
#include "tests/interop/foreign_peer.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/status_matchers.h"
#include "tests/testing/subprocess.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {

// Mebibyte returns 1 MiB of lines of digits: no tool takes them for a command.
const std::string& Mebibyte();

// PeerKeyKinds returns the kinds of keys that every peer can prove to have.
const std::vector<KeyKind>& PeerKeyKinds();

// PublicKeyName returns how the daemon calls a kind, e.g. "EC P-256".
std::string PublicKeyName(KeyKind kind);

// IdentityOf returns an identity for "localhost" that is good for both roles,
// by the intermediate; StrangerOf one that only the other root vouches for.
const TestIdentity& IdentityOf(KeyKind kind);
const TestIdentity& StrangerOf(KeyKind kind);

class InteropTest : public VersionTest {
 protected:
  // The files of an identity. CertificateFile has the certificate alone,
  // ChainFile the intermediates too.
  static std::string CertificateFile(const TestIdentity& identity);
  static std::string ChainFile(const TestIdentity& identity);
  static std::string KeyFile(const TestIdentity& identity);
  // InputFile returns a file that holds `text`.
  static std::string InputFile(absl::string_view text);

  static bool IsTls13() { return GetParam() == v1::TLS_VERSION_TLS_1_3; }
  static std::string Protocol() { return IsTls13() ? "TLSv1.3" : "TLSv1.2"; }

  // What follows speaks the version of the run only.

  // ServerContext has credentials and the ALPN protocols h2 and http/1.1.
  static v1::SecureContext ServerContext(
      const TestIdentity& identity = ServerIdentity());
  // AskingContext also asks clients for a certificate that leads to the root.
  static v1::SecureContext AskingContext(v1::ClientCertificateMode mode);
  // ClientContext trusts the root and offers http/1.1.
  static v1::SecureContext ClientContext();

  static v1::Listener ServeEcho(const v1::SecureContext& context);
  static v1::Listener ServeStream(const v1::SecureContext& context);

  // ConnectTo connects to a peer on a port of loopback, as "localhost".
  static absl::StatusOr<v1::Connection> ConnectTo(
      int port, const v1::SecureContext& context);

  // NextConnection waits for the next event of `type` and returns its
  // connection.
  static v1::Connection NextConnection(EventWatch& watch, v1::EventType type);
  // NextEnd does so for the end of a connection, before or after its handshake
  // was complete.
  static v1::Connection NextEnd(EventWatch& watch);
};

// HasFailure matches a connection that ended for `reason`.
MATCHER_P(EndedFor, reason, "") {
  *result_listener << arg.failure().ShortDebugString();
  return arg.failure().reason() == GetReasonInfo(reason).name;
}

// EndedWithAlert also looks at the alert that the peer sent.
MATCHER_P(EndedWithAlert, alert, "") {
  *result_listener << arg.failure().ShortDebugString();
  const auto& metadata = arg.failure().metadata();
  auto found = metadata.find("alert");
  return arg.failure().reason() == GetReasonInfo(Reason::kPeerAlert).name &&
         found != metadata.end() && found->second == alert;
}

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_INTEROP_FIXTURE_H_
