// ControlChannel is the way to one daemon's control plane: the gRPC channel,
// its stubs, deadlines, and the translation of failures.
//
// It is internal to client/: the library's classes and `tlsctl` share it, and
// no public header shows it. It knows no resource of its own and keeps no state
// but the channel. It is shared by all that use it, and any thread may call it.
#ifndef TLSD_CLIENT_CONTROL_CHANNEL_H_
#define TLSD_CLIENT_CONTROL_CHANNEL_H_

#include <grpcpp/grpcpp.h>

#include <memory>
#include <string>
#include <tuple>

#include "absl/base/call_once.h"
#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/strings/string_view.h"
#include "absl/time/time.h"
#include "proto/rpc/callback_waker.h"
#include "tlsd/v1/admin_service.grpc.pb.h"
#include "tlsd/v1/certificate_service.grpc.pb.h"
#include "tlsd/v1/connection_service.grpc.pb.h"
#include "tlsd/v1/decision_service.grpc.pb.h"
#include "tlsd/v1/event_service.grpc.pb.h"
#include "tlsd/v1/key_log_service.grpc.pb.h"
#include "tlsd/v1/listener_service.grpc.pb.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"
#include "tlsd/v1/secure_pair_service.grpc.pb.h"

namespace tlsd::client {

// kCallTimeout is how long a call may take that has nothing to wait for.
inline constexpr absl::Duration kCallTimeout = absl::Seconds(30);

// kAnswerGrace is what a call gets on top of the time that its request lets the
// daemon wait, so that the daemon's answer about that wait arrives.
inline constexpr absl::Duration kAnswerGrace = absl::Seconds(5);

class ControlChannel {
 public:
  // Open returns the way to `address`: "unix:/path", or "host:port" on the
  // loopback interface. Nothing is dialled before the first call. It fails with
  // ADDRESS_INVALID; another host is refused, because keys would cross the
  // network in the clear.
  static absl::StatusOr<std::shared_ptr<ControlChannel>> Open(
      absl::string_view address);

  ControlChannel(const ControlChannel&) = delete;
  ControlChannel& operator=(const ControlChannel&) = delete;

  // address returns the address that was opened.
  const std::string& address() const { return address_; }

  // stub returns the stub of one service, e.g. `v1::EventService::Stub`.
  template <typename Stub>
  Stub& stub() {
    return *std::get<std::unique_ptr<Stub>>(stubs_);
  }

  // Call makes one unary call and waits for its answer, at most `timeout`.
  template <typename Stub, typename Request, typename Response>
  absl::StatusOr<Response> Call(
      grpc::Status (Stub::*method)(grpc::ClientContext*, const Request&,
                                   Response*),
      const Request& request, absl::Duration timeout) {
    grpc::ClientContext context;
    SetDeadline(absl::Now() + timeout, context);
    Response response;
    const grpc::Status status =
        (stub<Stub>().*method)(&context, request, &response);
    if (!status.ok()) return Explain(status);
    return response;
  }

  // StayAwake has the threads that call back answer at once, as long as this
  // channel lives, however long nothing has happened (rpc::CallbackWaker). For
  // calls that wait.
  void StayAwake();

  // SetDeadline ends the call of `context` at `deadline`, if that is finite.
  static void SetDeadline(absl::Time deadline, grpc::ClientContext& context);

  // Explain returns what `status`, the end of a call, says to a caller of this
  // library: tlsd's own errors as they are; for those of gRPC a message that
  // names the daemon's address.
  absl::Status Explain(const grpc::Status& status) const;

 private:
  ControlChannel(absl::string_view address,
                 const std::shared_ptr<grpc::Channel>& channel);

  const std::string address_;
  const std::tuple<std::unique_ptr<v1::AdminService::Stub>,
                   std::unique_ptr<v1::CertificateService::Stub>,
                   std::unique_ptr<v1::ConnectionService::Stub>,
                   std::unique_ptr<v1::DecisionService::Stub>,
                   std::unique_ptr<v1::EventService::Stub>,
                   std::unique_ptr<v1::KeyLogService::Stub>,
                   std::unique_ptr<v1::ListenerService::Stub>,
                   std::unique_ptr<v1::SecureContextService::Stub>,
                   std::unique_ptr<v1::SecurePairService::Stub>>
      stubs_;
  absl::once_flag stay_awake_once_;
  std::shared_ptr<rpc::CallbackWaker> waker_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_CONTROL_CHANNEL_H_
