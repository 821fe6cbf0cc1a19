// SocketStream is a connected TCP or unix socket on a loop, and what is left of
// it while it closes: it outlives its SocketTransport until the kernel and the
// peer are done with it, and then frees itself.
//
//   open --Write, OnBytes...--> Linger --> flushing --> lingering --> closed
//     \---- failure ----> failed            (unsent)    (SHUT_WR)
//
// The kernel is told once what to watch for, and tells of changes only (EPOLLET
// of epoll(7)). So the stream keeps in mind whether there may be something to
// read, until a read has shown that there is not; to pause costs no call. For
// room to write it is watched from the first write on that found too little,
// because most streams never need that, and each would be woken for it.
//
// A socket is treated as the default SocketOptions say when it comes here.
//
// It is internal to server/net, and belongs to the loop's thread.
#ifndef TLSD_SERVER_NET_SOCKET_STREAM_H_
#define TLSD_SERVER_NET_SOCKET_STREAM_H_

#include <sys/types.h>

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/base/chunk_pool.h"
#include "server/net/descriptor.h"
#include "server/net/event_loop.h"
#include "server/net/poller.h"
#include "server/net/socket_address.h"
#include "server/net/socket_options.h"
#include "server/net/transport.h"

namespace tlsd::net {

class SocketStream final : public LoopObject {
 public:
  enum class Kind { kTcp, kUnix };

  // What to watch a socket for that becomes a stream; EPOLLOUT may be added.
  static constexpr uint32_t kEvents = EPOLLIN | EPOLLRDHUP | EPOLLPRI | EPOLLET;

  // Create returns a stream without a socket: Open or Adopt gives it one. The
  // caller closes it.
  static SocketStream* Create(EventLoop& loop, base::ChunkPool& pool,
                              Kind kind);

  // Open takes `descriptor`, a connected socket, over; if that fails, which
  // means that there is no memory, it returns the errno and has taken nothing.
  int Open(int descriptor);

  // Adopt takes over a socket that has been connected just now, which `dialler`
  // watches, and which has had `events`. TCP_NODELAY is not set.
  void Adopt(Descriptor descriptor, LoopObject& dialler, uint32_t events);

  void set_remote_address(SocketAddress address);
  // Without this, the kernel is asked when the address is first wanted.
  void set_local_address(SocketAddress address);

  // These are Transport's.
  void Start(TransportObserver& observer);
  void PauseReading();
  void ResumeReading();
  // `then` says what the caller does next, at once.
  enum class Then { kAnything, kEnd };
  void Write(base::ByteQueue& bytes, Then then = Then::kAnything);
  size_t unsent_size() const { return unsent_.size(); }
  void EndWriting();
  void SetOptions(const SocketOptions& options);
  const SocketAddress& local_address();
  const SocketAddress& remote_address() const { return remote_address_; }

  // Each of these ends the caller's hold on the stream, as Close does. Close is
  // a Reset if anything is unsent, or has failed.
  void Linger();
  void Reset();

  bool is_abandoned() const override;
  const char* kind() const override;

 private:
  enum class State : uint8_t {
    kOpen,
    kFailing,
    kFailed,
    kFlushing,
    kLingering
  };
  // What a read has shown of what is behind it.
  enum class Behind { kNothing, kMore, kEnd };

  SocketStream(EventLoop& loop, base::ChunkPool& pool, Kind kind);
  ~SocketStream() override = default;
  void OnReady(uint32_t events) override;
  void OnTurn() override;
  void OnClose() override;

  void NoteEvents(uint32_t events);
  bool TakesBytes() const;
  void GoOnReading();
  void ReadOnce();
  void OnUnread(int error);
  ssize_t Receive(absl::Span<uint8_t> scratch, bool& is_cut_short);
  Behind LookBehind(bool is_full, bool is_cut_short) const;
  void OnReceived(absl::Span<const uint8_t> bytes);
  void TellEnd();
  void DropReceived(size_t count);

  int SendNow(base::ByteQueue& bytes, Then then = Then::kAnything);
  void WaitForRoom();
  void SendUnsent();

  void FailLater(int error);
  void DeliverThenFail(int error);
  void Fail(int error);
  int ShutDown();
  void EndSending();
  void ResetWhenClosed();
  void SetDelay(bool delays);

  const Kind kind_;
  State state_ = State::kOpen;
  bool is_reading_ = false;
  // There may be something to read, or an end, or a failure.
  bool is_readable_ = false;
  // All that the peer sent has been read, and its end seen; and told.
  bool is_at_end_ = false;
  bool has_told_end_ = false;
  // Nothing more will be written; and SHUT_WR has been done.
  bool is_ending_ = false;
  bool is_shut_down_ = false;
  // The kernel shall hold small writes back, and does; and something has been
  // sent.
  bool shall_delay_ = false;
  bool delays_ = false;
  bool has_sent_ = false;
  // It is watched for EPOLLOUT.
  bool waits_for_room_ = false;
  Descriptor descriptor_;
  // All events that there have been.
  uint32_t seen_ = 0;
  // The failure to tell, while failing.
  int error_ = 0;
  EventLoop& loop_;
  TransportObserver* observer_ = nullptr;
  // Not empty only while the kernel is full.
  base::ByteQueue unsent_;
  size_t dropped_size_ = 0;
  absl::Duration keep_alive_;
  std::unique_ptr<Timer> timer_;
  SocketAddress local_address_;
  SocketAddress remote_address_;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_SOCKET_STREAM_H_
