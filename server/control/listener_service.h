// ListenerService is the adapter of the proto service of that name: it decodes,
// makes one call, and encodes. The control server owns it; gRPC's threads call
// it.
#ifndef TLSD_SERVER_CONTROL_LISTENER_SERVICE_H_
#define TLSD_SERVER_CONTROL_LISTENER_SERVICE_H_

#include <memory>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "server/control/connection_options.h"
#include "server/worker/context_table.h"
#include "server/worker/listener_table.h"
#include "tlsd/v1/listener_service.grpc.pb.h"

namespace tlsd::control {

class ListenerService final : public v1::ListenerService::CallbackService {
 public:
  // The tables must outlive the service. `default_context` serves upstreams for
  // which none is named.
  ListenerService(worker::ContextTable& contexts,
                  worker::ListenerTable& listeners,
                  std::shared_ptr<const tls::SecureContext> default_context);

  grpc::ServerUnaryReactor* CreateListener(
      grpc::CallbackServerContext* context,
      const v1::CreateListenerRequest* request,
      v1::Listener* response) override;
  grpc::ServerUnaryReactor* GetListener(grpc::CallbackServerContext* context,
                                        const v1::GetListenerRequest* request,
                                        v1::Listener* response) override;
  grpc::ServerUnaryReactor* ListListeners(
      grpc::CallbackServerContext* context,
      const v1::ListListenersRequest* request,
      v1::ListListenersResponse* response) override;
  grpc::ServerUnaryReactor* DeleteListener(
      grpc::CallbackServerContext* context,
      const v1::DeleteListenerRequest* request,
      v1::Listener* response) override;
  grpc::ServerUnaryReactor* AddContext(grpc::CallbackServerContext* context,
                                       const v1::AddContextRequest* request,
                                       v1::Listener* response) override;
  grpc::ServerUnaryReactor* RemoveContext(
      grpc::CallbackServerContext* context,
      const v1::RemoveContextRequest* request, v1::Listener* response) override;
  grpc::ServerUnaryReactor* ListContexts(
      grpc::CallbackServerContext* context,
      const v1::ListContextsRequest* request,
      v1::ListContextsResponse* response) override;

 private:
  absl::Status Create(const v1::CreateListenerRequest& request,
                      v1::Listener& response);
  absl::Status List(const v1::ListListenersRequest& request,
                    v1::ListListenersResponse& response);
  absl::Status Add(const v1::AddContextRequest& request,
                   v1::Listener& response);
  absl::Status Remove(const v1::RemoveContextRequest& request,
                      v1::Listener& response);
  absl::Status List(const v1::ListContextsRequest& request,
                    v1::ListContextsResponse& response);
  absl::StatusOr<worker::ListenerOptions> ToOptions(
      const v1::Listener& proto) const;
  absl::Status ReadHandler(const v1::Listener& proto,
                           worker::ListenerOptions& options) const;
  absl::StatusOr<worker::ServerNameContext> ToContext(
      const std::string& server_name, const std::string& secure_context) const;
  absl::StatusOr<std::vector<worker::ServerNameContext>> ToContexts(
      const v1::CreateListenerRequest& request) const;
  // Find returns the listener that the field `listener` names.
  absl::StatusOr<std::shared_ptr<worker::Listener>> Find(
      const std::string& listener) const;

  worker::ContextTable& contexts_;
  worker::ListenerTable& listeners_;
  const ConnectionOptionReader upstreams_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_LISTENER_SERVICE_H_
