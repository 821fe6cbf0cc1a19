// DecisionTest is a test of handshakes that ask, between two ends in one
// daemon, in one version of TLS.
//
//   Asking asking = AskingFor(v1::DECISION_TYPE_SIGN);
//   Handshake handshake = Start(asking);
//   ASSERT_OK_AND_ASSIGN(const v1::Decision decision, Next(asking));
//
// Listeners and contexts are each test's own: questions are told apart by them.
#ifndef TLSD_TESTS_INTEGRATION_DECISION_FIXTURE_H_
#define TLSD_TESTS_INTEGRATION_DECISION_FIXTURE_H_

#include <future>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "gtest/gtest.h"
#include "tests/testing/control_client.h"
#include "tests/testing/daemon_fixture.h"
#include "tests/testing/decisions.h"
#include "tests/testing/test_identities.h"

namespace tlsd::testing {

// All types that a server asks.
const std::vector<v1::DecisionType>& ServerQuestions();

class DecisionTest : public VersionTest {
 protected:
  // What comes of Connect.
  using Handshake = std::future<absl::StatusOr<v1::Connection>>;

  // Asking is a listener and what to connect with, so that a question of `type`
  // is asked by the server.
  struct Asking {
    v1::DecisionType type = v1::DECISION_TYPE_UNSPECIFIED;
    v1::Listener listener;
    v1::ConnectRequest request;
  };

  static bool IsTls13() { return GetParam() == v1::TLS_VERSION_TLS_1_3; }

  // ServerOptions is a context of `identity` in both versions, ClientOptions
  // one that trusts the root, in that of the test.
  static v1::SecureContext ServerOptions(
      const TestIdentity& identity = ServerIdentity());
  static v1::SecureContext ClientOptions();
  // What a server with `options` needs to judge clients.
  static v1::SecureContext Judging(v1::SecureContext options,
                                   v1::ClientCertificateMode mode);

  // Serve starts a listener with a context of its own.
  static v1::Listener Serve(const std::vector<v1::Hook>& hooks,
                            const v1::SecureContext& context = ServerOptions());
  // AskingFor makes all that `hook`, or one that waits long, needs to be met.
  static Asking AskingFor(const v1::Hook& hook);
  static Asking AskingFor(v1::DecisionType type);

  // Start connects in the background.
  static Handshake Start(const v1::ConnectRequest& request);
  static Handshake Start(const Asking& asking) { return Start(asking.request); }
  static Handshake Start(const v1::Listener& listener);

  // Next takes the next question.
  static absl::StatusOr<v1::Decision> Next(const std::string& subject);
  static absl::StatusOr<v1::Decision> Next(const Asking& asking);
  static absl::Status Answer(const v1::DecisionAnswer& answer);
  // Waiting returns the connection that asks.
  static absl::StatusOr<v1::Connection> Waiting(const v1::Decision& decision);

  // FailureOf returns why a handshake of `listener` has failed.
  static v1::Failure FailureOf(const v1::Listener& listener);
  // AlertSeen returns the alert that the client of `handshake` has got, in the
  // handshake or, as clients of TLS 1.3 do, after it.
  static std::string AlertSeen(Handshake& handshake);
  // NewestSession returns a session of a client, when there is one.
  static std::string NewestSession(const v1::Connection& connection);

  // ExpectGone looks whether nobody waits for `decision` any more.
  static void ExpectGone(const v1::Decision& decision);
};

// NameOf returns the end of a type's name in mixed case, e.g. "ClientHello".
std::string NameOf(v1::DecisionType type);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_DECISION_FIXTURE_H_
