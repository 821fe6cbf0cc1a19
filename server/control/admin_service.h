// AdminService is the adapter of the proto service of that name. The control
// server owns it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_ADMIN_SERVICE_H_
#define TLSD_SERVER_CONTROL_ADMIN_SERVICE_H_

#include "absl/time/time.h"
#include "server/tls/development_authority.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"
#include "server/worker/key_log.h"
#include "server/worker/listener_table.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/admin_service.grpc.pb.h"

namespace tlsd::control {

class AdminService final : public v1::AdminService::CallbackService {
 public:
  // All must outlive the service. `key_log` is null if the daemon has none.
  AdminService(worker::WorkerPool& pool, worker::ContextTable& contexts,
               worker::ListenerTable& listeners,
               const worker::DecisionHub& decisions,
               tls::DevelopmentAuthority& authority,
               const worker::KeyLog* key_log);

  grpc::ServerUnaryReactor* GetServerInfo(
      grpc::CallbackServerContext* context,
      const v1::GetServerInfoRequest* request,
      v1::ServerInfo* response) override;

 private:
  worker::WorkerPool& pool_;
  worker::ContextTable& contexts_;
  worker::ListenerTable& listeners_;
  const worker::DecisionHub& decisions_;
  tls::DevelopmentAuthority& authority_;
  const worker::KeyLog* const key_log_;
  const absl::Time start_time_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_ADMIN_SERVICE_H_
