// SecureContextService is the adapter of the proto service of that name: it
// decodes, makes one call, and encodes. The control server owns it; gRPC's
// threads call it.
#ifndef TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_
#define TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_

#include "absl/status/statusor.h"
#include "server/tls/development_authority.h"
#include "server/worker/context_table.h"
#include "server/worker/event_hub.h"
#include "server/worker/expiry_watch.h"
#include "tlsd/v1/secure_context_service.grpc.pb.h"

namespace tlsd::control {

class SecureContextService final
    : public v1::SecureContextService::CallbackService {
 public:
  // All must outlive the service.
  SecureContextService(worker::ContextTable& contexts, worker::EventHub& events,
                       worker::ExpiryWatch& expiry_watch,
                       tls::DevelopmentAuthority& authority, bool key_log);

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
  grpc::ServerUnaryReactor* UpdateSecureContext(
      grpc::CallbackServerContext* context,
      const v1::UpdateSecureContextRequest* request,
      v1::SecureContext* response) override;
  grpc::ServerUnaryReactor* DeleteSecureContext(
      grpc::CallbackServerContext* context,
      const v1::DeleteSecureContextRequest* request,
      google::protobuf::Empty* response) override;
  grpc::ServerUnaryReactor* RotateTicketKeys(
      grpc::CallbackServerContext* context,
      const v1::RotateTicketKeysRequest* request,
      v1::RotateTicketKeysResponse* response) override;
  grpc::ServerUnaryReactor* SetOcspResponse(
      grpc::CallbackServerContext* context,
      const v1::SetOcspResponseRequest* request,
      v1::SecureContext* response) override;
  grpc::ServerUnaryReactor* RotateEchKeys(
      grpc::CallbackServerContext* context,
      const v1::RotateEchKeysRequest* request,
      v1::RotateEchKeysResponse* response) override;
  grpc::ServerUnaryReactor* ListAlgorithms(
      grpc::CallbackServerContext* context,
      const v1::ListAlgorithmsRequest* request,
      v1::ListAlgorithmsResponse* response) override;

 private:
  absl::Status Create(const v1::CreateSecureContextRequest& request,
                      v1::SecureContext& response);
  absl::Status Update(const v1::UpdateSecureContextRequest& request,
                      v1::SecureContext& response);
  absl::Status List(const v1::ListSecureContextsRequest& request,
                    v1::ListSecureContextsResponse& response);
  absl::Status Delete(const v1::DeleteSecureContextRequest& request);

  // FindRecord returns the context called `name`, a field of a request.
  absl::StatusOr<std::shared_ptr<const worker::ContextRecord>> FindRecord(
      const std::string& name);

  // What `proto` makes, and what a request makes of what is there.
  absl::StatusOr<worker::ContextParts> MakeParts(
      const v1::SecureContext& proto);
  absl::StatusOr<worker::ContextParts> ChangeParts(
      const worker::ContextRecord& present,
      const v1::UpdateSecureContextRequest& request);

  void PublishUpdate(const worker::ContextRecord& record);

  worker::ContextTable& contexts_;
  worker::EventHub& events_;
  worker::ExpiryWatch& expiry_watch_;
  tls::DevelopmentAuthority& authority_;
  // Whether the daemon tells secrets.
  const bool key_log_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_SECURE_CONTEXT_SERVICE_H_
