// SocketTransport is the Transport of a connected TCP or unix socket.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_SOCKET_TRANSPORT_H_
#define TLSD_SERVER_NET_SOCKET_TRANSPORT_H_

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "server/net/socket_options.h"
#include "server/net/socket_stream.h"
#include "server/net/transport.h"

namespace tlsd::net {

class SocketTransport final : public Transport {
 public:
  // SocketTransport owns `stream`, which is connected.
  explicit SocketTransport(SocketStream* stream) : stream_(stream) {}
  ~SocketTransport() override;

  void Start(TransportObserver& observer) override;
  void PauseReading() override;
  void ResumeReading() override;
  void Write(base::ByteQueue& bytes) override;
  void WriteLast(base::ByteQueue& bytes) override;
  size_t unsent_size() const override;
  void EndWriting() override;
  void SetOptions(const SocketOptions& options) override;
  const SocketAddress& local_address() const override;
  const SocketAddress& remote_address() const override;

 private:
  void BeginLinger(std::unique_ptr<Transport> self) override;
  // The peer of a socket cannot be told a reason.
  void BeginReset(std::unique_ptr<Transport> self,
                  const absl::Status& reason) override;

  // Null once it has been left to itself.
  SocketStream* stream_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_SOCKET_TRANSPORT_H_
