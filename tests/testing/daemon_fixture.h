// DaemonTest is a test against a real daemon over a real gRPC channel. The
// daemon runs in the test's process, on a unix socket of its own, and lives as
// long as the test suite: tests name what they make by themselves, and watch
// only that.
//
// The suite starts with these secure contexts:
//   secureContexts/server         ServerIdentity, TLS 1.2 and 1.3
//   secureContexts/client         trusts RootIdentity
//   secureContexts/client-tls12   the same, that version only
//   secureContexts/client-tls13
#ifndef TLSD_TESTS_TESTING_DAEMON_FIXTURE_H_
#define TLSD_TESTS_TESTING_DAEMON_FIXTURE_H_

#include <chrono>
#include <future>
#include <memory>
#include <string>
#include <utility>

#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/control_client.h"
#include "tests/testing/test_identities.h"

namespace tlsd {
class Daemon;
}  // namespace tlsd

namespace tlsd::testing {

// TemporaryFolder is a new folder with a name short enough for a unix socket;
// it goes with all that is in it.
class TemporaryFolder {
 public:
  TemporaryFolder();
  ~TemporaryFolder();
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;

  const std::string& path() const { return path_; }
  std::string operator/(absl::string_view name) const;

 private:
  std::string path_;
};

// InBackground runs `call` on a thread of its own. `Get` waits for its result.
template <typename Call>
auto InBackground(Call call) {
  return std::async(std::launch::async, std::move(call));
}

// HasResult reports whether `background` is done within `time`.
template <typename T>
bool HasResult(const std::future<T>& background, absl::Duration time) {
  return background.wait_for(absl::ToChronoNanoseconds(time)) ==
         std::future_status::ready;
}

// AddressOf returns what a client dials to reach `listener`.
std::string AddressOf(const v1::Listener& listener);

// FromProto and ToProto translate the times of the contract.
absl::Duration FromProto(const google::protobuf::Duration& duration);
google::protobuf::Duration ToProto(absl::Duration duration);

// PemOf returns credentials for a secure context.
v1::Credentials PemOf(const TestIdentity& identity);

// Pair is a connection seen from its two ends, in one daemon.
struct Pair {
  v1::Connection client;
  v1::Connection server;
};

class DaemonTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite();
  static void TearDownTestSuite();

  // RestartDaemon ends the daemon and starts another at the same address.
  static void RestartDaemon();

  static ControlClient& client() { return *client_; }
  static const TemporaryFolder& folder() { return *folder_; }
  static std::string control_address();

  // What follows fails the test if the call fails, and then returns what is
  // empty.

  // NewContext makes a secure context and returns its name.
  static std::string NewContext(const v1::SecureContext& context);
  // Listen starts a listener. Unset fields: 127.0.0.1:0, secureContexts/server
  // unless it is plain.
  static v1::Listener Listen(v1::Listener listener = {});
  static v1::Listener ListenEcho();
  static v1::Listener ListenUnix();
  // Unused returns a path in the suite's folder where nothing is.
  static std::string UnusedPath();

  // ToConnect returns a request that connects to `listener` in `version`.
  static v1::ConnectRequest ToConnect(
      const v1::Listener& listener,
      v1::TlsVersion version = v1::TLS_VERSION_UNSPECIFIED);
  static v1::Connection Connect(
      const v1::Listener& listener,
      v1::TlsVersion version = v1::TLS_VERSION_UNSPECIFIED);
  // Open connects to a `listener` with the stream handler, and accepts.
  static Pair Open(const v1::Listener& listener,
                   v1::TlsVersion version = v1::TLS_VERSION_UNSPECIFIED);
  // Attach streams a connection.
  static std::unique_ptr<StreamClient> Attach(const v1::Connection& connection);
  // Watch watches `subject`; "" is everything.
  static std::unique_ptr<EventWatch> Watch(absl::string_view subject);

  static absl::StatusOr<v1::Connection> Accept(const std::string& listener,
                                               CallContext* context = nullptr);
  static absl::StatusOr<v1::Connection> Get(const v1::Connection& connection);
  static absl::StatusOr<v1::Listener> Get(const v1::Listener& listener);
  // Await returns the first event of `type` about `subject`, or about a
  // connection of that listener, past or to come.
  static v1::Event Await(v1::EventType type, const std::string& subject);
  // AwaitClosed waits until `connection` has ended, and returns it.
  static v1::Connection AwaitClosed(const v1::Connection& connection);
  // Write and Read are the unary calls. ReadAll reads until the end.
  static absl::Status Write(const v1::Connection& connection,
                            absl::string_view data);
  static absl::StatusOr<v1::ReadResponse> Read(
      const v1::Connection& connection);
  static absl::StatusOr<std::string> ReadAll(const v1::Connection& connection);

 private:
  static std::unique_ptr<TemporaryFolder> folder_;
  static std::unique_ptr<Daemon> daemon_;
  static std::unique_ptr<ControlClient> client_;
};

// VersionTest runs once in each version of TLS.
class VersionTest : public DaemonTest,
                    public ::testing::WithParamInterface<v1::TlsVersion> {};

// VersionName names the runs of a VersionTest.
std::string VersionName(const ::testing::TestParamInfo<v1::TlsVersion>& info);

#define INSTANTIATE_IN_BOTH_VERSIONS(Suite)                                    \
  INSTANTIATE_TEST_SUITE_P(, Suite,                                            \
                           ::testing::Values(::tlsd::v1::TLS_VERSION_TLS_1_2,  \
                                             ::tlsd::v1::TLS_VERSION_TLS_1_3), \
                           ::tlsd::testing::VersionName)

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_DAEMON_FIXTURE_H_
