#include "proto/status/rpc_status.h"

#include <optional>
#include <string>

#include "google/rpc/error_details.pb.h"
#include "google/rpc/status.pb.h"
#include "proto/status/error.h"

namespace tlsd {
namespace {

constexpr char kDomain[] = "tlsd";

}  // namespace

grpc::Status ToRpcStatus(const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  const auto code = static_cast<grpc::StatusCode>(status.code());
  const std::string message(status.message());
  const std::optional<ErrorDetail> detail = GetErrorDetail(status);
  if (!detail.has_value()) return grpc::Status(code, message);
  google::rpc::ErrorInfo info;
  info.set_reason(std::string(GetReasonInfo(detail->reason).name));
  info.set_domain(kDomain);
  info.mutable_metadata()->insert(detail->metadata.begin(),
                                  detail->metadata.end());
  google::rpc::Status wire;
  wire.set_code(static_cast<int>(code));
  wire.set_message(message);
  wire.add_details()->PackFrom(info);
  return grpc::Status(code, message, wire.SerializeAsString());
}

absl::Status FromRpcStatus(const grpc::Status& status) {
  absl::Status result(static_cast<absl::StatusCode>(status.error_code()),
                      status.error_message());
  google::rpc::Status wire;
  if (result.ok() || !wire.ParseFromString(status.error_details())) {
    return result;
  }
  for (const google::protobuf::Any& any : wire.details()) {
    google::rpc::ErrorInfo info;
    if (!any.UnpackTo(&info) || info.domain() != kDomain) continue;
    const std::optional<Reason> reason = FindReason(info.reason());
    if (!reason.has_value()) continue;
    SetErrorDetail({*reason, {info.metadata().begin(), info.metadata().end()}},
                   result);
    break;
  }
  return result;
}

}  // namespace tlsd
