// HandleDecisionsCall is one HandleDecisions RPC: a handler of the decision hub
// at the other end of a stream.
//
// The hub tells it decisions on any thread; they are sent one at a time.
// Answers are read one at a time, and not while many that could not be used are
// still to be told: a client that does not listen cannot fill the daemon.
//
// It keeps itself alive until gRPC is done with it.
#ifndef TLSD_SERVER_CONTROL_HANDLE_DECISIONS_CALL_H_
#define TLSD_SERVER_CONTROL_HANDLE_DECISIONS_CALL_H_

#include <grpcpp/grpcpp.h>

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/synchronization/mutex.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"
#include "tlsd/v1/decision_service.pb.h"

namespace tlsd::control {

// AnswerDecision resolves a decision as `answer` says. It fails as the hub
// does, and as ResolveDecision says in proto/tlsd/v1/decision_service.proto;
// fields are named "answer.decision" and so on.
absl::Status AnswerDecision(const v1::DecisionAnswer& answer,
                            worker::DecisionHub& decisions,
                            const worker::ContextTable& contexts);

class HandleDecisionsCall final
    : public grpc::ServerBidiReactor<v1::HandleDecisionsRequest,
                                     v1::HandleDecisionsResponse>,
      public std::enable_shared_from_this<HandleDecisionsCall> {
 public:
  // Start returns a call that waits for `registration`; gRPC takes it. Both
  // must outlive it.
  static HandleDecisionsCall* Start(worker::DecisionHub& decisions,
                                    worker::ContextTable& contexts);

 private:
  HandleDecisionsCall(worker::DecisionHub& decisions,
                      worker::ContextTable& contexts)
      : decisions_(decisions), contexts_(contexts) {}

  void OnReadDone(bool ok) override;
  void OnWriteDone(bool ok) override;
  void OnDone() override;

  // Messages are read one after the other. An error ends the call.
  absl::Status Register();
  absl::Status HandleAnswer();
  // End removes the handler, and finishes the call with `status` once nothing
  // is being sent.
  void End(const absl::Status& status);

  // OnDecision is called by the hub.
  void OnDecision(std::shared_ptr<const worker::Decision> decision);
  // SendNext sends what is next, or finishes, unless something is being sent.
  void SendNext();
  // TakeNext fills `response_`; it returns false if there is nothing to send.
  bool TakeNext() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);

  worker::DecisionHub& decisions_;
  worker::ContextTable& contexts_;
  std::shared_ptr<HandleDecisionsCall> self_;

  // For the one who reads.
  v1::HandleDecisionsRequest request_;
  std::optional<int64_t> handler_id_;

  // gRPC's as long as `sending_`.
  v1::HandleDecisionsResponse response_;
  absl::Mutex mutex_;
  size_t pending_count_max_ ABSL_GUARDED_BY(mutex_) = 1000;
  std::deque<v1::AnswerFailed> failures_ ABSL_GUARDED_BY(mutex_);
  std::deque<std::shared_ptr<const worker::Decision>> unsent_
      ABSL_GUARDED_BY(mutex_);
  bool sending_ ABSL_GUARDED_BY(mutex_) = false;
  // Reading goes on when fewer of `failures_` are left.
  bool paused_ ABSL_GUARDED_BY(mutex_) = false;
  // Nothing can be sent any more.
  bool broken_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<absl::Status> end_ ABSL_GUARDED_BY(mutex_);
  bool finished_ ABSL_GUARDED_BY(mutex_) = false;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_HANDLE_DECISIONS_CALL_H_
