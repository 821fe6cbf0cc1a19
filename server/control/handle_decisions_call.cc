#include "server/control/handle_decisions_call.h"

#include <utility>

#include "absl/strings/str_cat.h"
#include "proto/status/error.h"
#include "proto/status/rpc_status.h"
#include "server/base/names.h"
#include "server/base/status_macros.h"
#include "server/control/convert.h"
#include "server/control/convert_decision.h"

namespace tlsd::control {
namespace {

constexpr int32_t kPendingCountMax = 10000;
// So many failed answers wait to be told.
constexpr size_t kFailureCountMax = 100;
// Longer than any name of a decision.
constexpr size_t kNameBytesMax = 100;

absl::Status MessageError(absl::string_view got) {
  return FieldError(Reason::kStreamMessageInvalid, "message", got,
                    "first registration, then answers");
}

}  // namespace

absl::Status AnswerDecision(const v1::DecisionAnswer& answer,
                            worker::DecisionHub& decisions,
                            const worker::ContextTable& contexts) {
  TLSD_RETURN_IF_ERROR(base::CheckName("answer.decision", worker::kDecisions,
                                       answer.decision()));
  absl::StatusOr<tls::Answer> said = ToAnswer(answer, contexts);
  absl::Status status = said.status();
  if (status.ok()) {
    status = decisions.Resolve(answer.decision(), *std::move(said));
  }
  return PrefixField(status, "answer.");
}

HandleDecisionsCall* HandleDecisionsCall::Start(
    worker::DecisionHub& decisions, worker::ContextTable& contexts) {
  std::shared_ptr<HandleDecisionsCall> call(
      new HandleDecisionsCall(decisions, contexts));
  call->self_ = call;
  call->StartRead(&call->request_);
  return call.get();
}

void HandleDecisionsCall::OnReadDone(bool ok) {
  if (!ok) {
    // Half-closed, or cancelled: then nobody sees how it ends.
    End(handler_id_.has_value() ? absl::OkStatus()
                                : MessageError("no message"));
    return;
  }
  const absl::Status status =
      handler_id_.has_value() ? HandleAnswer() : Register();
  if (!status.ok()) End(status);
}

absl::Status HandleDecisionsCall::Register() {
  if (!request_.has_registration()) {
    return MessageError("a message before registration");
  }
  const v1::HandlerRegistration& registration = request_.registration();
  absl::StatusOr<worker::DecisionFilter> filter =
      ToDecisionFilter(registration.types(), registration.subjects());
  if (!filter.ok()) return PrefixField(filter.status(), "registration.");
  const int32_t count_max = registration.max_pending();
  if (count_max < 0 || count_max > kPendingCountMax) {
    return FieldError(Reason::kFieldInvalid, "registration.max_pending",
                      absl::StrCat(count_max), "1 to 10000; unset means 1000");
  }
  size_t pending_count_max = 0;
  {
    absl::MutexLock lock(&mutex_);
    if (count_max > 0) pending_count_max_ = static_cast<size_t>(count_max);
    pending_count_max = pending_count_max_;
    // Decisions come from now on, and are sent behind it.
    response_.mutable_registered();
    sending_ = true;
  }
  handler_id_ = decisions_.AddHandler(
      *std::move(filter), pending_count_max,
      [self = shared_from_this()](
          std::shared_ptr<const worker::Decision> decision) {
        self->OnDecision(std::move(decision));
      });
  StartWrite(&response_);
  StartRead(&request_);
  return absl::OkStatus();
}

absl::Status HandleDecisionsCall::HandleAnswer() {
  if (!request_.has_answer()) {
    return MessageError(request_.has_registration() ? "a second registration"
                                                    : "an empty message");
  }
  v1::DecisionAnswer& answer = *request_.mutable_answer();
  const absl::Status status = AnswerDecision(answer, decisions_, contexts_);
  WipeSecrets(answer);
  bool reads_on = true;
  if (!status.ok()) {
    absl::MutexLock lock(&mutex_);
    if (!broken_) {
      v1::AnswerFailed& failure = failures_.emplace_back();
      failure.set_decision(ToText(answer.decision().substr(0, kNameBytesMax)));
      ToProto(status, *failure.mutable_failure());
    }
    paused_ = failures_.size() >= kFailureCountMax;
    reads_on = !paused_;
  }
  if (reads_on) StartRead(&request_);
  SendNext();
  return absl::OkStatus();
}

void HandleDecisionsCall::End(const absl::Status& status) {
  if (handler_id_.has_value()) decisions_.RemoveHandler(*handler_id_);
  {
    absl::MutexLock lock(&mutex_);
    unsent_.clear();
    end_ = status;
  }
  SendNext();
}

void HandleDecisionsCall::OnDecision(
    std::shared_ptr<const worker::Decision> decision) {
  {
    absl::MutexLock lock(&mutex_);
    if (broken_) return;
    unsent_.push_back(std::move(decision));
    // Those that do not wait any more are replaced by others: a client that
    // reads nothing must not collect them.
    if (unsent_.size() > 2 * pending_count_max_) {
      std::erase_if(unsent_, [this](const auto& unsent) {
        return !decisions_.is_pending(unsent->name);
      });
    }
  }
  SendNext();
}

void HandleDecisionsCall::SendNext() {
  std::optional<absl::Status> end;
  {
    absl::MutexLock lock(&mutex_);
    if (sending_ || finished_) return;
    sending_ = TakeNext();
    if (!sending_) {
      if (!end_.has_value()) return;
      finished_ = true;
      end = end_;
    }
  }
  if (end.has_value()) {
    Finish(ToRpcStatus(*end));
  } else {
    StartWrite(&response_);
  }
}

bool HandleDecisionsCall::TakeNext() {
  if (broken_) return false;
  if (!failures_.empty()) {
    *response_.mutable_answer_failed() = std::move(failures_.front());
    failures_.pop_front();
    return true;
  }
  while (!unsent_.empty()) {
    const std::shared_ptr<const worker::Decision> next =
        std::move(unsent_.front());
    unsent_.pop_front();
    if (!decisions_.is_pending(next->name)) continue;
    ToProto(*next, *response_.mutable_decision());
    return true;
  }
  return false;
}

void HandleDecisionsCall::OnWriteDone(bool ok) {
  bool reads_on = false;
  {
    absl::MutexLock lock(&mutex_);
    sending_ = false;
    if (!ok) {
      // Reading finds out how the call has ended.
      broken_ = true;
      failures_.clear();
      unsent_.clear();
    }
    reads_on = paused_ && failures_.size() < kFailureCountMax;
    if (reads_on) paused_ = false;
    if (response_.has_decision()) WipeSecrets(*response_.mutable_decision());
    response_.Clear();
  }
  if (reads_on) StartRead(&request_);
  SendNext();
}

void HandleDecisionsCall::OnDone() {
  // The last reference goes where nothing of the call can run any more.
  std::shared_ptr<HandleDecisionsCall> self = std::move(self_);
}

}  // namespace tlsd::control
