// CertificateService is the adapter of the proto service of that name: it
// decodes, makes one call, and encodes. The control server owns it; gRPC's
// threads call it.
#ifndef TLSD_SERVER_CONTROL_CERTIFICATE_SERVICE_H_
#define TLSD_SERVER_CONTROL_CERTIFICATE_SERVICE_H_

#include <memory>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "server/tls/secure_context.h"
#include "server/worker/context_table.h"
#include "tlsd/v1/certificate_service.grpc.pb.h"

namespace tlsd::control {

class CertificateService final
    : public v1::CertificateService::CallbackService {
 public:
  // `contexts` must outlive the service. `system_context` trusts the system's
  // trust store and nothing else.
  CertificateService(const worker::ContextTable& contexts,
                     std::shared_ptr<const tls::SecureContext> system_context);

  grpc::ServerUnaryReactor* ParseCertificate(
      grpc::CallbackServerContext* context,
      const v1::ParseCertificateRequest* request,
      v1::ParseCertificateResponse* response) override;
  grpc::ServerUnaryReactor* CheckServerIdentity(
      grpc::CallbackServerContext* context,
      const v1::CheckServerIdentityRequest* request,
      v1::CheckServerIdentityResponse* response) override;
  grpc::ServerUnaryReactor* ListOwnCertificates(
      grpc::CallbackServerContext* context,
      const v1::ListOwnCertificatesRequest* request,
      v1::ListOwnCertificatesResponse* response) override;
  grpc::ServerUnaryReactor* ListTrustedCertificates(
      grpc::CallbackServerContext* context,
      const v1::ListTrustedCertificatesRequest* request,
      v1::ListTrustedCertificatesResponse* response) override;

 private:
  absl::Status ListOwn(const v1::ListOwnCertificatesRequest& request,
                       v1::ListOwnCertificatesResponse& response);
  absl::Status ListTrusted(const v1::ListTrustedCertificatesRequest& request,
                           v1::ListTrustedCertificatesResponse& response);
  absl::StatusOr<std::shared_ptr<const tls::SecureContext>> FindTrusting(
      const std::string& name) const;

  const worker::ContextTable& contexts_;
  const std::shared_ptr<const tls::SecureContext> system_context_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_CERTIFICATE_SERVICE_H_
