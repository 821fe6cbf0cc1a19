// DrivenPeerTest brings the daemon together with a driven peer: TheProgram(),
// in one process for all tests of the suite.
#ifndef TLSD_TESTS_INTEROP_DRIVEN_PEER_FIXTURE_H_
#define TLSD_TESTS_INTEROP_DRIVEN_PEER_FIXTURE_H_

#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "tests/interop/driven_peer.h"
#include "tests/interop/interop_fixture.h"

namespace tlsd::testing {

class DrivenPeerTest : public InteropTest {
 protected:
  static constexpr size_t kTextSize = 100 * 1024;

  static void SetUpTestSuite();
  static void TearDownTestSuite();
  void SetUp() override;

  // Text returns kTextSize bytes.
  static std::string Text() { return Mebibyte().substr(0, kTextSize); }
  // Echoed is what the program says when it is back.
  static std::string Echoed();
  // OtherProtocol is the version that the run does not speak.
  static std::string OtherProtocol();

  // Showing returns the options of an own certificate.
  static PeerOptions Showing(const TestIdentity& identity);

  // Client connects to `listener`, sends the text, compares what comes back,
  // and closes, if `more` does not say otherwise.
  static PeerTask Client(const v1::Listener& listener,
                         const PeerOptions& more = {});
  // Server gives back what comes in a connection, until its end.
  static PeerTask Server(const TestIdentity& identity,
                         const PeerOptions& more = {});
  static absl::StatusOr<v1::Connection> ConnectTo(
      PeerTask& server, const v1::SecureContext& context = ClientContext());

  // Said waits for the end of a task and returns what was said of it.
  static std::string Said(PeerTask& task);
  // Heard matches what was said if an alert of the daemon has come.
  static ::testing::Matcher<std::string> Heard(absl::string_view alert);

  // RequiringContext is for a listener that requires a certificate, ContextOf
  // for a connection that shows one.
  static v1::SecureContext RequiringContext(
      const TestIdentity& identity = ServerIdentity());
  static v1::SecureContext ContextOf(const TestIdentity& identity);

  // Echo sends the text, and expects it back.
  static void Echo(StreamClient& stream);

  // ExpectRefused expects that a server has refused what we have shown, or that
  // we have shown nothing; ExpectRefusedByClient that a client has.
  static void ExpectRefused(const absl::StatusOr<v1::Connection>& connection);
  static void ExpectRefusedByClient(const v1::Connection& connection);

 private:
  static std::unique_ptr<DrivenPeer> peer_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEROP_DRIVEN_PEER_FIXTURE_H_
