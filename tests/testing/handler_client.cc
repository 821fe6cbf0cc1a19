#include "tests/testing/handler_client.h"

#include <grpcpp/grpcpp.h>

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/rpc_status.h"
#include "tlsd/v1/decision_service.grpc.pb.h"

namespace tlsd::testing {
namespace {

absl::Status Unexpected(const v1::HandleDecisionsResponse& response) {
  return absl::InternalError(
      absl::StrCat("something else came: ", response.ShortDebugString()));
}

}  // namespace

struct HandlerClient::Rpc {
  std::unique_ptr<v1::DecisionService::Stub> stub;
  std::unique_ptr<grpc::ClientReaderWriter<v1::HandleDecisionsRequest,
                                           v1::HandleDecisionsResponse>>
      stream;
};

HandlerClient::HandlerClient(absl::Duration timeout) : context_(timeout) {}

absl::StatusOr<std::unique_ptr<HandlerClient>> HandlerClient::Register(
    ControlClient& client, const v1::HandlerRegistration& registration,
    absl::Duration timeout) {
  std::unique_ptr<HandlerClient> handler(new HandlerClient(timeout));
  handler->rpc_ = std::make_unique<Rpc>();
  handler->rpc_->stub = v1::DecisionService::NewStub(client.channel());
  handler->rpc_->stream =
      handler->rpc_->stub->HandleDecisions(&handler->context_.rpc());
  v1::HandleDecisionsRequest request;
  *request.mutable_registration() = registration;
  handler->Send(request);
  const absl::StatusOr<v1::HandleDecisionsResponse> first = handler->Receive();
  if (!first.ok()) return first.status();
  if (!first->has_registered()) return Unexpected(*first);
  return handler;
}

HandlerClient::~HandlerClient() {
  if (end_.has_value()) return;
  Cancel();
  Finish().IgnoreError();
}

absl::StatusOr<v1::HandleDecisionsResponse> HandlerClient::Receive() {
  v1::HandleDecisionsResponse response;
  if (!end_.has_value() && rpc_->stream->Read(&response)) return response;
  if (!end_.has_value()) end_ = FromRpcStatus(rpc_->stream->Finish());
  return end_->ok() ? absl::OutOfRangeError("the call ended with OK") : *end_;
}

absl::StatusOr<v1::Decision> HandlerClient::Next() {
  absl::StatusOr<v1::HandleDecisionsResponse> response = Receive();
  if (!response.ok()) return std::move(response).status();
  if (!response->has_decision()) return Unexpected(*response);
  return std::move(*response->mutable_decision());
}

absl::StatusOr<v1::AnswerFailed> HandlerClient::NextFailure() {
  absl::StatusOr<v1::HandleDecisionsResponse> response = Receive();
  if (!response.ok()) return std::move(response).status();
  if (!response->has_answer_failed()) return Unexpected(*response);
  return std::move(*response->mutable_answer_failed());
}

bool HandlerClient::Send(const v1::HandleDecisionsRequest& request) {
  return rpc_->stream->Write(request);
}

bool HandlerClient::Answer(const v1::DecisionAnswer& answer) {
  v1::HandleDecisionsRequest request;
  *request.mutable_answer() = answer;
  return Send(request);
}

void HandlerClient::HalfClose() { rpc_->stream->WritesDone(); }

absl::Status HandlerClient::Finish() {
  while (Receive().ok()) {
  }
  return *end_;
}

}  // namespace tlsd::testing
