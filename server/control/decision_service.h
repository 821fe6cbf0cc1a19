// DecisionService is the adapter of the proto service of that name;
// `HandleDecisionsCall` is its bidirectional method. The control server owns
// it; gRPC's threads call it.
#ifndef TLSD_SERVER_CONTROL_DECISION_SERVICE_H_
#define TLSD_SERVER_CONTROL_DECISION_SERVICE_H_

#include "absl/status/status.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"
#include "tlsd/v1/decision_service.grpc.pb.h"

namespace tlsd::control {

class DecisionService final : public v1::DecisionService::CallbackService {
 public:
  // Both must outlive the service.
  DecisionService(worker::DecisionHub& decisions,
                  worker::ContextTable& contexts);

  grpc::ServerBidiReactor<v1::HandleDecisionsRequest,
                          v1::HandleDecisionsResponse>*
  HandleDecisions(grpc::CallbackServerContext* context) override;
  grpc::ServerUnaryReactor* WaitDecision(grpc::CallbackServerContext* context,
                                         const v1::WaitDecisionRequest* request,
                                         v1::Decision* response) override;
  grpc::ServerUnaryReactor* ResolveDecision(
      grpc::CallbackServerContext* context,
      const v1::ResolveDecisionRequest* request,
      v1::ResolveDecisionResponse* response) override;
  grpc::ServerUnaryReactor* ListDecisions(
      grpc::CallbackServerContext* context,
      const v1::ListDecisionsRequest* request,
      v1::ListDecisionsResponse* response) override;

 private:
  absl::Status List(const v1::ListDecisionsRequest& request,
                    v1::ListDecisionsResponse& response) const;

  worker::DecisionHub& decisions_;
  worker::ContextTable& contexts_;
};

}  // namespace tlsd::control

#endif  // TLSD_SERVER_CONTROL_DECISION_SERVICE_H_
