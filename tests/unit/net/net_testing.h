// What tests of server/net share: a loop that is driven from the test, an
// observer that writes down what it sees, and connected transports.
#ifndef TLSD_TESTS_UNIT_NET_NET_TESTING_H_
#define TLSD_TESTS_UNIT_NET_NET_TESTING_H_

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "absl/strings/string_view.h"
#include "absl/types/span.h"
#include "server/base/chunk_pool.h"
#include "server/net/acceptor.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/transport.h"

namespace tlsd::net {

// TempFolder is a folder of its own with a short name, removed at the end.
class TempFolder {
 public:
  TempFolder();
  ~TempFolder();
  TempFolder(const TempFolder&) = delete;
  TempFolder& operator=(const TempFolder&) = delete;

  std::string Path(absl::string_view name) const;

 private:
  std::string path_;
};

// LoopFixture is a loop and a pool that end in the right order.
struct LoopFixture {
  LoopFixture();

  // RunUntil handles events until `condition` holds; it returns false if that
  // takes more than 20 seconds.
  bool RunUntil(const std::function<bool()>& condition);

  // RunOnce handles what is ready, without waiting.
  void RunOnce();

  base::ChunkPool pool;
  std::unique_ptr<EventLoop> loop;
};

// Recorder writes down what a transport tells, and then calls `on_event`.
class Recorder : public TransportObserver {
 public:
  void OnBytes(absl::Span<const uint8_t> bytes) override;
  void OnEnd() override;
  void OnError(const absl::Status& error) override;
  void OnDrained() override;

  std::string received;
  bool has_ended = false;
  absl::Status error;
  int drained_count = 0;
  int event_count = 0;
  std::function<void()> on_event = [] {};
};

// The two ends of a socket: `client` has dialled, `server` was accepted.
struct ConnectedSockets {
  std::unique_ptr<Transport> client;
  std::unique_ptr<Transport> server;
};

// ConnectSockets connects through a listener at `endpoint`.
ConnectedSockets ConnectSockets(LoopFixture& fixture, const Endpoint& endpoint);

// DescriptorOf returns the descriptor of this process that is bound to `local`,
// and connected with `remote` unless that is kNone; or -1.
int DescriptorOf(const SocketAddress& local, const SocketAddress& remote = {});

// OptionOf returns what getsockopt says of `descriptor`, or -1.
int OptionOf(int descriptor, int level, int option);

// LoopbackEndpoint is any port of 127.0.0.1.
Endpoint LoopbackEndpoint();

// BindOne is BoundSocket::Bind for one socket; it fails the test on error.
std::unique_ptr<BoundSocket> BindOne(const Endpoint& endpoint);

// EndpointOf returns the endpoint at which to reach `address`.
Endpoint EndpointOf(const SocketAddress& address);

// ConnectTo returns a plain, blocking socket connected to `address`, or -1 and
// errno.
int ConnectTo(const SocketAddress& address);

// WriteText sends `text` through `transport`, whose chunks come from the pool
// of `fixture`.
void WriteText(LoopFixture& fixture, Transport& transport,
               absl::string_view text);

// Noise returns `size` bytes that repeat nowhere near.
std::string Noise(size_t size);

}  // namespace tlsd::net

#endif  // TLSD_TESTS_UNIT_NET_NET_TESTING_H_
