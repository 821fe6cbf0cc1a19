// StreamCall is one Stream RPC: the cleartext of one connection in both
// directions, one message at a time each way, so that both ends of the RPC hold
// the connection back.
//
// It keeps itself alive until gRPC is done with it. gRPC's threads only post:
// after it has been attached, all of its state belongs to the thread of the
// connection's worker.
#ifndef TLSD_SERVER_CONTROL_STREAM_CALL_H_
#define TLSD_SERVER_CONTROL_STREAM_CALL_H_

#include <grpcpp/grpcpp.h>

#include <atomic>
#include <memory>
#include <string>

#include "absl/functional/any_invocable.h"
#include "absl/status/status.h"
#include "server/conn/stream_sink.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/connection_service.pb.h"

namespace tlsd::control {

class StreamCall final
    : public grpc::ServerBidiReactor<v1::StreamRequest, v1::StreamResponse>,
      public std::enable_shared_from_this<StreamCall> {
 public:
  // Start returns a call that waits for `attach`; gRPC takes it.
  static StreamCall* Start(worker::WorkerPool& pool);

 private:
  explicit StreamCall(worker::WorkerPool& pool) : pool_(pool) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // Attach is asked by the first message; it runs on gRPC's thread.
  void Attach();
  // PostStep runs `step` on the worker's thread, once attached.
  void PostStep(void (StreamCall::*step)());

  // The rest runs on the worker's thread.
  void OnAttached(conn::Connection& connection);
  // FindConnection returns the connection, or null if it is forgotten.
  conn::Connection* FindConnection();
  void WriteNext();
  void ShutDown();
  void OnWritten(const absl::Status& status);
  void ReadNext();
  void OnRead(absl::StatusOr<conn::StreamSink::Cleartext> read);
  void Send();
  void OnSent();
  void OnSendFailed();
  // Leave ends the call because the caller has; Abandon for another reason.
  // What becomes of the connection is the caller's policy.
  void Leave();
  void Abandon(const absl::Status& reason);
  void EndIfDone();
  // End finishes the call with `status`, once nothing is being sent.
  void End(const absl::Status& status);

  worker::WorkerPool& pool_;
  std::shared_ptr<StreamCall> self_;
  // Set by the first message, before anything is posted.
  std::string name_;
  bool as_text_ = false;
  bool keep_ = false;
  std::atomic<worker::Worker*> worker_{nullptr};
  std::atomic<bool> cancelled_{false};

  v1::StreamRequest request_;
  v1::StreamResponse response_;
  conn::StreamSink* sink_ = nullptr;
  bool sending_ = false;
  bool read_ended_ = false;
  bool write_ended_ = false;
  // Why the caller's bytes can go nowhere any more; OK if all of them went.
  absl::Status write_status_;
  bool ended_ = false;
  bool finished_ = false;
  absl::Status status_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_STREAM_CALL_H_
