// DecisionHandler answers questions in the middle of handshakes, in the name of
// a program, over one stream.
//
//   auto handler = client.HandleDecisions(
//       {}, {.verify_peer = [](const Decision&, const VerifyPeerQuestion& peer)
//                -> AnswerOr<VerifyPeerAnswer> {
//         if (peer.authorized && IsWelcome(peer)) {
//           return VerifyPeerAnswer{.accept = true};
//         }
//         return Refusal{.alert = "access_denied"};
//       }});
//
// It arms no hook: `Listener`, `SecureContext` and `Connect` do. It keeps no
// thread of its own: answerers run one at a time on a thread of gRPC, and one
// that takes long holds up the others. Let such an answerer take a `Reply`,
// which can be answered later by any thread.
//
// Who holds the object owns the stream; destroying it ends it, and what is not
// answered is offered to other handlers. Any thread may call it, but an
// answerer must not destroy it.
#ifndef TLSD_CLIENT_DECISION_HANDLER_H_
#define TLSD_CLIENT_DECISION_HANDLER_H_

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "absl/time/time.h"
#include "client/decision.h"

namespace tlsd::client {

class ControlChannel;

// Reply answers one decision; `Expected` is the answer of its type. It can be
// copied, used by any thread, and outlive the handler. The first answer wins.
// Without any, the hook says what becomes of the handshake.
template <typename Expected>
class Reply {
 public:
  using Sender = std::function<void(Answer)>;

  explicit Reply(Sender send) : send_(std::move(send)) {}

  // Send answers: with `Expected`, NoOpinion, Refusal, or an error, which
  // refuses. It does not wait. When the handler has ended, it does nothing.
  void Send(AnswerOr<Expected> answer) const {
    if (!answer.ok()) return send_(Refusal{});
    std::visit([this](auto& each) { send_(std::move(each)); }, *answer);
  }

 private:
  Sender send_;
};

// Answerer is what a program does with questions of one type: a function of a
// decision and its question that either returns the answer, or takes a third
// argument, the Reply.
template <typename QuestionType, typename Expected>
class Answerer {
 public:
  using Function = std::function<void(const Decision&, const QuestionType&,
                                      Reply<Expected>)>;

  // There is none: such questions are for others.
  Answerer() = default;

  template <typename Callable,
            std::enable_if_t<
                std::is_invocable_v<Callable&, const Decision&,
                                    const QuestionType&, Reply<Expected>>,
                int> = 0>
  Answerer(Callable callable) : function_(std::move(callable)) {}

  template <typename Callable,
            std::enable_if_t<
                std::is_invocable_r_v<AnswerOr<Expected>, Callable&,
                                      const Decision&, const QuestionType&>,
                int> = 0>
  Answerer(Callable callable)
      : function_([callable = std::move(callable)](
                      const Decision& decision, const QuestionType& question,
                      const Reply<Expected>& reply) mutable {
          reply.Send(callable(decision, question));
        }) {}

  explicit operator bool() const { return function_ != nullptr; }

  void operator()(const Decision& decision, const QuestionType& question,
                  Reply<Expected> reply) const {
    function_(decision, question, std::move(reply));
  }

 private:
  Function function_;
};

// Answerers is what a handler does: with at least one type of questions.
struct Answerers {
  Answerer<ClientHelloQuestion, ClientHelloAnswer> client_hello = {};
  Answerer<OcspStapleQuestion, OcspStapleAnswer> ocsp_staple = {};
  Answerer<SessionLookupQuestion, SessionLookupAnswer> session_lookup = {};
  Answerer<SessionStoreQuestion, SessionStoreAnswer> session_store = {};
  Answerer<VerifyPeerQuestion, VerifyPeerAnswer> verify_peer = {};
  Answerer<SignQuestion, SignAnswer> sign = {};

  // Told of an answer that was not used, and why, as ResolveDecision would
  // fail: e.g. DECISION_NOT_PENDING if it came too late. It runs as answerers
  // do.
  std::function<void(const std::string& decision, const absl::Status& error)>
      answer_failed = {};
};

// HandlerOptions says which decisions a handler gets.
struct HandlerOptions {
  // Only these types, each with an answerer. Default: those that have one.
  std::vector<DecisionType> types = {};
  // Only those of these listeners and secure contexts, by name. Default: all.
  // At most 100.
  std::vector<std::string> subjects = {};
  // How many may wait for this handler at once, at most 10000. 0: the default,
  // 1000.
  int max_pending = 0;
};

class DecisionHandler {
 public:
  // Moving leaves `other` good for destruction and assignment only.
  DecisionHandler(DecisionHandler&& other) noexcept;
  DecisionHandler& operator=(DecisionHandler&& other) noexcept;

  // As `Stop`; then waits until no answerer runs.
  ~DecisionHandler();

  // status returns how the stream has ended: OK after `Stop`; SHUTTING_DOWN or
  // UNAVAILABLE when the daemon has. It is unset while the handler answers.
  std::optional<absl::Status> status() const;

  // Wait waits until the stream has ended and returns its status. It fails with
  // WAIT_TIMEOUT after `timeout`, while the handler goes on.
  absl::Status Wait(absl::Duration timeout = absl::InfiniteDuration()) const;

  // Stop takes no more questions, sends the answers that were given, and ends
  // the stream. It does not wait for that.
  void Stop();

 private:
  friend class Client;

  class Stream;

  // Open returns when the daemon has taken the handler in.
  static absl::StatusOr<DecisionHandler> Open(
      std::shared_ptr<ControlChannel> channel, const HandlerOptions& options,
      Answerers answerers);

  explicit DecisionHandler(std::shared_ptr<Stream> stream);

  std::shared_ptr<Stream> stream_;
};

}  // namespace tlsd::client

#endif  // TLSD_CLIENT_DECISION_HANDLER_H_
