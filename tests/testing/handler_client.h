// HandlerClient is a call of `HandleDecisions` for tests, from the generated
// stub and nothing else.
//
//   ASSERT_OK_AND_ASSIGN(auto handler,
//                        HandlerClient::Register(client(), registration));
//   ASSERT_OK_AND_ASSIGN(const v1::Decision decision, handler->Next());
//   ASSERT_TRUE(handler->Answer(answer));
//
// It answers nothing by itself. One thread may answer while another receives.
#ifndef TLSD_TESTS_TESTING_HANDLER_CLIENT_H_
#define TLSD_TESTS_TESTING_HANDLER_CLIENT_H_

#include <memory>
#include <optional>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "tests/testing/control_client.h"
#include "tlsd/v1/decision_service.pb.h"

namespace tlsd::testing {

class HandlerClient {
 public:
  // Register starts the call and waits for `registered`.
  static absl::StatusOr<std::unique_ptr<HandlerClient>> Register(
      ControlClient& client, const v1::HandlerRegistration& registration,
      absl::Duration timeout = kCallTimeout);

  // Cancels the call if it has not ended.
  ~HandlerClient();

  // Next returns the next decision, NextFailure the next answer that was not
  // used. They fail if something else comes, and if the call has ended.
  absl::StatusOr<v1::Decision> Next();
  absl::StatusOr<v1::AnswerFailed> NextFailure();

  // Send and Answer return false when the call has ended.
  bool Send(const v1::HandleDecisionsRequest& request);
  bool Answer(const v1::DecisionAnswer& answer);
  void HalfClose();

  void Cancel() { context_.Cancel(); }
  // Finish reads and drops what is left, and returns how the call ended.
  absl::Status Finish();

 private:
  struct Rpc;
  explicit HandlerClient(absl::Duration timeout);
  absl::StatusOr<v1::HandleDecisionsResponse> Receive();

  CallContext context_;
  std::unique_ptr<Rpc> rpc_;
  std::optional<absl::Status> end_;
};

}  // namespace tlsd::testing

#endif  // TLSD_TESTS_TESTING_HANDLER_CLIENT_H_
