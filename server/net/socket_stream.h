// SocketStream is a connected TCP or unix socket on a loop, and what is left of
// it while it closes: it outlives its SocketTransport until the kernel and the
// peer are done with it, and then frees itself.
//
//   open --Write, OnBytes...--> Linger --> flushing --> lingering --> closed
//     \---- failure ----> failed            (unsent)    (SHUT_WR)
//
// A socket is treated as the default SocketOptions say when it comes here.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_SOCKET_STREAM_H_
#define TLSD_SERVER_NET_SOCKET_STREAM_H_

#include <sys/types.h>
#include <uv.h>

#include <cstddef>
#include <memory>

#include "absl/status/status.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/net/event_loop.h"
#include "server/net/socket_address.h"
#include "server/net/socket_options.h"
#include "server/net/transport.h"
#include "server/net/uv_handle.h"

namespace tlsd::net {

class SocketStream final : public UvHandle {
 public:
  enum class Kind { kTcp, kUnix };

  // Create returns a stream without a socket: Open gives it one, or a connect
  // call of libuv on `tcp` or `pipe`, whichever `kind` says. The caller closes
  // it.
  static SocketStream* Create(EventLoop& loop, base::ChunkPool& pool,
                              Kind kind);

  // Open takes `descriptor`, a connected socket, over; if that fails, which
  // means that there is no memory, it returns the errno and has taken nothing.
  int Open(int descriptor);

  uv_tcp_t* tcp() { return &uv_.tcp; }
  uv_pipe_t* pipe() { return &uv_.pipe; }
  void set_remote_address(SocketAddress address);
  // Without this, the kernel is asked when the address is first wanted.
  void set_local_address(SocketAddress address);

  // These are Transport's.
  void Start(TransportObserver& observer);
  void PauseReading();
  void ResumeReading();
  void Write(base::ByteQueue& bytes);
  size_t unsent_size() const { return unsent_.size(); }
  void EndWriting();
  void SetOptions(const SocketOptions& options);
  const SocketAddress& local_address();
  const SocketAddress& remote_address() const { return remote_address_; }

  // Each of these, like Close, ends the caller's hold on the stream.
  void Linger();
  void Reset();
  // Drop is Close, or, if anything is unsent, Reset.
  void Drop();

  bool is_abandoned() const override;

 private:
  enum class State { kOpen, kFailing, kFailed, kFlushing, kLingering };

  SocketStream(EventLoop& loop, base::ChunkPool& pool, Kind kind);
  ~SocketStream() override = default;
  uv_handle_t* handle() override { return &uv_.handle; }
  void OnClose() override;
  int descriptor() const;

  void StartReading();
  void OnRead(ssize_t count, const uv_buf_t& buffer);
  void OnReceived(absl::Span<const uint8_t> bytes);
  void OnEndOfStream();
  void DropReceived(size_t count);

  int SendNow(base::ByteQueue& bytes);
  void SendWhenWritable();
  void OnSent(int error, size_t count);

  void FailLater(int error);
  void DeliverThenFail(int error);
  void Fail(int error);
  int ShutDown();
  void EndSending();

  union {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_tcp_t tcp;
    uv_pipe_t pipe;
  } uv_;
  const Kind kind_;
  State state_ = State::kOpen;
  bool is_reading_ = false;
  // The peer's end has been seen.
  bool has_ended_ = false;
  // Nothing more will be written; and SHUT_WR has been done.
  bool is_ending_ = false;
  bool is_shut_down_ = false;
  // A request of libuv refers to the front of `unsent_`.
  bool is_sending_ = false;
  EventLoop& loop_;
  TransportObserver* observer_ = nullptr;
  // Not empty only while a request is on its way.
  base::ByteQueue unsent_;
  size_t dropped_size_ = 0;
  SocketOptions options_;
  std::unique_ptr<Timer> timer_;
  SocketAddress local_address_;
  SocketAddress remote_address_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_SOCKET_STREAM_H_
