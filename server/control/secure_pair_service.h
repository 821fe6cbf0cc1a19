// SecurePairService is the adapter of the proto service of that name. The
// control server owns it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_SECURE_PAIR_SERVICE_H_
#define TLSD_SERVER_CONTROL_SECURE_PAIR_SERVICE_H_

#include <memory>

#include "server/control/connection_options.h"
#include "server/worker/worker_pool.h"
#include "tlsd/v1/secure_pair_service.grpc.pb.h"

namespace tlsd::control {

class SecurePairService final : public v1::SecurePairService::CallbackService {
 public:
  // `default_context` serves a client that names none. All must outlive the
  // service.
  SecurePairService(worker::WorkerPool& pool,
                    const worker::ContextTable& contexts,
                    const worker::ListenerTable& listeners,
                    std::shared_ptr<const tls::SecureContext> default_context);

  grpc::ServerUnaryReactor* CreateSecurePair(
      grpc::CallbackServerContext* context,
      const v1::CreateSecurePairRequest* request,
      v1::SecurePair* response) override;

 private:
  worker::WorkerPool& pool_;
  const worker::ListenerTable& listeners_;
  const ConnectionOptionReader options_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_SECURE_PAIR_SERVICE_H_
