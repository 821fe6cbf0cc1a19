#include "server/control/admin_service.h"

#include <memory>
#include <string>

#include "absl/time/clock.h"
#include "proto/status/rpc_status.h"
#include "server/base/version.h"
#include "server/control/fields.h"
#include "server/control/unary_call.h"
#include "server/net/process.h"
#include "server/tls/algorithms.h"

namespace tlsd::control {

AdminService::AdminService(worker::WorkerPool& pool,
                           worker::ContextTable& contexts,
                           worker::ListenerTable& listeners,
                           const worker::DecisionHub& decisions,
                           tls::DevelopmentAuthority& authority,
                           const worker::KeyLog* key_log)
    : pool_(pool),
      contexts_(contexts),
      listeners_(listeners),
      decisions_(decisions),
      authority_(authority),
      key_log_(key_log),
      start_time_(absl::Now()) {}

grpc::ServerUnaryReactor* AdminService::GetServerInfo(
    grpc::CallbackServerContext* /*context*/,
    const v1::GetServerInfoRequest* /*request*/, v1::ServerInfo* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  pool_.CountOpen([this, call, response](int64_t connection_count) {
    if (!call->Claim()) return;
    response->set_version(std::string(base::kVersion));
    response->set_boringssl_revision(tls::BoringSslRevision());
    response->set_grpc_version(grpc::Version());
    ToProto(start_time_, *response->mutable_start_time());
    response->set_process_id(net::ProcessId());
    response->set_worker_count(pool_.size());
    response->set_secure_context_count(static_cast<int64_t>(contexts_.size()));
    response->set_listener_count(static_cast<int64_t>(listeners_.size()));
    response->set_connection_count(connection_count);
    response->set_pending_decision_count(
        static_cast<int64_t>(decisions_.pending_count()));
    response->set_key_log_enabled(key_log_ != nullptr);
    const absl::StatusOr<std::string> root = authority_.RootPem();
    if (root.ok()) response->set_development_root(*root);
    call->Finish(ToRpcStatus(root.status()));
  });
  return call.get();
}

}  // namespace tlsd::control
