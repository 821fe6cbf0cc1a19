#include "client/decision_handler.h"

#include <algorithm>
#include <deque>

#include "absl/base/thread_annotations.h"
#include "absl/strings/str_cat.h"
#include "absl/synchronization/mutex.h"
#include "absl/time/clock.h"
#include "client/control_channel.h"
#include "client/convert.h"
#include "proto/status/error.h"

namespace tlsd::client {
namespace {

using BidiReactor = grpc::ClientBidiReactor<v1::HandleDecisionsRequest,
                                            v1::HandleDecisionsResponse>;

// How long the daemon may take to end a stream that this side has ended.
constexpr absl::Duration kEndGrace = absl::Seconds(2);

// ForEachAnswerer calls `visit` with each type and whether it has an answerer.
template <typename Visitor>
void ForEachAnswerer(const Answerers& answerers, Visitor visit) {
  visit(DecisionType::kClientHello, bool(answerers.client_hello));
  visit(DecisionType::kOcspStaple, bool(answerers.ocsp_staple));
  visit(DecisionType::kSessionLookup, bool(answerers.session_lookup));
  visit(DecisionType::kSessionStore, bool(answerers.session_store));
  visit(DecisionType::kVerifyPeer, bool(answerers.verify_peer));
  visit(DecisionType::kSign, bool(answerers.sign));
}

// Registration returns what to register with. A type without an answerer would
// keep questions from those who have one.
absl::StatusOr<v1::HandlerRegistration> Registration(
    HandlerOptions options, const Answerers& answerers) {
  std::vector<DecisionType> answered;
  ForEachAnswerer(answerers, [&](DecisionType type, bool has_answerer) {
    if (has_answerer) answered.push_back(type);
  });
  if (answered.empty()) {
    return FieldError(Reason::kFieldRequired, "answerers", "none",
                      "at least one");
  }
  for (const DecisionType type : options.types) {
    if (std::find(answered.begin(), answered.end(), type) != answered.end()) {
      continue;
    }
    return FieldError(Reason::kFieldInvalid, "types",
                      v1::DecisionType_Name(ToProto(type)),
                      "types that have an answerer");
  }
  if (options.types.empty()) options.types = answered;
  return ToProto(options);
}

}  // namespace

// Stream is the call under a DecisionHandler. A reaction reads a question and
// lets it be answered before it reads the next; answers queue up behind the one
// that is being written.
class DecisionHandler::Stream final
    : public BidiReactor,
      public std::enable_shared_from_this<Stream> {
 public:
  Stream(std::shared_ptr<ControlChannel> channel, Answerers answerers)
      : channel_(std::move(channel)), answerers_(std::move(answerers)) {}

  // Open returns when the daemon has taken the handler in.
  absl::Status Open(v1::HandlerRegistration registration) {
    channel_->StayAwake();
    channel_->stub<v1::DecisionService::Stub>().async()->HandleDecisions(
        &context_, this);
    // Released in MayEnd: writes start outside reactions until then.
    AddHold();
    StartRead(&incoming_);
    StartCall();
    v1::HandleDecisionsRequest request;
    *request.mutable_registration() = std::move(registration);
    Queue(std::move(request));
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(this, &Stream::IsDecided),
                                 kCallTimeout)) {
      return MakeError(Reason::kWaitTimeout,
                       "the daemon did not take the handler in");
    }
    return is_registered_ ? absl::OkStatus() : *status_;
  }

  // SendAnswer queues an answer, unless the stream has ended.
  void SendAnswer(const std::string& decision, const Answer& answer) {
    v1::HandleDecisionsRequest request;
    *request.mutable_answer() = ToProto(decision, answer);
    Queue(std::move(request));
  }

  void Stop() {
    {
      absl::MutexLock lock(&mutex_);
      if (is_stopped_) return;
      is_stopped_ = true;
      if (is_writing_ || reads_ended_) return;
      is_writing_ = true;
      ++starting_count_;
    }
    StartWritesDone();
    EndOperation();
  }

  // End waits until gRPC has let go of this object. The last thing that an
  // owner does.
  void End() {
    Stop();
    {
      absl::MutexLock lock(&mutex_);
      mutex_.AwaitWithTimeout(absl::Condition(this, &Stream::IsDone),
                              kEndGrace);
    }
    context_.TryCancel();
    absl::MutexLock lock(&mutex_);
    mutex_.Await(absl::Condition(this, &Stream::IsDone));
  }

  std::optional<absl::Status> status() const {
    absl::MutexLock lock(&mutex_);
    return status_;
  }

  absl::Status Wait(absl::Duration timeout) const {
    absl::MutexLock lock(&mutex_);
    if (!mutex_.AwaitWithTimeout(absl::Condition(this, &Stream::IsDone),
                                 timeout)) {
      return MakeError(Reason::kWaitTimeout, "the handler still answers");
    }
    return *status_;
  }

 private:
  void Queue(v1::HandleDecisionsRequest request) {
    {
      absl::MutexLock lock(&mutex_);
      if (is_stopped_ || reads_ended_) return;
      if (is_writing_) {
        queue_.push_back(std::move(request));
        return;
      }
      is_writing_ = true;
      ++starting_count_;
      outgoing_ = std::move(request);
    }
    StartWrite(&outgoing_);
    EndOperation();
  }

  void OnWriteDone(bool ok) override {
    bool ends = false;
    grpc::WriteOptions options;
    {
      absl::MutexLock lock(&mutex_);
      if (!ok || reads_ended_) queue_.clear();
      if (queue_.empty()) {
        ends = ok && is_stopped_ && !reads_ended_;
        is_writing_ = ends;
        if (!ends) return;
      } else {
        outgoing_ = std::move(queue_.front());
        queue_.pop_front();
        // One send serves for all that have queued up.
        if (!queue_.empty()) options.set_buffer_hint();
      }
    }
    if (ends) return StartWritesDone();
    StartWrite(&outgoing_, options);
  }

  void OnReadDone(bool ok) override {
    if (ok && Take()) return StartRead(&incoming_);
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      reads_ended_ = true;
      release = MayEnd();
    }
    if (ok) context_.TryCancel();
    if (release) RemoveHold();
  }

  void OnDone(const grpc::Status& status) override {
    absl::MutexLock lock(&mutex_);
    if (!failure_.ok()) {
      status_ = failure_;
    } else if (is_stopped_) {
      status_ = absl::OkStatus();
    } else if (status.ok()) {
      status_ =
          MakeError(Reason::kShuttingDown, "the daemon ended the handler");
    } else {
      status_ = channel_->Explain(status);
    }
  }

  // Take handles the message that has come, and reports whether to go on.
  bool Take() {
    {
      absl::MutexLock lock(&mutex_);
      // The daemon offers to others what comes after the end of this side.
      if (is_stopped_) return true;
      if (!is_registered_) {
        is_registered_ = incoming_.has_registered();
        if (!is_registered_) {
          failure_ =
              MakeError(Reason::kInternal,
                        "the first message to a handler is not `registered`");
        }
        return is_registered_;
      }
    }
    if (incoming_.has_decision()) {
      const Decision decision = FromProto(incoming_.decision());
      std::visit([&](const auto& question) { Ask(decision, question); },
                 decision.question);
    } else if (incoming_.has_answer_failed() && answerers_.answer_failed) {
      answerers_.answer_failed(
          incoming_.answer_failed().decision(),
          StatusFromProto(incoming_.answer_failed().failure()));
    }
    return true;
  }

  void Ask(const Decision& decision, const ClientHelloQuestion& question) {
    Ask(answerers_.client_hello, decision, question);
  }
  void Ask(const Decision& decision, const OcspStapleQuestion& question) {
    Ask(answerers_.ocsp_staple, decision, question);
  }
  void Ask(const Decision& decision, const SessionLookupQuestion& question) {
    Ask(answerers_.session_lookup, decision, question);
  }
  void Ask(const Decision& decision, const SessionStoreQuestion& question) {
    Ask(answerers_.session_store, decision, question);
  }
  void Ask(const Decision& decision, const VerifyPeerQuestion& question) {
    Ask(answerers_.verify_peer, decision, question);
  }
  void Ask(const Decision& decision, const SignQuestion& question) {
    Ask(answerers_.sign, decision, question);
  }
  // A type that was not registered for. Its time will be up.
  void Ask(const Decision&, std::monostate) {}

  template <typename QuestionType, typename Expected>
  void Ask(const Answerer<QuestionType, Expected>& answerer,
           const Decision& decision, const QuestionType& question) {
    if (!answerer) return;
    answerer(decision, question,
             Reply<Expected>([stream = weak_from_this(),
                              name = decision.name](const Answer& answer) {
               const std::shared_ptr<Stream> live = stream.lock();
               if (live != nullptr) live->SendAnswer(name, answer);
             }));
  }

  void EndOperation() {
    bool release = false;
    {
      absl::MutexLock lock(&mutex_);
      --starting_count_;
      release = MayEnd();
    }
    if (release) RemoveHold();
  }

  // MayEnd reports, once, that the hold can go.
  bool MayEnd() ABSL_EXCLUSIVE_LOCKS_REQUIRED(mutex_) {
    if (!reads_ended_ || starting_count_ > 0 || released_) return false;
    released_ = true;
    return true;
  }

  bool IsDone() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return status_.has_value();
  }
  bool IsDecided() const ABSL_SHARED_LOCKS_REQUIRED(mutex_) {
    return is_registered_ || status_.has_value();
  }

  const std::shared_ptr<ControlChannel> channel_;
  const Answerers answerers_;
  grpc::ClientContext context_;
  // Written by gRPC while a read is under way, else read by its reaction.
  v1::HandleDecisionsResponse incoming_;

  mutable absl::Mutex mutex_;
  // Read by gRPC while `is_writing_`, else guarded by `mutex_`.
  v1::HandleDecisionsRequest outgoing_;
  std::deque<v1::HandleDecisionsRequest> queue_ ABSL_GUARDED_BY(mutex_);
  bool is_writing_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_registered_ ABSL_GUARDED_BY(mutex_) = false;
  bool is_stopped_ ABSL_GUARDED_BY(mutex_) = false;
  bool reads_ended_ ABSL_GUARDED_BY(mutex_) = false;
  int starting_count_ ABSL_GUARDED_BY(mutex_) = 0;
  bool released_ ABSL_GUARDED_BY(mutex_) = false;
  absl::Status failure_ ABSL_GUARDED_BY(mutex_);
  std::optional<absl::Status> status_ ABSL_GUARDED_BY(mutex_);
};

absl::StatusOr<DecisionHandler> DecisionHandler::Open(
    std::shared_ptr<ControlChannel> channel, const HandlerOptions& options,
    Answerers answerers) {
  absl::StatusOr<v1::HandlerRegistration> registration =
      Registration(options, answerers);
  if (!registration.ok()) return registration.status();
  // Ends the stream if it does not open, too.
  DecisionHandler handler(
      std::make_shared<Stream>(std::move(channel), std::move(answerers)));
  const absl::Status opened = handler.stream_->Open(*std::move(registration));
  if (!opened.ok()) return opened;
  return handler;
}

DecisionHandler::DecisionHandler(std::shared_ptr<Stream> stream)
    : stream_(std::move(stream)) {}

DecisionHandler::DecisionHandler(DecisionHandler&& other) noexcept = default;

DecisionHandler& DecisionHandler::operator=(DecisionHandler&& other) noexcept {
  if (this == &other) return *this;
  if (stream_ != nullptr) stream_->End();
  stream_ = std::move(other.stream_);
  return *this;
}

DecisionHandler::~DecisionHandler() {
  if (stream_ != nullptr) stream_->End();
}

std::optional<absl::Status> DecisionHandler::status() const {
  return stream_->status();
}

absl::Status DecisionHandler::Wait(absl::Duration timeout) const {
  return stream_->Wait(timeout);
}

void DecisionHandler::Stop() { stream_->Stop(); }

}  // namespace tlsd::client
