// CallbackWaker keeps the threads awake that serve gRPC's callback API.
//
// In gRPC 1.51 each of them (completion_queue_cc.cc, nexting_thread) waits a
// second for something to happen, then sleeps for 100 ms and sees nothing
// meanwhile, so that a call after a second of silence waits for 50 ms. While a
// waker lives, something happens more often than that: a call that ends where
// it begins. All servers and channels of a process share those threads, so one
// is enough.
//
// Whoever has servers or channels with callbacks owns one, and destroys it on
// a thread of its own, never from a callback of gRPC's.
#ifndef TLSD_PROTO_RPC_CALLBACK_WAKER_H_
#define TLSD_PROTO_RPC_CALLBACK_WAKER_H_

#include <grpcpp/alarm.h>
#include <grpcpp/generic/generic_stub.h>
#include <grpcpp/grpcpp.h>

#include <functional>
#include <memory>
#include <optional>

#include "absl/base/thread_annotations.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/time.h"

namespace tlsd::rpc {

class CallbackWaker {
 public:
  // One of the threads may have just begun to wait when it is woken for the
  // last time, so the period is less than half of the second.
  static constexpr absl::Duration kPeriod = absl::Milliseconds(400);

  // Shared returns the waker of this process; the last owner stops it.
  static std::shared_ptr<CallbackWaker> Shared();

  // `on_wake` is called on the thread that was woken, each time.
  explicit CallbackWaker(absl::Duration period,
                         std::function<void()> on_wake = nullptr);
  // Waits until the last call has ended.
  ~CallbackWaker();
  CallbackWaker(const CallbackWaker&) = delete;
  CallbackWaker& operator=(const CallbackWaker&) = delete;

 private:
  // What one call needs until it has ended.
  struct Call {
    grpc::ClientContext context;
    grpc::ByteBuffer request;
    grpc::ByteBuffer response;
  };

  void SetAlarm() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_);
  void OnAlarm(bool is_due);
  void OnCallEnded();

  const absl::Duration period_;
  const std::function<void()> on_wake_;
  // On a channel without a transport.
  grpc::GenericStub stub_;

  absl::Mutex mutex_;
  bool must_stop_ ABSL_GUARDED_BY(mutex_) = false;
  bool has_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  // A new one each time: a callback may end after the next is due.
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mutex_);
  std::optional<Call> call_;
};

}  // namespace tlsd::rpc

#endif  // TLSD_PROTO_RPC_CALLBACK_WAKER_H_
