// StreamCall is one Stream RPC: the cleartext of one connection in both
// directions. In each it holds a few messages at most, so that both ends of the
// RPC hold the connection back; and as many as that, because to wake a thread
// costs as much as to seal a message.
//
// It keeps itself alive until gRPC is done with it. Two kinds of threads meet
// in it, and wait for each other only as long as the mutex is held:
//
//   gRPC's        puts what the caller sends into the inbox, and sends what is
//                 in the outbox
//   the worker's  seals what is in the inbox, and puts what arrives into the
//                 outbox; it has all the rest, once attached
#ifndef TLSD_SERVER_CONTROL_STREAM_CALL_H_
#define TLSD_SERVER_CONTROL_STREAM_CALL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/container/inlined_vector.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/types/span.h"
#include "server/conn/stream_sink.h"
#include "server/control/stream_frames.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::control {

class StreamCall final
    : public grpc::ServerBidiReactor<grpc::ByteBuffer, grpc::ByteBuffer>,
      public std::enable_shared_from_this<StreamCall> {
 public:
  // Start returns a call that waits for `attach`; gRPC takes it, and `context`
  // outlives it.
  static StreamCall* Start(worker::WorkerPool& pool,
                           grpc::CallbackServerContext& context);

 private:
  // What has come from the caller and is not sealed.
  struct Inbox {
    Slices cleartext;
    size_t cleartext_size = 0;
    // What the worker is sealing counts too.
    size_t held_size = 0;
    // The caller has half-closed; or what it has sent is no cleartext. Nothing
    // is read after that.
    bool is_half_closed = false;
    absl::Status fault;

    bool has_ended() const { return is_half_closed || !fault.ok(); }
  };

  // What goes to the caller behind the message under way: first cleartext, then
  // another message, if there is one.
  struct Outbox {
    Slices cleartext;
    size_t cleartext_size = 0;
    grpc::ByteBuffer message;

    bool has_room() const;
    // TakeMessage returns the next message; none if there is nothing.
    grpc::ByteBuffer TakeMessage();
  };

  StreamCall(worker::WorkerPool& pool, grpc::CallbackServerContext& context)
      : pool_(pool), context_(context) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Attach is asked by the first message; it runs on gRPC's thread.
  void Attach();
  void AttachTo(const v1::StreamAttach& attach);
  // Wake has the worker look at what has changed; MustWake reports whether that
  // is not on its way already.
  void Wake() ABSL_LOCKS_EXCLUDED(mutex_);
  bool MustWake() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    return !std::exchange(is_woken_, true);
  }
  void PostOnWoken();
  // ReadOn reads the next message, unless enough is held.
  void ReadOn() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  // PrepareNext makes a message of what is in the outbox, if nothing is under
  // way. When it returns true, StartWrite must follow, without the mutex.
  bool PrepareNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  // The rest runs on the worker's thread.
  void OnAttached(conn::Connection& connection);
  void OnWoken();
  // From the caller to the connection.
  void Seal();
  void OnSealed(const absl::Status& status);
  void ShutDown();
  void OnWriteFailed(const absl::Status& status);
  // From the connection to the caller.
  void ReadNext();
  void OnRead(absl::StatusOr<base::ByteQueue*> queue);
  void Send(const v1::StreamResponse& response);
  // Leave ends the call because the caller has; Abandon for another reason.
  // What becomes of the connection is the caller's policy.
  void Leave();
  void Abandon(const absl::Status& reason);
  void EndIfDone();
  // EndIfClosed ends a call that has nothing to read any more, and whose
  // connection has ended too.
  void EndIfClosed();
  // End finishes the call with `status`, once all is sent.
  void End(const absl::Status& status);

  worker::WorkerPool& pool_;
  grpc::CallbackServerContext& context_;
  std::shared_ptr<StreamCall> self_;
  // Set by the first message, before the worker is woken.
  std::string name_;
  bool as_text_ = false;
  bool keep_ = false;
  std::atomic<worker::Worker*> worker_{nullptr};
  std::atomic<bool> cancelled_{false};

  absl::Mutex mutex_;
  // gRPC's, while it reads or sends.
  grpc::ByteBuffer request_;
  grpc::ByteBuffer response_;
  Inbox inbox_ ABSL_GUARDED_BY(mutex_);
  Outbox outbox_ ABSL_GUARDED_BY(mutex_);
  bool is_reading_ ABSL_GUARDED_BY(mutex_) = true;
  bool is_sending_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_send_failed_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_finished_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_woken_ ABSL_GUARDED_BY(mutex_) = false;
  // What the worker waits for: room in the outbox, or that all is sent.
  bool awaits_room_ ABSL_GUARDED_BY(mutex_) = false;
  bool awaits_sent_ ABSL_GUARDED_BY(mutex_) = false;

  // Null before the call is attached, when it has ended, and when the
  // connection is forgotten.
  conn::Connection* connection_ = nullptr;
  conn::StreamSink* sink_ = nullptr;
  // What is being sealed.
  Slices sealing_;
  absl::InlinedVector<absl::Span<const uint8_t>, 2> pieces_;
  bool is_sealing_ = false;
  bool awaits_cleartext_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  // Why the caller's bytes can go nowhere any more; OK if all of them went.
  absl::Status write_status_;
  bool has_ended_ = false;
  absl::Status status_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_STREAM_CALL_H_
