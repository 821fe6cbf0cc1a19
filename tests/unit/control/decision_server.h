// DecisionServer is a decision service in this process, with a hub of its own
// that tests ask: there is no TLS, and no daemon.
//
//   DecisionServer server;
//   const Asked asked = server.Ask("d1");
//   Handler handler(server.stub());
//   handler.Register({});
//   handler.Answer(handler.Next().decision().name());
//   EXPECT_TRUE(asked.Answer().has_value());
//
// Its methods block, for at most 20 seconds. They are the test thread's. A
// decision's label is its server name.
#ifndef TLSD_TESTS_UNIT_CONTROL_DECISION_SERVER_H_
#define TLSD_TESTS_UNIT_CONTROL_DECISION_SERVER_H_

#include <grpcpp/grpcpp.h>

#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#include "absl/synchronization/notification.h"
#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "gtest/gtest.h"
#include "proto/status/rpc_status.h"
#include "server/control/decision_service.h"
#include "server/tls/development_authority.h"
#include "server/worker/context_table.h"
#include "server/worker/decision_hub.h"

namespace tlsd::control {

// WithDeadline gives a call 20 seconds.
inline void WithDeadline(grpc::ClientContext& context) {
  context.set_deadline(std::chrono::system_clock::now() +
                       std::chrono::seconds(20));
}

// Asked is a decision and what comes of it.
class Asked {
 public:
  const std::string& name() const { return name_; }
  bool is_done() const { return outcome_->done.HasBeenNotified(); }
  // Answer waits for it; nothing if nobody could answer.
  std::optional<tls::Answer> Answer() const {
    EXPECT_TRUE(
        outcome_->done.WaitForNotificationWithTimeout(absl::Seconds(20)));
    return outcome_->answer;
  }

 private:
  friend class DecisionServer;
  struct Outcome {
    std::optional<tls::Answer> answer;
    absl::Notification done;
  };

  std::string name_;
  std::shared_ptr<Outcome> outcome_ = std::make_shared<Outcome>();
};

class DecisionServer {
 public:
  DecisionServer() {
    grpc::ServerBuilder builder;
    builder.RegisterService(&service_);
    server_ = builder.BuildAndStart();
    stub_ = v1::DecisionService::NewStub(server_->InProcessChannel({}));
  }

  ~DecisionServer() {
    server_->Shutdown(std::chrono::system_clock::now());
    server_->Wait();
  }

  worker::DecisionHub& hub() { return hub_; }
  v1::DecisionService::Stub& stub() { return *stub_; }

  // DecisionOf returns a decision on listeners/a and secureContexts/a.
  static worker::Decision DecisionOf(const std::string& label,
                                     tls::Question question) {
    worker::Decision decision;
    decision.question =
        std::make_shared<const tls::Question>(std::move(question));
    decision.connection = "connections/c-1-0";
    decision.listener = "listeners/a";
    decision.secure_context = "secureContexts/a";
    decision.server_name = label;
    return decision;
  }

  Asked Ask(worker::Decision decision) {
    Asked asked;
    asked.name_ =
        hub_.Ask(std::move(decision),
                 [outcome = asked.outcome_](std::optional<tls::Answer> answer) {
                   outcome->answer = std::move(answer);
                   outcome->done.Notify();
                 });
    return asked;
  }
  Asked Ask(const std::string& label,
            tls::Question question = tls::ClientHelloFacts()) {
    return Ask(DecisionOf(label, std::move(question)));
  }

  // AskHandled asks until there is a handler.
  Asked AskHandled(const std::string& label) {
    while (true) {
      worker::Decision decision = DecisionOf(label, tls::ClientHelloFacts());
      decision.skip_without_handler = true;
      Asked asked = Ask(std::move(decision));
      if (!asked.is_done()) return asked;
      std::this_thread::yield();
    }
  }

  // AddContext adds "secureContexts/`id`".
  std::shared_ptr<const tls::SecureContext> AddContext(const std::string& id) {
    tls::DevelopmentCredentials credentials;
    credentials.server_names = {"a.test"};
    worker::ContextParts parts;
    parts.options.credentials = {credentials};
    parts.secure_context =
        tls::SecureContext::Create(parts.options, authority_, absl::Now())
            .value();
    return contexts_.Add(id, std::move(parts)).value()->secure_context;
  }

 private:
  tls::DevelopmentAuthority authority_;
  worker::ContextTable contexts_;
  worker::DecisionHub hub_;
  DecisionService service_{hub_, contexts_};
  std::unique_ptr<grpc::Server> server_;
  std::unique_ptr<v1::DecisionService::Stub> stub_;
};

// Handler is a client of HandleDecisions.
class Handler {
 public:
  explicit Handler(v1::DecisionService::Stub& stub) {
    WithDeadline(context_);
    stream_ = stub.HandleDecisions(&context_);
  }

  // Send does not look at what comes back.
  void Send(const v1::HandleDecisionsRequest& request) {
    stream_->Write(request);
  }
  void SendRegistration(const v1::HandlerRegistration& registration) {
    v1::HandleDecisionsRequest request;
    *request.mutable_registration() = registration;
    Send(request);
  }
  // Register waits until it is registered.
  void Register(const v1::HandlerRegistration& registration) {
    SendRegistration(registration);
    EXPECT_TRUE(Next().has_registered());
  }

  // Answer has no opinion, which is an answer to most questions.
  void Answer(const std::string& decision) {
    v1::HandleDecisionsRequest request;
    request.mutable_answer()->set_decision(decision);
    request.mutable_answer()->mutable_no_opinion();
    Send(request);
  }

  // Next returns the next message; an empty one when the stream has ended.
  v1::HandleDecisionsResponse Next() {
    v1::HandleDecisionsResponse response;
    if (!stream_->Read(&response)) response.Clear();
    return response;
  }
  // NextLabel returns the label of the decision that comes next.
  std::string NextLabel() { return Next().decision().server_name(); }

  void HalfClose() { stream_->WritesDone(); }
  // Cancel ends the stream as a client that dies does.
  void Cancel() { context_.TryCancel(); }
  absl::Status Finish() { return FromRpcStatus(stream_->Finish()); }

 private:
  grpc::ClientContext context_;
  std::unique_ptr<grpc::ClientReaderWriter<v1::HandleDecisionsRequest,
                                           v1::HandleDecisionsResponse>>
      stream_;
};

}  // namespace tlsd::control

#endif  // TLSD_TESTS_UNIT_CONTROL_DECISION_SERVER_H_
