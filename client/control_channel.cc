#include "client/control_channel.h"

#include <cstddef>

#include "absl/strings/match.h"
#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "absl/strings/strip.h"
#include "absl/time/clock.h"
#include "client/unreachable.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"

namespace tlsd::client {
namespace {

constexpr absl::string_view kAllowedAddresses =
    "unix:/path, or host:port where the host is localhost, 127.0.0.0/8 or ::1";

// The largest page of connections, each with its peer's certificate, fits.
constexpr int kReceivedMessageBytesMax = 64 << 20;

bool IsLoopbackHost(absl::string_view host) {
  return host == "localhost" || host == "[::1]" ||
         absl::StartsWith(host, "127.");
}

bool IsControlAddress(absl::string_view address) {
  if (absl::ConsumePrefix(&address, "unix:")) {
    return absl::StartsWith(address, "/");
  }
  const size_t colon = address.rfind(':');
  int port = 0;
  return colon != absl::string_view::npos &&
         IsLoopbackHost(address.substr(0, colon)) &&
         absl::SimpleAtoi(address.substr(colon + 1), &port) && port > 0 &&
         port <= 65535;
}

// gRPC wraps the cause in what it was doing, with colons between.
std::string LastPart(const std::string& message) {
  const size_t colon = message.rfind(": ");
  return colon == std::string::npos ? message : message.substr(colon + 2);
}

}  // namespace

absl::StatusOr<std::shared_ptr<ControlChannel>> ControlChannel::Open(
    absl::string_view address) {
  if (!IsControlAddress(address)) {
    return FieldError(Reason::kAddressInvalid, "control address", address,
                      kAllowedAddresses);
  }
  grpc::ChannelArguments arguments;
  // Proxies are for other hosts; $http_proxy must not catch the loopback's.
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  // A Client's calls have a socket of their own, which closes with the Client.
  arguments.SetInt(GRPC_ARG_USE_LOCAL_SUBCHANNEL_POOL, 1);
  arguments.SetMaxReceiveMessageSize(kReceivedMessageBytesMax);
  return std::shared_ptr<ControlChannel>(new ControlChannel(
      address, grpc::CreateCustomChannel(std::string(address),
                                         grpc::InsecureChannelCredentials(),
                                         arguments)));
}

ControlChannel::ControlChannel(absl::string_view address,
                               const std::shared_ptr<grpc::Channel>& channel)
    : address_(address),
      stubs_(v1::AdminService::NewStub(channel),
             v1::CertificateService::NewStub(channel),
             v1::ConnectionService::NewStub(channel),
             v1::DecisionService::NewStub(channel),
             v1::EventService::NewStub(channel),
             v1::KeyLogService::NewStub(channel),
             v1::ListenerService::NewStub(channel),
             v1::SecureContextService::NewStub(channel),
             v1::SecurePairService::NewStub(channel)) {}

void ControlChannel::StayAwake() {
  absl::call_once(stay_awake_once_,
                  [this] { waker_ = rpc::CallbackWaker::Shared(); });
}

void ControlChannel::SetDeadline(absl::Time deadline,
                                 grpc::ClientContext& context) {
  if (deadline == absl::InfiniteFuture()) return;
  context.set_deadline(absl::ToChronoTime(deadline));
}

absl::Status ControlChannel::Explain(const grpc::Status& status) const {
  absl::Status error = FromRpcStatus(status);
  if (error.ok() || GetErrorDetail(error).has_value()) return error;
  switch (error.code()) {
    case absl::StatusCode::kUnavailable: {
      // A daemon's own UNAVAILABLE has details, if perhaps of a newer tlsd.
      if (!status.error_details().empty()) return error;
      const std::string cause = LastPart(status.error_message());
      if (cause == "Permission denied") {
        return absl::PermissionDeniedError(
            absl::StrCat("you may not use ", address_, ": ", cause));
      }
      return DaemonUnreachable(address_, cause);
    }
    case absl::StatusCode::kCancelled:
      return MakeError(Reason::kCallCancelled, "the call was cancelled");
    case absl::StatusCode::kDeadlineExceeded:
      return absl::DeadlineExceededError(
          absl::StrCat("tlsd at ", address_, " did not answer in time"));
    case absl::StatusCode::kUnimplemented:
      return absl::UnimplementedError(
          absl::StrCat("the server at ", address_,
                       " is not tlsd, or an older one: ", error.message()));
    default:
      return error;
  }
}

}  // namespace tlsd::client
