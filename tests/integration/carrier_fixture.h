// CarrierTest is a test of connections over other things than a socket of their
// own: pairs, other connections, pipes. It runs once in each version of TLS.
//
// SecurePairTest joins two secure pairs back to back, as a program does with a
// carrier of its own:
//
//   client.cleartext [TLS] client.encrypted <- Joint -> server.encrypted [TLS]
//   server.cleartext
#ifndef TLSD_TESTS_INTEGRATION_CARRIER_FIXTURE_H_
#define TLSD_TESTS_INTEGRATION_CARRIER_FIXTURE_H_

#include <atomic>
#include <cstdint>
#include <future>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "tests/testing/control_client.h"
#include "tests/testing/daemon_fixture.h"

namespace tlsd::testing {

// MadeBytes returns `size` bytes of a sequence that does not repeat early, from
// `position` on.
std::string MadeBytes(size_t size, uint64_t position = 0);

class CarrierTest : public VersionTest {
 protected:
  // Queues on the way, in the daemon and in the kernel, hold less than this
  // where sockets are unix sockets, whose buffers do not grow.
  static constexpr int64_t kHeldMax = 1 << 20;
  // How long something that is stalled is watched.
  static constexpr absl::Duration kWhile = absl::Milliseconds(300);

  static bool IsTls13() { return GetParam() == v1::TLS_VERSION_TLS_1_3; }

  // ClientOptions is what Upgrade and CreateSecurePair take for a client in
  // `version` that asks for "localhost"; ServerOptions, for ServerIdentity.
  static v1::ConnectRequest ClientOptions(v1::TlsVersion version);
  static v1::ServerOptions ServerOptions(
      const std::string& context = "secureContexts/server");
  // ClientContext makes a context of the version that shows ClientIdentity;
  // JudgingContext one of a server that can judge it.
  static std::string ClientContext();
  static std::string JudgingContext(
      v1::ClientCertificateMode mode = v1::CLIENT_CERTIFICATE_MODE_NONE);

  // ListenPlain starts a plain listener. Unset: 127.0.0.1:0.
  static v1::Listener ListenPlain(v1::Listener listener = {});
  static v1::Listener ListenPlainUnix();
  static v1::ConnectRequest ToConnectPlain(const std::string& address);
  static v1::Connection ConnectPlain(const std::string& address);
  // OpenPlain connects to a plain `listener`, and accepts.
  static Pair OpenPlain(const v1::Listener& listener);
  static Pair OpenPlain() { return OpenPlain(ListenPlain()); }

  // On makes the call that takes nothing but a name.
  template <typename Request>
  static absl::StatusOr<v1::Connection> On(const v1::Connection& connection) {
    Request request;
    request.set_name(connection.name());
    return client().Call(request);
  }
  static absl::Status Shutdown(const v1::Connection& connection) {
    return On<v1::ShutdownRequest>(connection).status();
  }
  static absl::Status Close(const v1::Connection& connection) {
    return On<v1::CloseRequest>(connection).status();
  }
  static absl::Status Reset(const v1::Connection& connection) {
    return On<v1::ResetRequest>(connection).status();
  }
  static absl::StatusOr<v1::Connection> Pipe(const v1::Connection& connection,
                                             const v1::Connection& peer);

  // ReadBytes reads exactly `size` bytes; fewer, and the test fails, if the end
  // comes first.
  static std::string ReadBytes(const v1::Connection& connection, size_t size);
  // WriteMuch writes `size` MadeBytes from `position` on, and ends the
  // direction if it is told to.
  enum class Then { kShutDown, kNothing };
  static absl::Status WriteMuch(const v1::Connection& connection, size_t size,
                                uint64_t position = 0,
                                Then then = Then::kShutDown);
  // ReadMuch reads until the end, and returns how many MadeBytes from
  // `position` on that was.
  static absl::StatusOr<size_t> ReadMuch(const v1::Connection& connection,
                                         uint64_t position = 0);

  // ExpectCarriesBothWays looks whether two ends hear each other.
  static void ExpectCarriesBothWays(const v1::Connection& one,
                                    const v1::Connection& other);

  // TypesOf returns what `connection` has told so far.
  static std::vector<v1::EventType> TypesOf(const v1::Connection& connection);
  // AwaitFailure returns why `connection` has ended; "" if cleanly.
  static std::string AwaitFailure(const v1::Connection& connection);
};

// Joint carries the ciphertext of two secure pairs to each other until it is
// destroyed, both ends have ended, or a call fails. `client` must outlive it.
class Joint {
 public:
  enum class How { kStream, kReadWrite, kPipe };
  // Pieces of at most `piece_size` bytes; kPipe has its own.
  Joint(ControlClient& client, How how, const v1::Connection& one,
        const v1::Connection& other, size_t piece_size = 65536);
  ~Joint();

  // Await waits until nothing more is carried.
  void Await();

 private:
  void CarryStream(StreamClient& from, StreamClient& to);
  void CarryCalls(const v1::Connection& from, const v1::Connection& to);

  ControlClient& client_;
  const size_t piece_size_;
  std::atomic<bool> is_stopped_ = false;
  std::unique_ptr<StreamClient> streams_[2];
  std::future<void> carrying_[2];
};

class SecurePairTest : public CarrierTest {
 protected:
  // Ends is the two pairs of one TLS connection.
  struct Ends {
    v1::SecurePair client;
    v1::SecurePair server;
  };

  static v1::SecurePair Make(const v1::ConnectRequest& options);
  static v1::SecurePair Make(const v1::ServerOptions& options);
  static Ends MakeEnds(const v1::ServerOptions& options = ServerOptions());

  static std::unique_ptr<Joint> Join(const Ends& ends,
                                     Joint::How how = Joint::How::kReadWrite,
                                     size_t piece_size = 65536);
  // Complete joins `ends` until the handshake is complete at both, and until
  // nothing is on its way.
  static void Complete(const Ends& ends);
  static void AwaitHandshake(const Ends& ends);
  // CarryAll carries what `from` has to give now to `to`.
  static void CarryAll(const v1::Connection& from, const v1::Connection& to);
};

// HowName names a way to join.
std::string HowName(Joint::How how);

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_INTEGRATION_CARRIER_FIXTURE_H_
