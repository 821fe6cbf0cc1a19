// SecureContextService is the adapter of the proto service of that name: it
// decodes, makes one call, and encodes. The control server owns it; gRPC's
// threads call it.
#ifndef TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_
#define TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_

#include "absl/status/statusor.h"
#include "server/tls/development_authority.h"
#include "server/tls/secure_context_options.h"
#include "server/worker/context_table.h"
#include "server/worker/listener_table.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"

namespace tlsd::control {

class SecureContextService final
    : public v1::SecureContextService::CallbackService {
 public:
  // All three must outlive the service.
  SecureContextService(worker::ContextTable& contexts,
                       worker::ListenerTable& listeners,
                       tls::DevelopmentAuthority& authority);

  grpc::ServerUnaryReactor* CreateSecureContext(
      grpc::CallbackServerContext* context,
      const v1::CreateSecureContextRequest* request,
      v1::SecureContext* response) override;
  grpc::ServerUnaryReactor* GetSecureContext(
      grpc::CallbackServerContext* context,
      const v1::GetSecureContextRequest* request,
      v1::SecureContext* response) override;
  grpc::ServerUnaryReactor* ListSecureContexts(
      grpc::CallbackServerContext* context,
      const v1::ListSecureContextsRequest* request,
      v1::ListSecureContextsResponse* response) override;
  grpc::ServerUnaryReactor* DeleteSecureContext(
      grpc::CallbackServerContext* context,
      const v1::DeleteSecureContextRequest* request,
      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* ListAlgorithms(
      grpc::CallbackServerContext* context,
      const v1::ListAlgorithmsRequest* request,
      v1::ListAlgorithmsResponse* response) override;

 private:
  absl::Status Create(const v1::CreateSecureContextRequest& request,
                      v1::SecureContext& response);
  absl::Status List(const v1::ListSecureContextsRequest& request,
                    v1::ListSecureContextsResponse& response);
  absl::Status Delete(const v1::DeleteSecureContextRequest& request);

  worker::ContextTable& contexts_;
  worker::ListenerTable& listeners_;
  tls::DevelopmentAuthority& authority_;
};

// ToSecureContextOptions reads the fields of `proto` that a caller may set. It
// fails with FIELD_REQUIRED or FIELD_INVALID; `tls::SecureContext` checks the
// rest.
absl::StatusOr<tls::SecureContextOptions> ToSecureContextOptions(
    const v1::SecureContext& proto);

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_
