// TransportSink joins the cleartext of a connection to a transport: what the
// peer sends goes to the transport, and what the transport brings goes to the
// peer. Forwarding, pipes, and connections that carry others are made of it.
//
//   peer <-- TLS --> connection <-- TransportSink --> transport
//
// It holds no bytes: what the transport does not take stays in the connection's
// queue, and while the peer does not take, the transport is not read. The end
// of one direction becomes the end of the other's; whatever else ends one side
// is no clean end for the other. It belongs to its connection and the
// connection's worker thread.
#ifndef TLSD_SERVER_CONN_TRANSPORT_SINK_H_
#define TLSD_SERVER_CONN_TRANSPORT_SINK_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "server/conn/cleartext_sink.h"
#include "server/net/transport.h"

namespace tlsd::conn {

// FarEnd says what is at the other end of the transport.
struct FarEnd {
  enum class Kind {
    // Another connection's cleartext.
    kPipe,
    // A server that the connection is forwarded to.
    kUpstream,
    // A connection that this one carries. When it has ended and gone, what its
    // peer still sends is of no use to anybody.
    kCarried,
  };
  Kind kind = Kind::kPipe;
  // "connections/ID"; for kUpstream an address.
  std::string name;

  // Failed returns the error of a connection whose far end has failed with
  // `cause`: UPSTREAM_FAILED, else PIPE_BROKEN.
  absl::Status Failed(const absl::Status& cause) const;
};

class TransportSink final : public CleartextSink,
                            private net::TransportObserver {
 public:
  // `transport` is not started, and uses the chunk pool of the connection. It
  // gets `preamble` before all else.
  TransportSink(std::unique_ptr<net::Transport> transport, FarEnd far_end,
                std::string preamble = "");
  // A transport that is still open is reset: nothing has ended it.
  ~TransportSink() override;

  void OnProgress(Connection& connection) override;

 private:
  void Start();
  // Finish gives the transport up, when the connection has ended.
  void Finish();
  void OnBytes(absl::Span<const uint8_t> bytes) override;
  void OnEnd() override;
  void OnError(const absl::Status& error) override;
  void OnDrained() override;

  // Null once it has ended.
  std::unique_ptr<net::Transport> transport_;
  const FarEnd far_end_;
  // Null once it is sent, or if there is none.
  std::unique_ptr<const std::string> preamble_;
  // Since the first OnProgress, which starts the transport.
  Connection* connection_ = nullptr;
  bool transport_has_ended_ = false;
};

}  // namespace tlsd::conn

#endif  // TLSD_SERVER_CONN_TRANSPORT_SINK_H_
