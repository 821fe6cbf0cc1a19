// KeyLogCall is one WatchKeyLog RPC: the secrets of handshakes, one message at
// a time.
//
// It keeps itself alive until gRPC is done with it. gRPC's threads, and those
// that publish, only post: all of its state belongs to the thread of the loop.
#ifndef TLSD_SERVER_CONTROL_KEY_LOG_CALL_H_
#define TLSD_SERVER_CONTROL_KEY_LOG_CALL_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>
#include <string>

#include "absl/status/statusor.h"
#include "server/net/event_loop.h"
#include "server/worker/key_log.h"
#include "tlsd/v1/key_log_service.pb.h"

namespace tlsd::control {

class KeyLogCall final
    : public grpc::ServerWriteReactor<v1::WatchKeyLogResponse>,
      public std::enable_shared_from_this<KeyLogCall> {
 public:
  // Start returns a call that watches the connections of `listener`, or all if
  // it is empty; gRPC takes it. If `listener` is an error, the call ends with
  // it, and `key_log` may be null. `key_log` and `loop`, on which the call
  // runs, must outlive it.
  static KeyLogCall* Start(absl::StatusOr<std::string> listener,
                           worker::KeyLog* key_log, net::EventLoop& loop);

 private:
  KeyLogCall(std::string listener, worker::KeyLog* key_log,
             net::EventLoop& loop);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The rest runs on the loop's thread.
  void PostStep(void (KeyLogCall::*step)());
  void Begin();
  // SendNext sends what is next, unless something is being sent.
  void SendNext();
  void SendLine();
  void Send();
  void OnSent();
  void OnSendFailed();
  // WipeResponse makes way for the next message.
  void WipeResponse();
  // Leave ends the watch: the caller has gone.
  void Leave();
  void FinishIfIdle();

  const std::string listener_;
  worker::KeyLog* const key_log_;
  net::EventLoop& loop_;
  std::shared_ptr<KeyLogCall> self_;

  v1::WatchKeyLogResponse response_;
  std::deque<std::shared_ptr<const worker::KeyLogLine>> unsent_;
  std::optional<int64_t> subscription_;
  bool sending_ = false;
  bool ended_ = false;
  bool finished_ = false;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_KEY_LOG_CALL_H_
