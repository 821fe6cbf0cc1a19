#include "server/control/key_log_service.h"

#include "proto/status/error.h"
#include "server/base/log.h"
#include "server/base/names.h"
#include "server/control/key_log_call.h"

namespace tlsd::control {
namespace {

absl::Status CheckRequest(const v1::WatchKeyLogRequest& request,
                          const worker::KeyLog* key_log) {
  if (key_log == nullptr) {
    return MakeError(Reason::kKeyLogDisabled,
                     "the daemon was started without --key_log, and tells no "
                     "secrets of connections");
  }
  if (request.listener().empty()) return absl::OkStatus();
  return base::CheckName("listener", base::kListeners, request.listener());
}

}  // namespace

KeyLogService::KeyLogService(worker::KeyLog* key_log, net::EventLoop& loop)
    : key_log_(key_log), loop_(loop) {}

grpc::ServerWriteReactor<v1::WatchKeyLogResponse>* KeyLogService::WatchKeyLog(
    grpc::CallbackServerContext* /*context*/,
    const v1::WatchKeyLogRequest* request) {
  const absl::Status status = CheckRequest(*request, key_log_);
  if (!status.ok()) return KeyLogCall::Start(status, key_log_, loop_);
  base::Log(base::Severity::kWarning, "key log watched",
            {{"listener", request->listener()}});
  return KeyLogCall::Start(request->listener(), key_log_, loop_);
}

}  // namespace tlsd::control
