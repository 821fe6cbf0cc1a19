#include "server/control/decision_service.h"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "proto/status/error.h"
#include "server/base/status_macros.h"
#include "server/control/convert_decision.h"
#include "server/control/fields.h"
#include "server/control/handle_decisions_call.h"
#include "server/control/unary_call.h"

namespace tlsd::control {
namespace {

constexpr absl::Duration kWaitMax = absl::Hours(24 * 365);

}  // namespace

DecisionService::DecisionService(worker::DecisionHub& decisions,
                                 worker::ContextTable& contexts)
    : decisions_(decisions), contexts_(contexts) {}

grpc::ServerBidiReactor<v1::HandleDecisionsRequest,
                        v1::HandleDecisionsResponse>*
DecisionService::HandleDecisions(grpc::CallbackServerContext* /*context*/) {
  return HandleDecisionsCall::Start(decisions_, contexts_);
}

grpc::ServerUnaryReactor* DecisionService::WaitDecision(
    grpc::CallbackServerContext* /*context*/,
    const v1::WaitDecisionRequest* request, v1::Decision* response) {
  const std::shared_ptr<UnaryCall> call = UnaryCall::Start();
  absl::StatusOr<worker::DecisionFilter> filter =
      ToDecisionFilter(request->types(), request->subjects());
  absl::Status status = filter.status();
  std::optional<absl::Duration> wait;
  if (status.ok() && request->has_timeout()) {
    const absl::StatusOr<absl::Duration> timeout = ToDuration(
        "timeout", request->timeout(), absl::ZeroDuration(), kWaitMax);
    status = timeout.status();
    if (status.ok()) wait = *timeout;
  }
  if (!status.ok()) {
    call->Answer(status);
    return call.get();
  }
  worker::DecisionHub& decisions = decisions_;
  const int64_t ticket = decisions.Wait(
      *std::move(filter), [&decisions, call, response](
                              std::shared_ptr<const worker::Decision> taken) {
        if (!call->Claim()) {
          decisions.GiveBack(taken->name);
          return;
        }
        call->OnUndelivered(
            [&decisions, name = taken->name] { decisions.GiveBack(name); });
        ToProto(*taken, *response);
        call->Finish(grpc::Status::OK);
      });
  call->OnGiveUp(wait, [&decisions, call, ticket](const absl::Status& reason) {
    // Else what was taken answers the call.
    if (decisions.CancelWait(ticket)) call->Answer(reason);
  });
  return call.get();
}

grpc::ServerUnaryReactor* DecisionService::ResolveDecision(
    grpc::CallbackServerContext* context,
    const v1::ResolveDecisionRequest* request,
    v1::ResolveDecisionResponse* /*response*/) {
  return FinishNow(
      context, request->has_answer()
                   ? AnswerDecision(request->answer(), decisions_, contexts_)
                   : FieldRequired("answer"));
}

grpc::ServerUnaryReactor* DecisionService::ListDecisions(
    grpc::CallbackServerContext* context,
    const v1::ListDecisionsRequest* request,
    v1::ListDecisionsResponse* response) {
  return FinishNow(context, List(*request, *response));
}

absl::Status DecisionService::List(const v1::ListDecisionsRequest& request,
                                   v1::ListDecisionsResponse& response) const {
  TLSD_ASSIGN_OR_RETURN(const size_t page_size,
                        ToPageSize(request.page_size()));
  TLSD_ASSIGN_OR_RETURN(const std::string after,
                        FromPageToken(request.page_token()));
  // One more than asked tells whether there is a next page.
  const std::vector<std::shared_ptr<const worker::Decision>> decisions =
      decisions_.List(after, page_size + 1);
  size_t page_bytes = 0;
  for (size_t i = 0; i < decisions.size(); ++i) {
    if (i == page_size || page_bytes > kPageBytesMax) {
      response.set_next_page_token(ToPageToken(decisions[i - 1]->name));
      break;
    }
    v1::Decision& proto = *response.add_decisions();
    ToProto(*decisions[i], proto);
    page_bytes += proto.ByteSizeLong();
  }
  return absl::OkStatus();
}

}  // namespace tlsd::control
