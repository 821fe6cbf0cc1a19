// StreamCall is a streaming call as a blocking reader sees it: one message at a
// time, each wait with a deadline of its own, cancellable from any thread.
//
// It is internal to client/. It sits on gRPC's callback API, because the
// blocking one can neither time out a single read nor be read by two threads.
// It does not know what the messages mean.
//
// At most one message is held; the next is asked for when it is taken. So a
// reader that stops, stops the daemon. Its owner creates it, starts the call
// with `context()`, calls `Start`, and must call `End` before it is destroyed;
// any thread may call the rest at any time.
#ifndef TLSD_CLIENT_STREAM_CALL_H_
#define TLSD_CLIENT_STREAM_CALL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <optional>
#include <utility>

#include "absl/base/thread_annotations.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"
#include "client/control_channel.h"
#include "proto/status/error.h"

namespace tlsd::client {

// `Reactor` is grpc::ClientReadReactor<Response> or
// grpc::ClientBidiReactor<Request, Response>.
template <typename Reactor, typename Response>
class StreamCall : public Reactor {
 public:
  explicit StreamCall(std::shared_ptr<ControlChannel> channel)
      : channel_(std::move(channel)) {}

  grpc::ClientContext& context() { return context_; }
  ControlChannel& channel() { return *channel_; }

  // Start begins the call, which a stub has bound to this object.
  void Start() {
    channel_->StayAwake();
    // Released in MayEnd: operations start outside reactions until then.
    this->AddHold();
    this->StartRead(&incoming_);
    this->StartCall();
  }

  // Next waits until `deadline` for a message and takes it. It returns nothing
  // when the call has ended with OK, the error when it ended otherwise, and
  // WAIT_TIMEOUT, with nothing lost, at `deadline`.
  absl::StatusOr<std::optional<Response>> Next(absl::Time deadline) {
    Response message;
    {
      absl::MutexLock lock(&mutex_);
      if (!mutex_.AwaitWithDeadline(absl::Condition(this, &StreamCall::HasNews),
                                    deadline)) {
        return MakeError(Reason::kWaitTimeout, "nothing arrived in time");
      }
      if (!has_message_) {
        if (!status_->ok()) return channel_->Explain(*status_);
        return std::nullopt;
      }
      message = std::move(incoming_);
      has_message_ = false;
      ++starting_count_;
    }
    this->StartRead(&incoming_);
    EndOperation();
    return message;
  }

  // Cancel ends the call now: whoever waits gets CALL_CANCELLED.
  void Cancel() { context_.TryCancel(); }

  // End cancels the call, if it has not ended, and waits until gRPC has let go
  // of this object. The last thing that an owner does.
  void End() {
    Cancel();
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      // Nobody takes a message any more, neither one that is here nor one that
      // a read under way still brings; so no later read tells of the end.
      ending_ = true;
      if (has_message_) reads_ended_ = true;
      has_message_ = false;
      release = MayEnd();
    }
    if (release) this->RemoveHold();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &StreamCall::IsDone));
  }

 protected:
  // BeginOperation reports whether an operation may be started on the call, and
  // keeps the call alive until EndOperation, which follows its start.
  bool BeginOperation() {
    absl::MutexLock lock(&mutex_);
    if (reads_ended_) return false;
    ++starting_count_;
    return true;
  }

  void EndOperation() {
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      --starting_count_;
      release = MayEnd();
    }
    if (release) this->RemoveHold();
  }

 private:
  void OnReadDone(bool ok) override {
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      has_message_ = ok && !ending_;
      reads_ended_ = !has_message_;
      release = MayEnd();
    }
    if (release) this->RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    status_ = status;
  }

  // MayEnd reports, once, that the hold can go.
  bool MayEnd() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!reads_ended_ || starting_count_ > 0 || released_) return false;
    released_ = true;
    return true;
  }

  bool HasNews() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return has_message_ || status_.has_value();
  }
  bool IsDone() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return status_.has_value();
  }

  const std::shared_ptr<ControlChannel> channel_;
  grpc::ClientContext context_;
  absl::Mutex mutex_;
  // Written by gRPC while a read is under way, else guarded by `mutex_`.
  Response incoming_;
  bool has_message_ ABSL_GUARDED_BY(mutex_) = false;
  bool ending_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;
  int starting_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  std::optional<grpc::Status> status_ ABSL_GUARDED_BY(mutex_);
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_STREAM_CALL_H_
