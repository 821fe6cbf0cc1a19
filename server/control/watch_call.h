// WatchCall is one WatchEvents RPC: events in order, bookmarks while nothing
// happens, one message at a time.
//
// It keeps itself alive until gRPC is done with it. gRPC's threads only post:
// all of its state belongs to the thread of the event hub.
#ifndef TLSD_SERVER_CONTROL_WATCH_CALL_H_
#define TLSD_SERVER_CONTROL_WATCH_CALL_H_

#include <grpcpp/grpcpp.h>

#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "server/worker/event_hub.h"
#include "tlsd/v1/event_service.pb.h"

namespace tlsd::control {

// WatchOptions is what a watch asks for.
struct WatchOptions {
  worker::EventFilter filter;
  // Events after it are sent.
  uint64_t cursor = 0;
  bool drop_oldest = false;
  absl::Duration bookmark_interval = absl::Seconds(10);
};

class WatchCall final
    : public grpc::ServerWriteReactor<v1::WatchEventsResponse>,
      public std::enable_shared_from_this<WatchCall> {
 public:
  // A watcher may be so many events behind; one that resumed further back may
  // fall back so many further, until it has caught up.
  static constexpr uint64_t kLagMax = 8192;

  // Start returns a call; gRPC takes it. If `options` is an error, the call
  // ends with it.
  static WatchCall* Start(absl::StatusOr<WatchOptions> options,
                          worker::EventHub& events);

 private:
  WatchCall(WatchOptions options, worker::EventHub& events);

  void OnWriteDone(bool ok) override;
  void OnCancel() override;
  void OnDone() override;

  // The rest runs on the hub's thread.
  void PostStep(void (WatchCall::*step)());
  void Begin();
  // SendNext sends what is next, unless something is being sent.
  void SendNext();
  void OnSent();
  void OnSendFailed();
  void SendEvent();
  void SendBookmark();
  void Send();
  // ReadBatch reads what is next into `unsent_`. It returns false if the
  // watcher has fallen behind, and has dealt with that.
  bool ReadBatch();
  // Overflow ends the watch of a watcher that is `lag` events behind, or drops
  // the oldest of them.
  void Overflow(uint64_t lag, uint64_t dropped_count);
  void Leave();
  void End(const absl::Status& status);

  WatchOptions options_;
  worker::EventHub& events_;
  std::shared_ptr<WatchCall> self_;

  v1::WatchEventsResponse response_;
  std::deque<std::shared_ptr<const worker::Event>> unsent_;
  uint64_t lag_max_ = kLagMax;
  std::optional<int64_t> subscription_;
  std::unique_ptr<net::Timer> bookmark_timer_;
  bool sending_ = false;
  bool ended_ = false;
  bool finished_ = false;
  absl::Status status_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_WATCH_CALL_H_
