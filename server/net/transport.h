// Transport is a connected, ordered stream of bytes in both directions, below
// TLS. It knows nothing of TLS.
//
// Whoever holds the pointer owns it. It belongs to the thread of its loop. Its
// observer is called from the loop only, never from inside a call to the
// transport, so no call re-enters the caller.
#ifndef TLSD_SERVER_NET_TRANSPORT_H_
#define TLSD_SERVER_NET_TRANSPORT_H_

#include <cstddef>
#include <cstdint>
#include <memory>

#include "absl/status/status.h"
#include "absl/time/time.h"
#include "absl/types/span.h"
#include "server/base/byte_queue.h"
#include "server/net/socket_address.h"
#include "server/net/socket_options.h"

namespace tlsd::net {

// TransportObserver gets what happens. It may destroy or close the transport
// from any of these.
class TransportObserver {
 public:
  virtual ~TransportObserver() = default;

  // `bytes` arrived. They are valid during the call only.
  virtual void OnBytes(absl::Span<const uint8_t> bytes) = 0;
  // The peer sends no more (FIN). Writing may go on.
  virtual void OnEnd() = 0;
  // The transport failed: TRANSPORT_RESET, or what the other end of a pair gave
  // to Reset. Nothing else follows.
  virtual void OnError(const absl::Status& error) = 0;
  // All that Write could not send at once has been sent. An end of a pair calls
  // before that too, when little is left (kPairLowBytes).
  virtual void OnDrained() = 0;
};

class Transport {
 public:
  // Destroying a transport closes it at once. If anything is unsent, it is
  // dropped, and the transport reset.
  virtual ~Transport() = default;

  // Start sets the observer, which must outlive the transport or its closing,
  // and begins to read. Call it once, before anything else.
  virtual void Start(TransportObserver& observer) = 0;

  // PauseReading and ResumeReading; to call one twice is no error. While
  // paused, the peer fills its window and stops. OnEnd is not seen either.
  virtual void PauseReading() = 0;
  virtual void ResumeReading() = 0;

  // Write takes all of `bytes`. It sends now what the kernel takes, and the
  // rest when it can; `unsent_size` says how much that is. It sets no limit:
  // look at `unsent_size` first. A failure arrives as OnError, after what the
  // peer had sent before it; what it had sent is lost if reading is paused.
  virtual void Write(base::ByteQueue& bytes) = 0;
  virtual size_t unsent_size() const = 0;

  // WriteLast is Write for bytes that EndWriting or CloseGently follows at
  // once, so that the end can travel with them.
  virtual void WriteLast(base::ByteQueue& bytes) { Write(bytes); }

  // EndWriting ends our direction when all that was written has been sent: the
  // peer sees the end (FIN). Nothing may be written afterwards; reading goes
  // on. To call it twice is no error.
  virtual void EndWriting() = 0;

  // SetOptions changes how the socket is treated, at any time; what has no
  // socket ignores it.
  virtual void SetOptions(const SocketOptions& options) = 0;

  virtual const SocketAddress& local_address() const = 0;
  virtual const SocketAddress& remote_address() const = 0;

  // CloseGently gives up `transport`: it sends what is unsent for at most
  // kFlushTime, ends our direction (SHUT_WR), and drops what still arrives
  // until the peer has ended too, so that no reset destroys an alert on its
  // way; it stays for at most kLingerTime after that and kLingerBytes. Then the
  // socket is closed; when kFlushTime is over before, it is reset. The observer
  // hears nothing more.
  static constexpr absl::Duration kFlushTime = absl::Seconds(30);
  static constexpr absl::Duration kLingerTime = absl::Milliseconds(500);
  static constexpr size_t kLingerBytes = 1 << 20;
  static void CloseGently(std::unique_ptr<Transport> transport);

  // Reset gives up `transport` at once: the peer sees a TCP reset, or the end
  // of a unix socket; the other end of a pair gets `reason`.
  static void Reset(std::unique_ptr<Transport> transport,
                    const absl::Status& reason);

 private:
  // BeginLinger and BeginReset take over the transport's own life.
  virtual void BeginLinger(std::unique_ptr<Transport> self) = 0;
  virtual void BeginReset(std::unique_ptr<Transport> self,
                          const absl::Status& reason) = 0;
};

}  // namespace tlsd::net

#endif  // TLSD_SERVER_NET_TRANSPORT_H_
